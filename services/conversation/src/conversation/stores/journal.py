"""A bucket that stands in for whichever of Redis and PostgreSQL is away."""

from contracts import Address, ChatRevision, ChatState
from contracts.model import Value
from contracts.topology import FSM, FSM_JOURNAL
from conversation.stores.bucket import InBucket
from conversation.stores.jetstream import document_key


class Entry(Value):
    """What became of a chat while something was away."""

    version: int = 1
    kept: ChatState | None = None
    """Written to Redis and here, without the registry. It counts, and may have been said from."""
    wanted: ChatState | None = None
    """About to be kept. Whoever asks PostgreSQL meanwhile takes it away, and it never counts."""
    announced: ChatRevision | None = None
    """About to be written to PostgreSQL, without Redis."""


class Journal(InBucket):
    """One entry per chat. What is lower than what PostgreSQL has says nothing any more."""

    bucket = FSM_JOURNAL

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

    async def forget(self, address: Address, sequence: int | None) -> None:
        """Take out exactly the entry that was read, without a trace.

        Raises:
            Unavailable: the broker does not answer; it may be gone all the same.
        """
        key = document_key(address)
        if sequence is not None:
            await self.erase(key, sequence)
        # Left there by an installation that kept its states in JetStream before.
        await self.erase(key, bucket=FSM)
