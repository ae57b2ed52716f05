"""Documents in a JetStream bucket: durable, and one write decides."""

from contracts import Address
from contracts.topology import FSM, FSM_JOURNAL
from conversation.document import ChatDocument
from conversation.stores.bucket import InBucket
from conversation.stores.protocol import Stored
from runtime.documents import Conflict


class JetStreamStore(InBucket):
    """The fence against another replica is the bucket's revision."""

    bucket = FSM

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

    async def forget(self, stored: Stored) -> None:
        """See `Store.forget`."""
        key = document_key(stored.address)
        if stored.read_as is not None and not await self.erase(key, stored.read_as):
            raise Conflict(stored.address.platform)
        # Left there by an installation that kept its states in Redis before.
        await self.erase(key, bucket=FSM_JOURNAL)


def document_key(address: Address) -> str:
    """The key of a chat's document: `telegram.<account>-<chat>`."""
    return f"{address.platform}.{address.chat_key}"
