"""What the person's own acts say about whether they can be written to."""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from contracts.address import Address
from contracts.message import Message


class PeerChanged(Message):
    """Somebody blocked us, let us write again, decided about marketing, or has another id.

    The conversation reads it from what comes in and says it to the notifier, which keeps what is
    known of each chat.
    """

    subject: ClassVar[str] = "reach.{platform}.{chat}"

    address: Address
    at: AwareDatetime
    """The platform's time of it; an older change changes nothing any more."""
    blocked: bool | None = None
    """None: nothing was said about it."""
    marketing_stopped: bool | None = None
    """None: nothing was said about it."""
    heard: bool = False
    """They wrote to us at that time, which opens WhatsApp's window."""
    previous: str | None = Field(default=None, min_length=1, max_length=160)
    """The `chat_id` until now, of the same platform and account: what waits for it goes here."""
    forgotten: bool = False
    """The person wished to be forgotten at that time: nothing is kept of the chat from before."""

    def route(self) -> str:
        """The subject of the chat."""
        return self.subject.format(platform=self.address.platform, chat=self.address.chat_key)
