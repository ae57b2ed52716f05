"""Which ticks there are, when each is due, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from contracts import Command, SendDueReminders
from contracts.ids import TURNOUT

REMINDERS_PERIOD_SECONDS = 5
"""A reminder is late by this at the most (and by the time that the chain takes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Something that is due again and again."""

    name: str
    period_seconds: int
    say: Callable[[UUID, datetime], Command]
    """(id, due) → the command; nothing but these may be in it, so that replicas say the same."""

    def due_at(self, now: datetime) -> datetime:
        """The latest multiple of the period that has passed by `now`."""
        seconds = int(now.timestamp())
        return datetime.fromtimestamp(seconds - seconds % self.period_seconds, UTC)

    def command(self, due_at: datetime) -> Command:
        """The command of this time: the same, id and all, whoever says it."""
        return self.say(uuid5(TURNOUT, f"tick:{self.name}:{due_at.isoformat()}"), due_at)


def _send_due_reminders(command_id: UUID, due_at: datetime) -> Command:
    return SendDueReminders(
        id=command_id, occurred_at=due_at, correlation_id=command_id, due_at=due_at
    )


TICKS: tuple[Tick, ...] = (
    Tick(
        name="send-due-reminders",
        period_seconds=REMINDERS_PERIOD_SECONDS,
        say=_send_due_reminders,
    ),
)
