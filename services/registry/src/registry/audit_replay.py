"""The state of every event and registration, made anew from the audit alone.

What the audit lacks on purpose is lacking here as well: names on tickets are personal, and a
ticket follows from the id of its registration. Everything else is as in the tables, so that
whoever has only the audit can say who had which seat when, and whether the tables are right.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import TypeAdapter

from registry.rules import Event, over_by
from registry.seats import HOLDING, Seat

_EVENT = TypeAdapter(Event)
_SEAT = TypeAdapter(Seat)


class AuditRow(Protocol):
    """A row of `audit`, or what will become one."""

    @property
    def at(self) -> datetime: ...  # noqa: D102 - as in the table
    @property
    def event_id(self) -> UUID: ...  # noqa: D102
    @property
    def registration_id(self) -> UUID | None: ...  # noqa: D102
    @property
    def before(self) -> Mapping[str, Any] | None: ...  # noqa: D102
    @property
    def after(self) -> Mapping[str, Any] | None: ...  # noqa: D102


class BrokenHistory(Exception):
    """A change does not begin where the one before it ended: something was changed unnoted."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Everything as it is after the last row."""

    events: Mapping[UUID, Event]
    """With their counters, counted anew."""
    created_at: Mapping[UUID, datetime]
    """When each event was added."""
    registrations: Mapping[UUID, Seat]
    """Also those that have ended; without names and tickets."""
    event_of: Mapping[UUID, UUID]
    """The event of each registration."""


@dataclass(slots=True)
class _Folded:
    created_at: datetime
    event: Mapping[str, Any] | None = None
    registrations: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    queue_last: int = 0


def rebuild(rows: Iterable[AuditRow]) -> Rebuilt:
    """Fold the audit.

    Args:
        rows: in the order of their ids, from the very first on.

    Raises:
        BrokenHistory: a row is missing, or something was changed without one.
    """
    folded: dict[UUID, _Folded] = {}
    for row in rows:
        of_event = folded.setdefault(row.event_id, _Folded(row.at))
        _fold(of_event, row)
    events, registrations, event_of = {}, {}, {}
    for event_id, of_event in folded.items():
        seats = {
            key: _SEAT.validate_python({"name": ""} | dict(after))
            for key, after in of_event.registrations.items()
        }
        events[event_id] = _counted(of_event, seats)
        registrations.update(seats)
        event_of.update(dict.fromkeys(seats, event_id))
    return Rebuilt(
        events=events,
        created_at={event_id: of_event.created_at for event_id, of_event in folded.items()},
        registrations=registrations,
        event_of=event_of,
    )


def _fold(of_event: _Folded, row: AuditRow) -> None:
    key = row.registration_id
    known = of_event.event if key is None else of_event.registrations.get(key)
    if row.before != known or row.after is None:
        raise BrokenHistory(f"event {row.event_id}, registration {key}, at {row.at.isoformat()}")
    if key is None:
        of_event.event = row.after
    else:
        of_event.registrations[key] = row.after
        of_event.queue_last = max(of_event.queue_last, row.after.get("queue_number", 0))


def _counted(of_event: _Folded, seats: Mapping[UUID, Seat]) -> Event:
    if of_event.event is None:
        raise BrokenHistory("registrations of an event that nobody has added")
    event = _EVENT.validate_python(dict(of_event.event))
    counts: defaultdict[str, int] = defaultdict(int)
    for seat in seats.values():
        counts[seat.status] += 1
    taken = sum(counts[status] for status in HOLDING)
    return replace(
        event,
        taken=taken,
        over_by=over_by(taken, event.max_participants),
        held=counts["held"],
        offered=counts["offered"],
        waiting=counts["waiting"],
        checked_in=sum(seat.checked_in_at is not None for seat in seats.values()),
        queue_last=of_event.queue_last,
    )
