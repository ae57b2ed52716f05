"""Which ticks there are, when each is due, and what it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from contracts import (
    Command,
    FeedMessages,
    SendDueReminders,
    SweepInvariants,
    TendEvents,
    TendPeople,
)
from contracts.ids import TURNOUT

REMINDERS_PERIOD_SECONDS = 5
"""A reminder is late by this at the most (and by the time that the chain takes)."""
TENDING_PERIOD_SECONDS = 2
"""An offer that ran out goes on to the next person within 5 s."""
FEEDING_PERIOD_SECONDS = 2
"""Each hands over 500 recipients at most, so 250 a second: three times what one account may send.
"""
PEOPLE_PERIOD_SECONDS = 10
"""Whoever wished to be forgotten is gone from everywhere within a minute, where everything runs."""
SWEEP_PERIOD_SECONDS = 300
"""A sweep looks at every registration."""

Say = Callable[[UUID, datetime], Command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Something that is due again and again."""

    name: str
    period_seconds: int
    say: Say
    """(id, due) → the command; nothing but these may be in it, so that replicas say the same."""

    def due_at(self, now: datetime) -> datetime:
        """The latest multiple of the period that has passed by `now`."""
        seconds = int(now.timestamp())
        return datetime.fromtimestamp(seconds - seconds % self.period_seconds, UTC)

    def command(self, due_at: datetime) -> Command:
        """The command of this time: the same, id and all, whoever says it."""
        return self.say(uuid5(TURNOUT, f"tick:{self.name}:{due_at.isoformat()}"), due_at)


_Kind = (
    type[SendDueReminders]
    | type[TendEvents]
    | type[FeedMessages]
    | type[TendPeople]
    | type[SweepInvariants]
)


def _of(kind: _Kind) -> Say:
    def say(command_id: UUID, due_at: datetime) -> Command:
        return kind(id=command_id, occurred_at=due_at, correlation_id=command_id, due_at=due_at)

    return say


TICKS: tuple[Tick, ...] = (
    Tick(
        name="send-due-reminders",
        period_seconds=REMINDERS_PERIOD_SECONDS,
        say=_of(SendDueReminders),
    ),
    Tick(name="tend-events", period_seconds=TENDING_PERIOD_SECONDS, say=_of(TendEvents)),
    Tick(name="feed-messages", period_seconds=FEEDING_PERIOD_SECONDS, say=_of(FeedMessages)),
    Tick(name="tend-people", period_seconds=PEOPLE_PERIOD_SECONDS, say=_of(TendPeople)),
    Tick(name="sweep-invariants", period_seconds=SWEEP_PERIOD_SECONDS, say=_of(SweepInvariants)),
)
