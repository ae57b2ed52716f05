"""What people are shown of an event and of their own registration."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.model import Value

EventStatus = Literal["draft", "published", "finished", "cancelled"]


class EventCard(Value):
    """An event as a person in a chat sees it."""

    id: UUID
    code: str = Field(min_length=6, max_length=6)
    """Short code for links and posters, without 0, O, 1 and I."""
    title: str
    description: str
    starts_at: AwareDatetime
    timezone: str
    """IANA name of the zone that the event is told in."""
    location: str
    max_participants: int
    seats_left: int = Field(ge=0)
    status: EventStatus
    version: int
    """Rises with every change; a newer notice beats an older one."""


class RegistrationCard(Value):
    """A person's seat."""

    id: UUID
    event: EventCard
    status: Literal["confirmed", "cancelled"]
    ticket: str | None = None
    """The signed code that the ticket's QR shows; none once cancelled."""
    name: str
