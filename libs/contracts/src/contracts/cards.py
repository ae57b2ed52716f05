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
    waiting: int = Field(default=0, ge=0)
    """How many wait for a seat."""
    registration_opens_at: AwareDatetime | None = None
    registration_closes_at: AwareDatetime | None = None


RegistrationStatus = Literal["confirmed", "held", "waiting", "offered", "cancelled"]
"""`offered`: a seat is kept for somebody who waited, until `offer_expires_at`. `held`: one is kept
for somebody who has yet to prove an address, until `hold_expires_at`."""


class RegistrationCard(Value):
    """A person's seat, or place in line."""

    id: UUID
    event: EventCard
    status: RegistrationStatus
    ticket: str | None = None
    """The signed code that the ticket's QR shows; only while confirmed."""
    name: str
    position: int | None = Field(default=None, ge=1)
    """The place in line, from 1; only while waiting."""
    offer_expires_at: AwareDatetime | None = None
    """Until when the offered seat is kept."""
    hold_expires_at: AwareDatetime | None = None
    """Until when the held seat is kept."""
    checked_in_at: AwareDatetime | None = None
