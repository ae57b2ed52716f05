"""Documents in a JetStream bucket: durable, and one write decides."""

from types import TracebackType
from typing import Self

from contracts import Address
from contracts.topology import FSM
from conversation.document import ChatDocument
from conversation.stores.protocol import Stored
from runtime.broker import Broker
from runtime.documents import Documents


class JetStreamStore:
    """The fence against another replica is the bucket's revision."""

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

    async def read(self, address: Address) -> Stored:
        """See `Store.read`."""
        found = await self._documents.read(document_key(address))
        if found is None:
            return Stored(address, None, None)
        body, revision = found
        return Stored(address, ChatDocument.model_validate_json(body), revision)

    async def write(self, stored: Stored, document: ChatDocument) -> None:
        """See `Store.write`."""
        key, body = document_key(stored.address), document.encoded()
        if stored.read_as is None:
            await self._documents.create(key, body)
        else:
            await self._documents.replace(key, body, stored.read_as)

    async def confirm(self, stored: Stored) -> None:
        """Nothing is to be done: what was read is what the bucket has on the disk."""


def document_key(address: Address) -> str:
    """The key of a chat's document: `telegram.<account>-<chat>`."""
    return f"{address.platform}.{address.chat_key}"
