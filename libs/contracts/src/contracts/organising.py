"""What organisers ask the registry for, through its API."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.commands import (
    EMAIL_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    NAME_CHARACTERS_MIN,
    AboutEvent,
    Command,
)
from contracts.model import Value

TITLE_CHARACTERS_MAX = 120
DESCRIPTION_CHARACTERS_MAX = 1500
LOCATION_CHARACTERS_MAX = 200
PARTICIPANTS_MAX = 100_000
REASON_CHARACTERS_MAX = 500
MESSAGE_CHARACTERS_MAX = 3_800
"""An organiser's own words: with our frame and the longest title they fit into the 4,096 of both
messengers (platforms.md C)."""
PARAMETER_UNITS_MAX = 750
"""In UTF-16 units, the stricter way to count: what is left of the 1,024 of a WhatsApp template
beside its frame and the longest title."""


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
    registration_opens_at: AwareDatetime | None = None
    """None: as soon as it is published."""
    registration_closes_at: AwareDatetime | None = None
    """None: when it starts."""


class _ByOrganiser(AboutEvent):
    by: str = "admin"
    """Which token asked, by id; never the token itself."""


class CreateEvent(_ByOrganiser):
    """An organiser adds an event under an id derived from the request."""

    subject: ClassVar[str] = "command.create-event.{event_id}"

    details: EventDetails


class ChangeEvent(_ByOrganiser):
    """An organiser changes an event that nobody else has changed since it was read."""

    subject: ClassVar[str] = "command.change-event.{event_id}"

    expected_version: int
    details: EventDetails


class CancelEvent(_ByOrganiser):
    """An organiser calls the event off; everybody with a seat or a place in line is told."""

    subject: ClassVar[str] = "command.cancel-event.{event_id}"

    reason: str | None = Field(default=None, max_length=REASON_CHARACTERS_MAX)


class AddRegistration(_ByOrganiser):
    """An organiser registers somebody who has no chat with us: at the desk, by phone."""

    subject: ClassVar[str] = "command.add-registration.{event_id}"

    name: str = Field(min_length=NAME_CHARACTERS_MIN, max_length=NAME_CHARACTERS_MAX)
    email_claimed: str | None = Field(default=None, max_length=EMAIL_CHARACTERS_MAX)
    language: Literal["en", "ru"] = "en"


class MoveRegistration(_ByOrganiser):
    """An organiser gives a waiting person a seat or another place in line, or a seat's holder one.

    Why is always said: others wait longer for it.
    """

    subject: ClassVar[str] = "command.move-registration.{event_id}"

    registration_id: UUID
    to: Literal["confirmed", "waiting"]
    place: Literal["front", "end"] = "end"
    """Where in the line."""
    reason: str = Field(min_length=1, max_length=REASON_CHARACTERS_MAX)


class ResendTicket(_ByOrganiser):
    """An organiser has a person's ticket, offer or place in line sent once more."""

    subject: ClassVar[str] = "command.resend-ticket.{event_id}"

    registration_id: UUID


class CheckIn(_ByOrganiser):
    """A ticket was shown at the door."""

    subject: ClassVar[str] = "command.check-in.{event_id}"

    registration_id: UUID
    scanned_at: AwareDatetime | None = None
    """When a scanner without a network read it; None is now."""
    scanner: str | None = Field(default=None, max_length=80)


class UndoCheckIn(_ByOrganiser):
    """A check-in was a mistake."""

    subject: ClassVar[str] = "command.undo-check-in.{event_id}"

    registration_id: UUID
    reason: str | None = Field(default=None, max_length=REASON_CHARACTERS_MAX)


Audience = Literal["confirmed", "waiting", "checked_in", "not_checked_in", "all"]
"""Whom an organiser writes to: of those with a seat all, those who have come in or those who have
not; those who wait; or everybody. People who asked for silence are in none of them."""


def as_parameter(text: str) -> str | None:
    """An organiser's words as a template can hold them, without line breaks; None: too long."""
    line = " ".join(text.split())
    return line if len(line.encode("utf-16-le")) // 2 <= PARAMETER_UNITS_MAX else None


class SendMessage(Command):
    """An organiser writes to the people of an event. Whoever is one of them now is a recipient.

    Not under the event's lock: a hundred thousand recipients must hold up nobody who registers.
    """

    subject: ClassVar[str] = "command.send-message.{about_event_id}"

    about_event_id: UUID
    message_id: UUID
    audience: Audience
    text: str = Field(min_length=1, max_length=MESSAGE_CHARACTERS_MAX)
    by: str = "admin"
    """Which token asked, by id."""

    def route(self) -> str:
        """The lane of the event."""
        return self.subject.format(about_event_id=self.about_event_id)


class _AboutMessage(Command):
    message_id: UUID
    by: str = "admin"
    """Which token asked, by id."""

    def route(self) -> str:
        """The lane of the message."""
        return self.subject.format(message_id=self.message_id)


class PauseMessage(_AboutMessage):
    """Nobody else is to be sent this message for now."""

    subject: ClassVar[str] = "command.pause-message.{message_id}"


class ResumeMessage(_AboutMessage):
    """The others are to get this message after all, whatever had stopped it."""

    subject: ClassVar[str] = "command.resume-message.{message_id}"


class CancelMessage(_AboutMessage):
    """Nobody who has not been sent this message yet is to get it."""

    subject: ClassVar[str] = "command.cancel-message.{message_id}"
