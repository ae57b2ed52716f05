"""What happened, by ids only: nothing personal is kept in the EVENTS stream."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from contracts.message import Message

NoticeKind = Literal[
    "reminder-24h",
    "reminder-1h",
    "event-changed",
    "event-cancelled",
    "seat-offered",
    "offer-expired",
    "seat-confirmed",
    "place-in-line",
    "registration-cancelled",
    "transfer-offered",
    "transfer-declined",
    "seat-transferred",
    "organiser-message",
    "hold-expired",
]
"""What one person is told without having asked just now.

`organiser-message` is written by an organiser; `NoticeDue.message_id` says which.
`seat-confirmed` and `place-in-line` also answer an organiser's "send it again". `transfer-offered`
goes to whom a seat is promised, `transfer-declined` and `seat-transferred` to whose it was.
`hold-expired`: the seat was kept for a proof that did not come.
"""

EndReason = Literal[
    "given-back",
    "left",
    "declined",
    "expired",
    "organiser",
    "transferred",
    "unproven",
    "merged",
    "forgotten",
]
"""Why a registration ended. `unproven`: it was held for a proof that did not come. `merged`: the
person turned out to have another one. `forgotten`: the person wished to be."""


class RegistrationConfirmed(Message):
    """Somebody has a seat."""

    subject: ClassVar[str] = "registration.confirmed"

    registration_id: UUID
    event_id: UUID


class RegistrationCancelled(Message):
    """A registration ended: a seat, an offer or a place in line."""

    subject: ClassVar[str] = "registration.cancelled"

    registration_id: UUID
    event_id: UUID
    reason: EndReason = "given-back"


class RegistrationQueued(Message):
    """Somebody waits for a seat."""

    subject: ClassVar[str] = "registration.queued"

    registration_id: UUID
    event_id: UUID


class RegistrationOffered(Message):
    """A seat is kept for the first who waited, until the offer ends."""

    subject: ClassVar[str] = "registration.offered"

    registration_id: UUID
    event_id: UUID
    offer_expires_at: AwareDatetime


class RegistrationTransferred(Message):
    """A seat went to another person, under a new registration with a new ticket."""

    subject: ClassVar[str] = "registration.transferred"

    registration_id: UUID
    """The new one."""
    from_registration_id: UUID
    event_id: UUID


class RegistrationCheckedIn(Message):
    """Somebody came in."""

    subject: ClassVar[str] = "registration.checked-in"

    registration_id: UUID
    event_id: UUID


class RegistrationCheckInUndone(Message):
    """A check-in was a mistake."""

    subject: ClassVar[str] = "registration.check-in-undone"

    registration_id: UUID
    event_id: UUID


class EventPublished(Message):
    """People can register from now on."""

    subject: ClassVar[str] = "event.published"

    event_id: UUID
    event_version: int


class EventChanged(Message):
    """An organiser changed something."""

    subject: ClassVar[str] = "event.changed"

    event_id: UUID
    event_version: int


class EventCancelled(Message):
    """The event will not take place."""

    subject: ClassVar[str] = "event.cancelled"

    event_id: UUID
    event_version: int


class EventFinished(Message):
    """The event is over."""

    subject: ClassVar[str] = "event.finished"

    event_id: UUID
    event_version: int


class NoticeDue(Message):
    """One person is to be told one thing now; `FindNotice` tells whom and what."""

    subject: ClassVar[str] = "notice.due"

    kind: NoticeKind
    registration_id: UUID
    event_id: UUID
    event_version: int
    expires_at: AwareDatetime
    """After this it is worth nothing and is dropped with a note."""
    message_id: UUID | None = None
    """The organiser's message that is to be told."""
