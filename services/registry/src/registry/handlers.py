"""Every command: carried out once, answered as often as it is asked."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    Address,
    CancelEvent,
    CancelRegistration,
    ChangeEvent,
    ClaimSeat,
    Command,
    CommandFailed,
    CommandOutcome,
    CreateEvent,
    SendDueReminders,
    derived_id,
)
from registry.database import Database
from registry.event_commands import cancel_event, change_event, create_event
from registry.event_store import lock_event
from registry.journal import find_handled, lock_command, remember
from registry.results import NoticesHandedOver, Said, Stored
from registry.seat_commands import cancel_registration, claim_seat
from registry.tick_commands import send_due_reminders
from registry.tickets import Tickets
from registry.work import Work
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.faults import crash_point
from runtime.metrics import counter

log = structlog.get_logger()

_commands = counter(
    "turnout_commands_total", "Commands by what became of them.", ("command", "outcome")
)
_notices = counter("turnout_notices_total", "Planned notices by what became of them.", ("outcome",))

CARRY_OUT: dict[type[Command], Callable[[Work, Any], Awaitable[Stored]]] = {
    ClaimSeat: claim_seat,
    CancelRegistration: cancel_registration,
    CreateEvent: create_event,
    ChangeEvent: change_event,
    CancelEvent: cancel_event,
    SendDueReminders: send_due_reminders,
}
_BY_NAME = {kind.subject.split(".")[1]: kind for kind in CARRY_OUT}


def decode(subject: str, body: bytes) -> Command:
    """The command behind a subject's second token.

    Raises:
        ValueError: no command of ours, or not in its form.
    """
    kind = _BY_NAME.get(subject.split(".")[1])
    if kind is None:
        raise ValueError("no such command")
    return kind.model_validate_json(body)


class Handlers:
    """Carries commands out, each in one transaction."""

    def __init__(
        self, *, database: Database, broker: Broker, clock: Clock, tickets: Tickets
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._tickets = tickets

    async def handle(self, command: Command) -> None:
        """Carry a command out, or find that it was, and say its outcome.

        Raises:
            Unavailable: PostgreSQL or the broker is away; what was committed is said later.
            Retry: the event is busy. Never a reason to say that it is full.
        """
        stored, is_new = await self._database.run(partial(self._once, command))
        crash_point("registry.after-commit")
        _count(command, stored, is_new=is_new)
        await self._say(stored)
        log.info(
            "command carried out" if is_new else "command repeated",
            command=command.subject.split(".")[1],
            outcome=stored.result.kind,
        )

    async def _once(self, command: Command, connection: AsyncConnection) -> tuple[Stored, bool]:
        event_id: UUID | None = getattr(command, "event_id", None)
        event = None
        if event_id:
            event = await lock_event(connection, event_id)
        else:
            await lock_command(connection, command.id)
        # Read after the lock: the same command on another replica has either committed by now,
        # and is found, or waits behind this one.
        if stored := await find_handled(connection, command.id):
            return stored, False
        now = self._clock.now()
        work = Work(connection=connection, event=event, now=now, tickets=self._tickets)
        stored = await CARRY_OUT[type(command)](work, command)
        await remember(connection, command, stored, now)
        crash_point("registry.before-commit")
        return stored, True

    async def _say(self, stored: Stored) -> None:
        for place, said in enumerate(stored.messages):
            await self._broker.publish_raw(said.subject, said.encoded(), id=said.id)
            if place == 0:
                crash_point("registry.after-outcome")

    async def give_up(self, command: Command, reason: str) -> None:
        """A command is set aside: its chat is told so, and so is whoever asks for its outcome."""
        stored = await self._database.run(partial(self._fail, command))
        await self._say(stored)
        log.error("command given up", command=command.subject.split(".")[1], reason=reason)

    async def _fail(self, command: Command, connection: AsyncConnection) -> Stored:
        # It may have been carried out, and only telling of it went wrong.
        if stored := await find_handled(connection, command.id):
            return stored
        now = self._clock.now()
        address: Address | None = getattr(command, "address", None)
        failed = CommandFailed()
        told = address and CommandOutcome(
            # Another id than the outcome's: if an operator sends the command again and it
            # succeeds, the chat hears of that too.
            id=derived_id(command.id, "failed"),
            occurred_at=now,
            correlation_id=command.correlation_id,
            address=address,
            command_id=command.id,
            outcome=failed,
        )
        stored = Stored(result=failed, messages=(Said.of(told),) if told else ())
        await remember(connection, command, stored, now, failed=True)
        return stored


def _count(command: Command, stored: Stored, *, is_new: bool) -> None:
    outcome = stored.result.kind if is_new else "repeated"
    _commands.labels(command=command.subject.split(".")[1], outcome=outcome).inc()
    if is_new and isinstance(stored.result, NoticesHandedOver):
        _notices.labels(outcome="sent").inc(stored.result.sent)
        _notices.labels(outcome="dropped").inc(stored.result.dropped)
