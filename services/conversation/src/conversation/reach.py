"""What the notifier has to know of what comes in: whether the person can be written to.

Most of what people do is answered, and the answer carries when they were heard. What gets no
answer is told apart, so that anything that comes in reopens a chat.
"""

from contracts import (
    ChatBlocked,
    ChatMoved,
    ChatUnblocked,
    InboundMessage,
    MarketingPreferred,
    MessageRevoked,
    OtherSent,
    PeerChanged,
    ReactionSent,
    derived_id,
)
from conversation.dialogue import Heard

NOT_WRITTEN = (MessageRevoked, ReactionSent)
"""They show that the person is there, but nobody says that they open WhatsApp's window."""


def change_told_by(item: Heard) -> PeerChanged | None:
    """What something that gets no answer says about the chat; None if that is nothing."""
    if not isinstance(item, InboundMessage) or _is_group(item):
        return None
    content = item.content
    change = PeerChanged(
        id=derived_id(item.id, "reach"),
        occurred_at=item.occurred_at,
        correlation_id=item.correlation_id,
        address=item.address,
        at=item.sent_at,
    )
    match content:
        case ChatBlocked():
            return change.model_copy(update={"blocked": True})
        case MarketingPreferred():
            # Meta tells it without the person having written; it says nothing of a block.
            return change.model_copy(update={"marketing_stopped": content.stopped})
        case ChatMoved():
            return change.model_copy(update={"previous": content.previous})
        case ChatUnblocked():
            return change.model_copy(update={"blocked": False})
        case OtherSent() if content.type.startswith("system."):
            return None  # a note of WhatsApp's own on the person, who did nothing
    written = not isinstance(content, NOT_WRITTEN)
    return change.model_copy(update={"blocked": False, "heard": written})


def _is_group(item: InboundMessage) -> bool:
    return item.address.platform == "telegram" and item.address.chat_id.startswith("-")
