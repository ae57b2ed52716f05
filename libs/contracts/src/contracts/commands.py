"""What the registry is asked to do. Every write is one of these."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.address import Address, Platform
from contracts.inbound import Sender
from contracts.message import Message
from contracts.model import Value

NAME_CHARACTERS_MIN, NAME_CHARACTERS_MAX = 2, 80
TITLE_CHARACTERS_MAX = 120
DESCRIPTION_CHARACTERS_MAX = 1500
LOCATION_CHARACTERS_MAX = 200
PARTICIPANTS_MAX = 100_000


class Command(Message):
    """A wish that ends in exactly one stored outcome, however often it is delivered."""


class _AboutEvent(Command):
    event_id: UUID

    def route(self) -> str:
        return self.subject.format(event_id=self.event_id)


class ClaimSeat(_AboutEvent):
    """This person wants a seat."""

    subject: ClassVar[str] = "command.claim-seat.{event_id}"

    address: Address
    """The chat that asks, and that the outcome is told to."""
    sender: Sender
    name: str = Field(min_length=NAME_CHARACTERS_MIN, max_length=NAME_CHARACTERS_MAX)
    email_claimed: str = Field(max_length=254)
    """Typed, not proven: it joins nobody to anything."""
    language: Literal["en", "ru"]
    registered_via: Platform


class CancelRegistration(_AboutEvent):
    """This person gives the seat back."""

    subject: ClassVar[str] = "command.cancel-registration.{event_id}"

    registration_id: UUID
    address: Address | None
    """The chat that asks, which must own the registration; None when an organiser does it."""


class EventDetails(Value):
    """What an organiser says of an event."""

    title: str = Field(min_length=1, max_length=TITLE_CHARACTERS_MAX)
    description: str = Field(default="", max_length=DESCRIPTION_CHARACTERS_MAX)
    starts_at: AwareDatetime
    timezone: str
    """IANA name of a zone."""
    location: str = Field(default="", max_length=LOCATION_CHARACTERS_MAX)
    max_participants: int = Field(ge=1, le=PARTICIPANTS_MAX)
    status: Literal["draft", "published"] = "draft"


class CreateEvent(_AboutEvent):
    """An organiser adds an event under an id derived from the request."""

    subject: ClassVar[str] = "command.create-event.{event_id}"

    details: EventDetails


class ChangeEvent(_AboutEvent):
    """An organiser changes an event that nobody else has changed since it was read."""

    subject: ClassVar[str] = "command.change-event.{event_id}"

    expected_version: int
    details: EventDetails


class CancelEvent(_AboutEvent):
    """An organiser calls the event off; everybody with a seat is told."""

    subject: ClassVar[str] = "command.cancel-event.{event_id}"

    reason: str | None = Field(default=None, max_length=500)


class SendDueReminders(Command):
    """A tick: say which reminders are due by `due_at`; its id is derived from that time."""

    subject: ClassVar[str] = "command.send-due-reminders.tick"

    due_at: AwareDatetime
