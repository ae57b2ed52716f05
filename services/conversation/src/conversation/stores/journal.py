"""A bucket that stands in for whichever of Redis and PostgreSQL is away."""

from types import TracebackType
from typing import Self

from contracts import Address, ChatRevision, ChatState
from contracts.model import Value
from contracts.topology import FSM_JOURNAL
from conversation.stores.jetstream import document_key
from runtime.broker import Broker
from runtime.documents import Documents


class Entry(Value):
    """What became of a chat while something was away."""

    version: int = 1
    kept: ChatState | None = None
    """Written to Redis and here, without the registry. It counts, and may have been said from."""
    wanted: ChatState | None = None
    """About to be kept. Whoever asks PostgreSQL meanwhile takes it away, and it never counts."""
    announced: ChatRevision | None = None
    """About to be written to PostgreSQL, without Redis."""


class Journal:
    """One entry per chat. What is lower than what PostgreSQL has says nothing any more."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._opened: Documents | None = None

    async def __aenter__(self) -> Self:
        self._opened = await self._broker.bucket(FSM_JOURNAL)
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

    async def read(self, address: Address) -> tuple[Entry, int | None]:
        """The entry, perhaps an empty one, and what `write` needs to write over exactly this one.

        Raises:
            Unavailable: the broker does not answer.
        """
        found = await self._documents.read(document_key(address))
        if found is None:
            return Entry(), None
        body, sequence = found
        return Entry.model_validate_json(body), sequence

    async def write(self, address: Address, entry: Entry, sequence: int | None) -> int:
        """Write over exactly the entry that was read; returns what the next write needs.

        Raises:
            Conflict: somebody else wrote first.
            Unavailable: the broker does not answer; it may have been written all the same.
        """
        key, body = document_key(address), entry.model_dump_json().encode()
        if sequence is None:
            return await self._documents.create(key, body)
        return await self._documents.replace(key, body, sequence)
