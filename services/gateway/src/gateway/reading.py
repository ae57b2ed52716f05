"""What one webhook comes to."""

from dataclasses import dataclass, field
from uuid import UUID

from contracts import DeliveryReported, InboundMessage


@dataclass(slots=True)
class Reading:
    """Everything that a webhook said, each item in one of three places."""

    messages: dict[UUID, InboundMessage | DeliveryReported] = field(default_factory=dict)
    """To be published, by id: a platform may repeat an item within one batch (platforms.md B2)."""
    unused: list[str] = field(default_factory=list)
    """The kinds of what is authentic and understood, but has no use here."""
    unreadable: list[str] = field(default_factory=list)
    """Why an item could not be read; the whole body is then set aside beside what was read."""
    callback_query_id: str | None = None
    """Telegram waits for an answer to this tap, and takes it in the webhook's reply."""

    def add(self, message: InboundMessage | DeliveryReported) -> None:
        """Keep a message; its first telling counts."""
        self.messages.setdefault(message.id, message)

    @property
    def kinds(self) -> list[str]:
        """One kind per item, for counting."""
        return [
            *(
                message.content.kind if isinstance(message, InboundMessage) else message.status
                for message in self.messages.values()
            ),
            *self.unused,
            *("unreadable" for _ in self.unreadable),
        ]
