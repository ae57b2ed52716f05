"""Every command: carried out once, answered as often as it is asked."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Command, CommandFailed, derived_id
from registry.batches import Batches
from registry.carrying_out import Done, carry_out
from registry.database import Database
from registry.journal import command_name, find_handled, remember
from registry.messages.results import MessagesFed
from registry.newest_versions import NewestVersions
from registry.proof_codes import ProofCodes
from registry.results import Answer, NoticesHandedOver, Stored
from registry.tickets import Tickets
from registry.work import RETENTION_DAYS, Work
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.faults import crash_point
from runtime.metrics import counter

log = structlog.get_logger()

_commands = counter(
    "turnout_commands_total", "Commands by what became of them.", ("command", "outcome")
)
_notices = counter("turnout_notices_total", "Planned notices by what became of them.", ("outcome",))


_recipients = counter(
    "turnout_recipients_handed_over_total", "Recipients of organisers' messages, handed over."
)
_stopped = counter(
    "turnout_messages_stopped_total", "Organisers' messages that stopped by themselves."
)


class Handlers:
    """Carries commands out, those of one event together."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        clock: Clock,
        tickets: Tickets,
        codes: ProofCodes,
        proof_by_email: bool,
        retention_days: int = RETENTION_DAYS,
        commands_per_batch_max: int,
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._tickets = tickets
        self._codes = codes
        self._proof_by_email = proof_by_email
        self._retention_days = retention_days
        self._newest = NewestVersions(broker)
        self._batches = Batches(self.carry_out, commands_per_batch_max=commands_per_batch_max)

    async def handle(self, command: Command) -> None:
        """Carry a command out, or find that it was, and say its outcome.

        Raises:
            Unavailable: PostgreSQL or the broker is away; what was committed is said later.
            Retry: the event is busy. Never a reason to say that it is full.
        """
        done = await self._batches.submit(command)
        _count(command, done)
        await self._say(done.stored)
        log.info(
            "command carried out" if done.is_new else "command repeated",
            command=command_name(command),
            outcome=done.stored.result.kind,
        )

    async def carry_out(self, commands: Sequence[Command]) -> list[Done]:
        """Carry commands of one event out in one transaction: all of them, or none.

        Raises:
            Unavailable: PostgreSQL is away; it may have been committed all the same.
            Retry: others hold what is needed; nothing was changed.
            Exception: one of them cannot be carried out; nothing was changed.
        """
        done = await self._database.run(partial(self._transact, commands, self._clock.now()))
        crash_point("registry.after-commit")
        return done

    async def _transact(
        self, commands: Sequence[Command], now: datetime, connection: AsyncConnection
    ) -> list[Done]:
        work = Work(
            connection=connection,
            now=now,
            tickets=self._tickets,
            codes=self._codes,
            proof_by_email=self._proof_by_email,
            retention_days=self._retention_days,
        )
        return await carry_out(commands, work)

    async def _say(self, stored: Stored) -> None:
        # First what stops older notices, then what may cause newer ones.
        await self._newest.make_known(stored.newest)
        for place, said in enumerate(stored.messages):
            await self._broker.publish_raw(said.subject, said.body.encode(), id=said.id)
            if place == 0:
                crash_point("registry.after-outcome")

    async def give_up(self, command: Command, reason: str) -> None:
        """A command is set aside: its chat is told so, and so is whoever asks for its outcome."""
        stored = await self._database.run(partial(self._fail, command))
        await self._say(stored)
        log.error("command given up", command=command_name(command), reason=reason)

    async def _fail(self, command: Command, connection: AsyncConnection) -> Stored:
        # It may have been carried out, and only telling of it went wrong.
        if stored := (await find_handled(connection, [command], self._tickets)).get(command.id):
            return stored
        now = self._clock.now()
        failed = CommandFailed()
        # Another id than the outcome's: if an operator sends the command again and it succeeds,
        # the chat hears of that too.
        told = getattr(command, "address", None) and Answer.to(
            command, failed, id=derived_id(command.id, "failed"), at=now
        )
        stored = Stored(result=failed, messages=(told,) if told else ())
        await remember(connection, [(command, stored)], now, failed=True)
        return stored


def _count(command: Command, done: Done) -> None:
    result = done.stored.result
    outcome = result.kind if done.is_new else "repeated"
    _commands.labels(command=command_name(command), outcome=outcome).inc()
    if done.is_new and isinstance(result, NoticesHandedOver):
        _notices.labels(outcome="sent").inc(result.sent)
        _notices.labels(outcome="dropped").inc(result.dropped)
    if done.is_new and isinstance(result, MessagesFed):
        _recipients.labels().inc(result.handed_over)
        _stopped.labels().inc(result.stopped)
