"""What one webhook comes to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contracts import Content, DeliveryReported, InboundMessage, Platform

GROUP = "group"
"""Said in a group or channel: a dialogue is between one person and us."""
UNKNOWN = "unknown"
"""A kind that we have not heard of: counted under one name, or whoever may send us webhooks could
make a time series for every word that there is."""


@dataclass(slots=True)
class Reading:
    """Everything that a webhook said, each item in one of three places."""

    messages: dict[UUID, InboundMessage | DeliveryReported] = field(default_factory=dict)
    """To be published, by id: a platform may repeat an item within one batch (platforms.md B2)."""
    unused: list[str] = field(default_factory=list)
    """The kinds of what is authentic and understood, but has no use here; of a fixed set."""
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


def known(kind: str | None, kinds: Collection[str]) -> str:
    """A kind as it is counted."""
    return kind if kind is not None and kind in kinds else UNKNOWN


@dataclass(frozen=True, slots=True)
class Account:
    """Whose webhook it is, and when it is read."""

    platform: Platform
    id: str
    """The bot's id, or the number's."""
    now: datetime
    """Business time; also stands in for a time that is not told."""

    def heard(
        self,
        message_id: UUID,
        chat_id: str,
        sender: dict[str, str | None],
        content: Content,
        *,
        sent_at: datetime | None,
        provider_id: str | None,
    ) -> InboundMessage:
        """What one person did, as one message.

        Args:
            message_id: derived from the platform's id of it.
            chat_id: whom it is from.
            sender: the fields of `Sender` that are known.
            content: what was done.
            sent_at: when, if that is told.
            provider_id: the platform's id of the message, if it has one.

        Raises:
            ValidationError: something is outside of the contract.
        """
        # In one piece: a thousand items are read while a platform waits for its answer, and
        # validating the parts one by one takes half as long again.
        return InboundMessage.model_validate(
            {
                "id": message_id,
                "occurred_at": self.now,
                "correlation_id": message_id,
                "address": {"platform": self.platform, "account": self.id, "chat_id": chat_id},
                "sender": sender,
                "content": content,
                "sent_at": sent_at or self.now,
                "provider_id": provider_id,
            }
        )
