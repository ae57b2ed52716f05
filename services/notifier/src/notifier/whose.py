"""Whom a message was for, without saying so in the ledger.

What a platform tells later names only the message, so the ledger must lead to the chat. It holds a
random name, and the bucket of peers has a key that ends in the chat: once that is taken out, nobody
can tell any more whom the ledger's entries were about.
"""

from datetime import datetime, timedelta
from typing import cast
from uuid import uuid4

from nats.js.errors import APIError, NotFoundError

from contracts import Address, Platform
from notifier import real_time
from notifier.peers import Peer, PeerRecord, peer_key
from notifier.purging import purge
from notifier.vanishing import KEYS, STREAM
from runtime.broker import UNREACHABLE, Broker
from runtime.documents import Documents
from runtime.failures import Unavailable

PREFIX = "whose"
TELLS_LATER: frozenset[Platform] = frozenset({"whatsapp"})
"""Platforms that report on what they accepted."""

WRITTEN_ANEW_AFTER = timedelta(days=10)
"""A bucket forgets what was not written for long; the shortest that it may be told is 30 days."""


class Whose:
    """The keys `whose.<name>.<platform>.<chat key>` in the bucket of peers."""

    def __init__(self, broker: Broker, peers: Documents) -> None:
        self._broker = broker
        self._peers = peers

    async def name(self, record: PeerRecord) -> None:
        """Have a name stand for the chat, where one is needed.

        It is written with whatever is written next of the peer; a name that loses that race is
        never used.

        Raises:
            Unavailable: the broker does not answer.
        """
        if record.address.platform not in TELLS_LATER:
            return
        now, peer = real_time.now(), record.peer
        if peer.named_at is not None and now - peer.named_at < WRITTEN_ANEW_AFTER:
            return
        name = peer.whose or uuid4().hex
        await self._peers.put(f"{PREFIX}.{name}.{peer_key(record.address)}", b"")
        record.learn(lambda peer: _named(peer, name, now))

    async def find(self, name: str) -> Address | None:
        """The chat that a name stands for; None if it was forgotten.

        Raises:
            Unavailable: the broker does not answer.
        """
        try:
            raw = await self._broker.jetstream.get_msg(
                STREAM, seq=1, subject=f"{KEYS}.{PREFIX}.{name}.*.*", next=True
            )
        except NotFoundError:
            return None
        except (*UNREACHABLE, APIError) as error:
            raise Unavailable("nats") from error
        *_, platform, key = (raw.subject or "").split(".")
        return Address.from_key(cast(Platform, platform), key)

    async def forget(self, address: Address) -> None:
        """Let no name lead to this chat any more.

        Raises:
            Unavailable: the broker does not answer; doing it again is harmless.
        """
        await purge(self._broker, STREAM, f"{KEYS}.{PREFIX}.*.{peer_key(address)}")


def _named(peer: Peer, name: str, now: datetime) -> Peer:
    if peer.whose not in (None, name):
        return peer  # somebody else was first
    return peer.model_copy(update={"whose": name, "named_at": now})
