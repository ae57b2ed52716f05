"""What happened, by ids only: nothing personal is kept in the EVENTS stream."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from contracts.message import Message

NoticeKind = Literal["reminder-24h", "reminder-1h", "event-changed", "event-cancelled"]


class RegistrationConfirmed(Message):
    """Somebody has a seat."""

    subject: ClassVar[str] = "registration.confirmed"

    registration_id: UUID
    event_id: UUID


class RegistrationCancelled(Message):
    """Somebody's seat is free again."""

    subject: ClassVar[str] = "registration.cancelled"

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


class NoticeDue(Message):
    """One person is to be told one thing now; `FindNotice` tells whom and what."""

    subject: ClassVar[str] = "notice.due"

    kind: NoticeKind
    registration_id: UUID
    event_id: UUID
    event_version: int
    expires_at: AwareDatetime
    """After this it is worth nothing and is dropped with a note."""
