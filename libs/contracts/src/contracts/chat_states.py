"""Where the conversation's states live beside Redis: questions to the registry that may write.

They are questions and not commands, because a dialogue goes on with their answer: a state that was
refused is decided anew, at once. Nothing is said before the answer is here.
"""

from typing import ClassVar

from pydantic import BaseModel, Field

from contracts.address import Address
from contracts.model import Value
from contracts.queries import Query

CHAT_DOCUMENT_CHARS_MAX = 128 * 1024
"""The conversation keeps its documents below half of it; PostgreSQL's JSON has more spaces."""


class ChatRevision(Value):
    """Which write of a chat's document this is.

    `epoch` and `n` say which of two is the newer one; the first write without Redis raises the
    epoch. `stamp` tells apart two that somebody made from the same one.
    """

    epoch: int = Field(ge=0)
    n: int = Field(ge=1)
    stamp: str = Field(pattern="^[0-9a-f]{16}$")
    """A digest of the document as it was written."""

    @property
    def order(self) -> tuple[int, int]:
        """Greater is newer."""
        return self.epoch, self.n


class ChatState(Value):
    """A chat's document at one revision."""

    revision: ChatRevision
    stage: str = Field(max_length=64)
    """Where the dialogue stands, for people who look into the table."""
    document: str = Field(max_length=CHAT_DOCUMENT_CHARS_MAX)
    """JSON, which only the conversation understands."""


class ChatStateAnswer(Value):
    """What is stored, or None."""

    state: ChatState | None


class LoadChatState(Query):
    """Where does this chat stand?"""

    subject: ClassVar[str] = "query.load-chat-state"
    answer: ClassVar[type[BaseModel]] = ChatStateAnswer

    address: Address


class ChatSavedAnswer(Value):
    """Whether the state is stored now; saying the same again is answered alike."""

    saved: bool


class SaveChatState(Query):
    """Replace exactly `base` (None: nothing is stored yet) by a higher revision."""

    subject: ClassVar[str] = "query.save-chat-state"
    answer: ClassVar[type[BaseModel]] = ChatSavedAnswer

    address: Address
    base: ChatRevision | None
    state: ChatState


class DropChatState(Query):
    """Delete exactly `base`: the person wished to be forgotten. Also answered with `saved` when
    nothing is stored any more.
    """

    subject: ClassVar[str] = "query.drop-chat-state"
    answer: ClassVar[type[BaseModel]] = ChatSavedAnswer

    address: Address
    base: ChatRevision
