"""What people in chats ask the registry for. Every write is a command."""

from datetime import timedelta
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.address import Address, Platform
from contracts.inbound import Sender
from contracts.message import Message
from contracts.model import Value

NAME_CHARACTERS_MIN, NAME_CHARACTERS_MAX = 2, 80
EMAIL_CHARACTERS_MAX = 254
STILL_THEIRS = timedelta(days=1)
"""What was sent under a number so soon after it was left is late mail of the one who left it.

Operators give a number to somebody else after months.
"""


class Command(Message):
    """A wish that ends in exactly one stored outcome, however often it is delivered."""


class AboutEvent(Command):
    """A command that is carried out under the lock of one event."""

    event_id: UUID

    def route(self) -> str:
        """The lane of the event."""
        return self.subject.format(event_id=self.event_id)


class Consent(Value):
    """What somebody agreed to by saying yes."""

    text_version: str = Field(max_length=32)
    """Which wording it was."""
    language: Literal["en", "ru"]
    at: AwareDatetime
    channel: Platform


class ClaimSeat(AboutEvent):
    """This person wants a seat, or a place in the waiting list if there is none."""

    subject: ClassVar[str] = "command.claim-seat.{event_id}"

    address: Address
    """The chat that asks, and that the outcome is told to."""
    sender: Sender
    name: str = Field(min_length=NAME_CHARACTERS_MIN, max_length=NAME_CHARACTERS_MAX)
    email_claimed: str = Field(max_length=EMAIL_CHARACTERS_MAX)
    """Typed, not proven: it joins nobody to anything."""
    language: Literal["en", "ru"]
    registered_via: Platform
    muted: bool = False
    """The person asked us to write nothing but answers."""
    consent: Consent | None = None
    """Said yes to with this; None from a release before it was asked."""


class CancelRegistration(AboutEvent):
    """This person gives the seat back, leaves the waiting list, or declines an offer."""

    subject: ClassVar[str] = "command.cancel-registration.{event_id}"

    registration_id: UUID
    address: Address | None
    """The chat that asks, which must own the registration; None when an organiser does it."""
    by: str | None = None
    """The organiser's token, by id; None in a chat."""
    reason: str | None = Field(default=None, max_length=500)


class AcceptOffer(AboutEvent):
    """This person takes the seat that was offered to the first in the waiting list."""

    subject: ClassVar[str] = "command.accept-offer.{event_id}"

    registration_id: UUID
    address: Address


class OfferTransfer(AboutEvent):
    """This person wants to hand the seat to somebody who has proven an e-mail address."""

    subject: ClassVar[str] = "command.offer-transfer.{event_id}"

    registration_id: UUID
    address: Address
    to_email: str = Field(max_length=EMAIL_CHARACTERS_MAX)


class AcceptTransfer(AboutEvent):
    """The person whom a seat was promised to takes it; the old ticket is worth nothing at once."""

    subject: ClassVar[str] = "command.accept-transfer.{event_id}"

    registration_id: UUID
    address: Address


class DropTransfer(AboutEvent):
    """One of the two does not want the transfer after all; the seat stays where it is."""

    subject: ClassVar[str] = "command.drop-transfer.{event_id}"

    registration_id: UUID
    address: Address


class NoteReachability(Command):
    """The notifier has learnt whether a chat can be written to."""

    subject: ClassVar[str] = "command.note-reachability.{chat}"

    chat: Address
    """Not `address`: nobody is told an outcome."""
    blocked: bool
    marketing_stopped: bool = False
    reason: str | None = Field(default=None, max_length=64)
    """A short code such as `telegram-403`."""
    at: AwareDatetime
    """When that was so; an older note changes nothing any more."""

    def route(self) -> str:
        """The lane of the chat."""
        return self.subject.format(chat=self.chat.chat_key)


class ChangePreferences(Command):
    """How this person wants to be written to. The chat is answered at once, not by an outcome.

    For somebody whom the registry does not know there is nothing to change: the next claim carries
    the same wishes.
    """

    subject: ClassVar[str] = "command.change-preferences.{chat}"

    chat: Address
    """The chat that asks. Not `address`: that is where an outcome would be told."""
    language: Literal["en", "ru"] | None = None
    """What notices are written in; None: as it was."""
    muted: bool | None = None
    """Nothing but direct answers: no reminders, no news, not even of the own seat. None: as it was.
    """

    def route(self) -> str:
        """The lane of the chat."""
        return self.subject.format(chat=self.chat.chat_key)


class MoveIdentity(Command):
    """WhatsApp knows a person by another id now; what they have goes along, and nobody else's does.

    Either they have another number, and with it another business-scoped id, or a chat that began
    under the number is now seen under the scoped id (platforms.md B3). Nobody is told an outcome.
    """

    subject: ClassVar[str] = "command.move-identity.{chat}"

    chat: Address
    """Where the person is from now on. Not `address`: nobody is told an outcome."""
    previous: str = Field(min_length=1, max_length=160)
    """The `chat_id` until now, of the same platform and account."""
    at: AwareDatetime
    """The platform's time of it; an older move changes nothing any more."""
    number_changed: bool
    """The number until now is not theirs any more, and later others may get it."""
    phone: str | None = None
    """The number from now on, in digits; None where WhatsApp does not tell it."""

    def route(self) -> str:
        """The lane of the chat."""
        return self.subject.format(chat=self.chat.chat_key)
