"""What is allowed, decided from values alone: no database, no clock, no message."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts import EventCard, EventDetails, EventStatus, NoticeKind


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
    taken: int
    over_by: int
    status: EventStatus
    version: int
    start_version: int

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
        )

    def with_taken(self, taken: int) -> "Event":
        """The event with another number of taken seats."""
        return replace(self, taken=taken, over_by=over_by(taken, self.max_participants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A registration, as far as rules ask for it."""

    id: UUID
    user_id: UUID
    status: str
    name: str
    ticket: str | None


def over_by(taken: int, max_participants: int) -> int:
    """How many seats are taken above the capacity, after somebody lowered it."""
    return max(0, taken - max_participants)


ClaimDecision = Literal["seat", "already", "full", "draft", "started", "cancelled", "unknown-event"]


def claim(event: Event | None, own: Seat | None, now: datetime) -> ClaimDecision:
    """Whether somebody gets a seat.

    Args:
        event: the locked event; None when there is no such event.
        own: the seat that this person has there already.
        now: business time.
    """
    if event is None:
        return "unknown-event"
    if event.status == "cancelled":
        return "cancelled"
    if own is not None:
        return "already"
    if event.status == "draft":
        return "draft"
    if event.status == "finished" or event.starts_at <= now:
        return "started"
    if event.seats_left == 0:
        return "full"
    return "seat"


ReleaseDecision = Literal["release", "already", "not-yours", "started"]


def release(
    event: Event | None,
    seat: Seat | None,
    asker: UUID | Literal["organiser"] | None,
    now: datetime,
) -> ReleaseDecision:
    """Whether a seat may be given back.

    Args:
        event: the locked event; None when there is no such event.
        seat: the registration asked about; None when this event has no such registration.
        asker: the person behind the chat, None for a chat that we do not know.
        now: business time.
    """
    # A stranger learns nothing: a wrong id and somebody else's seat get the same answer.
    if event is None or seat is None or asker not in ("organiser", seat.user_id):
        return "not-yours"
    if seat.status == "cancelled":
        return "already"
    if event.status == "finished" or event.starts_at <= now:
        return "started"
    return "release"


WriteRefusal = Literal[
    "unknown-event",
    "stale",
    "cancelled",
    "finished",
    "started",
    "past-start",
    "unpublish",
]


def create(event_id: UUID, code: str, details: EventDetails, now: datetime) -> Event | WriteRefusal:
    """A new event, unless it would start in the past."""
    if details.starts_at <= now:
        return "past-start"
    return Event(
        id=event_id,
        code=code,
        **details.model_dump(),
        taken=0,
        over_by=0,
        version=1,
        start_version=1,
    )


def change(
    event: Event | None, expected_version: int, details: EventDetails, now: datetime
) -> Event | WriteRefusal:
    """The event with new details; the same object when nothing is different.

    Lowering the capacity below what is taken drops nobody: it only stops new claims.
    """
    if event is None:
        return "unknown-event"
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


def call_off(event: Event | None, now: datetime) -> Event | WriteRefusal:
    """The event cancelled; the same object when it already was."""
    if event is None:
        return "unknown-event"
    if event.status == "cancelled":
        return event
    if event.status == "finished" or (event.status == "published" and event.starts_at <= now):
        return "started"
    return replace(event, status="cancelled", version=event.version + 1)


def is_still_true(
    kind: NoticeKind, event_version: int, event: Event, seat_status: str, now: datetime
) -> bool:
    """Whether a planned notice may still be told.

    Args:
        kind: what it says.
        event_version: the version of the event that it was planned for.
        event: the event as it is now.
        seat_status: the registration as it is now.
        now: business time.
    """
    if seat_status != "confirmed":
        return False
    match kind:
        case "reminder-24h" | "reminder-1h":
            # A corrected typo makes a new version, but only a moved start makes this untrue.
            current = event.start_version <= event_version <= event.version
            return current and event.status == "published" and event.starts_at > now
        case "event-cancelled":
            return event.status == "cancelled"
        case "event-changed":
            return event.status == "published" and event_version == event.version
