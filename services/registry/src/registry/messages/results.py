"""What becomes of commands about messages."""

from typing import Literal
from uuid import UUID

from contracts.model import Value

MessageRefusal = Literal["unknown-event", "unknown-message", "nobody", "message-over"]


class MessageWritten(Value):
    """An organiser's message was accepted, or changed its state."""

    kind: Literal["message-written"] = "message-written"
    message_id: UUID


class MessageRefused(Value):
    """Nothing was changed, and why."""

    kind: Literal["message-refused"] = "message-refused"
    reason: MessageRefusal


class MessagesFed(Value):
    """A tick's work."""

    kind: Literal["messages-fed"] = "messages-fed"
    handed_over: int = 0
    stopped: int = 0
    finished: int = 0


MessageResult = MessageWritten | MessageRefused | MessagesFed
