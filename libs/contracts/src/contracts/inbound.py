"""What comes in for a chat: what the person said, and the answers to the chat's own commands."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.address import Address
from contracts.message import Message
from contracts.model import Value
from contracts.outcomes import Outcome


class Sender(Value):
    """What the platform says of the person; every field may be missing."""

    name: str | None = None
    username: str | None = None
    language: str | None = None
    """Telegram's `language_code`; WhatsApp has none."""
    phone: str | None = None
    """WhatsApp's number in digits, absent for people with a username (platforms.md B3)."""


class TextSaid(Value):
    """Text or a command."""

    kind: Literal["text"] = "text"
    text: str = Field(max_length=8192)


class ChoiceTapped(Value):
    """A button or list row of ours was tapped."""

    kind: Literal["choice"] = "choice"
    choice_id: str = Field(max_length=256)
    label: str | None = None


class ContactShared(Value):
    """A contact card; `own` only when the platform vouches that it is the sender's."""

    kind: Literal["contact"] = "contact"
    phone: str
    own: bool


class MediaSent(Value):
    """A picture, voice note, sticker, file or place, by reference only."""

    kind: Literal["media"] = "media"
    media: Literal["photo", "voice", "audio", "video", "document", "sticker", "location"]
    file_id: str | None = None
    caption: str | None = None


class MessageEdited(Value):
    """An earlier message was changed; never a new answer."""

    kind: Literal["edited"] = "edited"
    text: str | None = None


class MessageRevoked(Value):
    """An earlier message was taken back."""

    kind: Literal["revoked"] = "revoked"


class ReactionSent(Value):
    """An emoji on a message; None when it was removed."""

    kind: Literal["reaction"] = "reaction"
    emoji: str | None = None


class ChatBlocked(Value):
    """The person blocked us: nothing can be sent."""

    kind: Literal["blocked"] = "blocked"


class ChatUnblocked(Value):
    """The person lets us write again."""

    kind: Literal["unblocked"] = "unblocked"


class OtherSent(Value):
    """Something authentic that has no use here (a poll, an order …), named by its type."""

    kind: Literal["other"] = "other"
    type: str


Content = Annotated[
    TextSaid
    | ChoiceTapped
    | ContactShared
    | MediaSent
    | MessageEdited
    | MessageRevoked
    | ReactionSent
    | ChatBlocked
    | ChatUnblocked
    | OtherSent,
    Field(discriminator="kind"),
]


class _ForChat(Message):
    address: Address

    def route(self) -> str:
        return f"in.{self.address.platform}.{self.address.chat_key}"


class InboundMessage(_ForChat):
    """One thing that one person did in one chat."""

    subject: ClassVar[str] = "in.{platform}.{chat}"

    type: Literal["message"] = "message"
    sender: Sender
    content: Content
    sent_at: AwareDatetime
    """The platform's time of it; `occurred_at` is when the gateway took it in."""


class CommandOutcome(_ForChat):
    """The registry's answer to a command of this chat; id = uuid5(command, "outcome").

    It comes in by the same door as what the person says, so that a chat has one ordered input.
    """

    subject: ClassVar[str] = "in.{platform}.{chat}"

    type: Literal["outcome"] = "outcome"
    command_id: UUID
    outcome: Outcome


InboundItem = Annotated[InboundMessage | CommandOutcome, Field(discriminator="type")]
