"""Documents of peers of which nothing is left: they go without a marker that keeps the key."""

from collections.abc import Callable

from contracts import Address
from contracts.topology import PEERS
from notifier.peers import Peer, peer_key
from notifier.purging import purge
from runtime.broker import Broker
from runtime.documents import Conflict, Documents

STREAM, KEYS = f"KV_{PEERS.name}", f"$KV.{PEERS.name}"
"""How the broker calls the bucket of peers, and what its keys begin with."""


class Vanishing:
    """Takes peers' documents out, unless somebody writes them at the same time."""

    def __init__(self, broker: Broker, peers: Documents) -> None:
        self._broker = broker
        self._peers = peers

    async def reduce(self, address: Address, change: Callable[[Peer], Peer]) -> bool:
        """Leave of a peer what `change` says, and nothing if that is `Peer()`.

        Returns:
            Whether it is so; False if somebody else wrote the document meanwhile.

        Raises:
            Unavailable: the broker does not answer.
        """
        key = peer_key(address)
        stored = await self._peers.read(key)
        if stored is None:
            return True
        value, revision = stored
        peer = Peer.model_validate_json(value)
        left = change(peer)
        if left == Peer():
            # A document's revision is its sequence; what is written after it stays.
            await purge(self._broker, STREAM, f"{KEYS}.{key}", up_to=revision)
            return await self._peers.read(key) is None
        if left == peer:
            return True
        try:
            await self._peers.replace(
                key, left.model_dump_json(exclude_defaults=True).encode(), revision
            )
        except Conflict:
            return False
        return True
