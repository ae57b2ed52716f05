"""What became of an outbound message, by ids only."""

from typing import ClassVar, Literal
from uuid import UUID

from contracts.address import Platform
from contracts.message import Message

DeliveryStatus = Literal[
    "accepted", "sent", "delivered", "read", "failed", "unknown", "suppressed", "expired"
]
"""The notifier says accepted, failed, unknown, suppressed or expired; a platform the others.

`unknown`: the platform may or may not have it. `suppressed`: not sent on purpose (blocked, window
closed, a newer notice). `expired`: its deadline passed first.
"""


class DeliveryReported(Message):
    """One result for one outbound message.

    The platform's own message id is left out: WhatsApp's contains the person's phone number.
    """

    subject: ClassVar[str] = "delivery.{platform}.{outbound_id}"

    platform: Platform
    outbound_id: UUID
    status: DeliveryStatus
    source: Literal["notifier", "platform"]
    reason: str | None = None
    """A short code such as `window-closed` or `telegram-403`, never a platform's sentence."""
    repeated: bool = False
    """Sent once more after an unknown result: the person may have it twice."""

    def route(self) -> str:
        """The subject of this message's results."""
        return self.subject.format(platform=self.platform, outbound_id=self.outbound_id)
