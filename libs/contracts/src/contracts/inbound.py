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


class LocationSent(Value):
    """A place on the map."""

    kind: Literal["location"] = "location"
    latitude: float = Field(ge=-90, le=90)
    """Degrees north."""
    longitude: float = Field(ge=-180, le=180)
    """Degrees east."""
    name: str | None = None


class FormSent(Value):
    """The filled-in form of a WhatsApp flow (platforms.md B3: `nfm_reply`)."""

    kind: Literal["form"] = "form"
    name: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    """The answers that are plain values, as text; empty when the form could not be read."""


class MessageEdited(Value):
    """An earlier message was changed; never a new answer."""

    kind: Literal["edited"] = "edited"
    text: str | None = None
    message_id: str | None = None
    """The platform's id of the message that was changed."""


class MessageRevoked(Value):
    """An earlier message was taken back."""

    kind: Literal["revoked"] = "revoked"
    message_id: str | None = None
    """The platform's id of the message that was taken back."""


class ReactionSent(Value):
    """An emoji on a message; None when it was removed."""

    kind: Literal["reaction"] = "reaction"
    emoji: str | None = None
    message_id: str | None = None
    """The platform's id of the message that it is on."""


class ChatBlocked(Value):
    """The person blocked us: nothing can be sent."""

    kind: Literal["blocked"] = "blocked"


class ChatUnblocked(Value):
    """The person lets us write again."""

    kind: Literal["unblocked"] = "unblocked"


class MarketingPreferred(Value):
    """The person said on the platform whether businesses may write marketing (Meta's
    `user_preferences`, platforms.md B3).
    """

    kind: Literal["marketing"] = "marketing"
    stopped: bool


class ChatMoved(Value):
    """The person has another id from now on, under which this message comes.

    A WhatsApp number or a business-scoped id was changed (platforms.md B3).
    """

    kind: Literal["moved"] = "moved"
    previous: str = Field(min_length=1, max_length=160)
    """The `chat_id` until now, of the same platform and account."""


class OtherSent(Value):
    """Something authentic that has no use here (a poll, an order …), named by its type."""

    kind: Literal["other"] = "other"
    type: str


Content = Annotated[
    TextSaid
    | ChoiceTapped
    | ContactShared
    | MediaSent
    | LocationSent
    | FormSent
    | MessageEdited
    | MessageRevoked
    | ReactionSent
    | ChatBlocked
    | ChatUnblocked
    | MarketingPreferred
    | ChatMoved
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
    provider_id: str | None = None
    """The platform's id of the message, where it has one: a read mark names it."""


class CommandOutcome(_ForChat):
    """The registry's answer to a command of this chat; id = uuid5(command, "outcome").

    It comes in by the same door as what the person says, so that a chat has one ordered input.
    """

    subject: ClassVar[str] = "in.{platform}.{chat}"

    type: Literal["outcome"] = "outcome"
    command_id: UUID
    outcome: Outcome


class ChatForgotten(_ForChat):
    """Whoever speaks in this chat wished to be forgotten: nothing is kept of it from before `at`.

    What they have said since then is said by somebody whom we do not know.
    """

    subject: ClassVar[str] = "in.{platform}.{chat}"

    type: Literal["forgotten"] = "forgotten"
    at: AwareDatetime
    elsewhere: bool = False
    """They said so in another chat: here they are told, once."""


InboundItem = Annotated[
    InboundMessage | CommandOutcome | ChatForgotten, Field(discriminator="type")
]
