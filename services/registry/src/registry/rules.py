"""What organisers and time may do with an event, decided from values alone."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts import EventCard, EventDetails, EventStatus

EVENT_HOURS_MAX = 24
"""Events have no end; so long after the start they count as going on: people stand at the door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as it is while its row is locked."""

    id: UUID
    code: str
    title: str
    description: str
    starts_at: datetime
    timezone: str
    location: str
    max_participants: int
    status: EventStatus
    version: int
    start_version: int
    registration_opens_at: datetime | None = None
    registration_closes_at: datetime | None = None
    taken: int = 0
    """Confirmed, held and offered seats."""
    over_by: int = 0
    held: int = 0
    offered: int = 0
    waiting: int = 0
    checked_in: int = 0
    queue_last: int = 0
    """The number that the last person in line got."""

    @property
    def seats_left(self) -> int:
        """Free seats; none when the capacity was lowered below what is taken."""
        return max(0, self.max_participants - self.taken)

    def card(self) -> EventCard:
        """The event as a person in a chat sees it."""
        return EventCard(
            id=self.id,
            code=self.code,
            title=self.title,
            description=self.description,
            starts_at=self.starts_at,
            timezone=self.timezone,
            location=self.location,
            max_participants=self.max_participants,
            seats_left=self.seats_left,
            status=self.status,
            version=self.version,
            waiting=self.waiting,
            registration_opens_at=self.registration_opens_at,
            registration_closes_at=self.registration_closes_at,
        )


def over_by(taken: int, max_participants: int) -> int:
    """How many seats are taken above the capacity, after somebody lowered it."""
    return max(0, taken - max_participants)


WriteRefusal = Literal[
    "unknown-event",
    "unknown-registration",
    "stale",
    "cancelled",
    "finished",
    "started",
    "past-start",
    "bad-window",
    "unpublish",
    "not-published",
    "no-seat-left",
    "line-full",
    "already-registered",
    "not-active",
    "not-confirmed",
    "checked-in",
    "not-checked-in",
]


def create(event_id: UUID, code: str, details: EventDetails, now: datetime) -> Event | WriteRefusal:
    """A new event, unless it would start in the past."""
    if details.starts_at <= now:
        return "past-start"
    if not _is_window(details):
        return "bad-window"
    return Event(id=event_id, code=code, **details.model_dump(), version=1, start_version=1)


def change(
    event: Event, expected_version: int, details: EventDetails, now: datetime
) -> Event | WriteRefusal:
    """The event with new details; the same object when nothing is different.

    Lowering the capacity below what is taken drops nobody: it only stops new claims.
    """
    if event.version != expected_version:
        return "stale"
    if event.status == "cancelled":
        return "cancelled"
    if event.status == "finished":
        return "finished"
    if event.status == "published" and details.status == "draft":
        return "unpublish"
    moved = details.starts_at != event.starts_at
    opened = event.status == "draft" and details.status == "published"
    if (moved or opened) and details.starts_at <= now:
        return "past-start"
    if not _is_window(details):
        return "bad-window"
    changed = replace(event, **details.model_dump())
    if changed == event:
        return event
    version = event.version + 1
    return replace(
        changed,
        over_by=over_by(event.taken, details.max_participants),
        version=version,
        start_version=version if moved else event.start_version,
    )


def _is_window(details: EventDetails) -> bool:
    """Whether registration opens before it closes, and closes by the start."""
    closes_at = details.registration_closes_at or details.starts_at
    opens_at = details.registration_opens_at
    return closes_at <= details.starts_at and (opens_at is None or opens_at < closes_at)


def call_off(event: Event, now: datetime) -> Event | WriteRefusal:
    """The event cancelled; the same object when it already was."""
    if event.status == "cancelled":
        return event
    if event.status == "finished" or (event.status == "published" and event.starts_at <= now):
        return "started"
    return replace(event, status="cancelled", version=event.version + 1)


def finish(event: Event, now: datetime) -> Event:
    """The event finished, if its time is over; else the same object."""
    over = event.starts_at + timedelta(hours=EVENT_HOURS_MAX) <= now
    if event.status != "published" or not over:
        return event
    return replace(event, status="finished", version=event.version + 1)
