"""What is known of the person at the other end: when they last wrote, and whether they left."""

from collections.abc import Callable
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts import Address
from runtime.documents import Conflict, Documents


class Peer(BaseModel):
    """The document under `peers.<platform>.<chat key>`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    heard_at: AwareDatetime | None = None
    """When they last wrote to us, as far as anybody told."""
    blocked: bool = False
    """A platform said that they cannot be reached; ends when they write again."""

    def hear(self, heard_at: datetime) -> "Peer":
        """They wrote at `heard_at`; the latest wins, and whoever writes has not blocked us."""
        if self.heard_at is not None and heard_at <= self.heard_at:
            return self
        return self.model_copy(update={"heard_at": heard_at, "blocked": False})

    def block(self) -> "Peer":
        """They cannot be reached."""
        return self.model_copy(update={"blocked": True})


class Peers:
    """The bucket of peers; every change is a compare-and-set."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def hear(self, address: Address, heard_at: datetime | None) -> Peer:
        """The peer, after taking in when they last wrote."""
        return await self._change(address, lambda peer: peer.hear(heard_at) if heard_at else peer)

    async def block(self, address: Address) -> None:
        """Remember that they cannot be reached."""
        await self._change(address, Peer.block)

    async def _change(self, address: Address, change: Callable[[Peer], Peer]) -> Peer:
        key = f"{address.platform}.{address.chat_key}"
        while True:
            stored = await self._documents.read(key)
            before = Peer.model_validate_json(stored[0]) if stored else Peer()
            after = change(before)
            if after == before:
                return after
            value = after.model_dump_json(exclude_defaults=True).encode()
            try:
                if stored is None:
                    await self._documents.create(key, value)
                else:
                    await self._documents.replace(key, value, stored[1])
            except Conflict:
                continue
            return after
