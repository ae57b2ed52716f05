"""Where chats are stored: one document each, written by compare-and-set on its revision."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from contracts import Address, InboundItem
from contracts.topology import FSM
from conversation.dialogue import new_chat
from conversation.document import ChatDocument
from runtime.broker import Broker
from runtime.documents import Documents


@dataclass(frozen=True, slots=True)
class StoredChat:
    """A document and the revision that it was read at; None when there is none yet."""

    key: str
    document: ChatDocument
    revision: int | None


class Chats:
    """The documents of all chats. The fence against another replica is the revision."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._opened: Documents | None = None

    async def __aenter__(self) -> Self:
        self._opened = await self._broker.bucket(FSM)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._opened = None

    @property
    def _documents(self) -> Documents:
        assert self._opened is not None, "the bucket is opened before the first message"
        return self._opened

    async def load(self, item: InboundItem) -> StoredChat:
        """The chat that the item belongs to.

        Raises:
            Unavailable: the broker does not answer.
        """
        key = document_key(item.address)
        found = await self._documents.read(key)
        if found is None:
            return StoredChat(key, ChatDocument(state=new_chat(item)), None)
        body, revision = found
        return StoredChat(key, ChatDocument.model_validate_json(body), revision)

    async def save(self, chat: StoredChat, document: ChatDocument) -> None:
        """Write the next document over exactly the one that was read.

        Raises:
            Conflict: somebody else wrote first; load again and decide anew.
            Unavailable: the broker does not answer; it may have been written all the same, which
                the next load shows.
        """
        if chat.revision is None:
            await self._documents.create(chat.key, document.encoded())
        else:
            await self._documents.replace(chat.key, document.encoded(), chat.revision)


def document_key(address: Address) -> str:
    """The key of a chat's document: `telegram.<account>-<chat>`."""
    return f"{address.platform}.{address.chat_key}"
