"""How many of these people would get a message now? Asked before it is sent to many."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from contracts import Address, CountReachable, ReachAnswer
from contracts.topology import PEERS
from notifier.decisions import category, too_long, window_open
from notifier.peers import Peer
from notifier.templates.standing import Approvals
from runtime.documents import Documents
from runtime.service import Service

READS_AT_ONCE_MAX = 64
"""Of one question; several may be worked on, and people are written to meanwhile."""

Reach = Literal["reachable", "blocked", "window_closed", "no_template"]


class Reachable:
    """Answers `CountReachable` from what is known of the peers and the templates."""

    def __init__(self, service: Service, approvals: Callable[[str], Approvals]) -> None:
        """Prepare.

        Args:
            service: whose broker and clock are used.
            approvals: what a WhatsApp number's account says of its templates.
        """
        self._service = service
        self._approvals = approvals
        self._peers: Documents | None = None

    async def count(self, query: CountReachable) -> ReachAnswer:
        """Each address once.

        Raises:
            Unavailable: the broker does not answer.
        """
        if self._peers is None:
            self._peers = await self._service.broker.bucket(PEERS)
        peers, turns = self._peers, asyncio.Semaphore(READS_AT_ONCE_MAX)

        async def reach(address: Address) -> Reach:
            async with turns:
                stored = await peers.read(f"{address.platform}.{address.chat_key}")
            peer = Peer.model_validate_json(stored[0]) if stored else Peer()
            approvals = self._approvals(address.account)
            return reach_of(query, address, peer, approvals, self._service.clock.now())

        found = Counter(await asyncio.gather(*map(reach, dict.fromkeys(query.addresses))))
        return ReachAnswer.model_validate(found)


def reach_of(
    query: CountReachable, address: Address, peer: Peer, approvals: Approvals, now: datetime
) -> Reach:
    """What `decide` would make of such a message to this person."""
    if peer.blocked or (query.marketing and peer.marketing_stopped):
        return "blocked"
    if address.platform != "whatsapp" or window_open(peer, now):
        return "reachable"
    if query.template is None:
        return "window_closed"
    kind = category(query.template, query.language, approvals)
    if peer.marketing_stopped and kind == "marketing":
        return "blocked"
    if too_long(query.template, query.language, query.parameters):
        return "window_closed"
    if approvals.usable(query.template, query.language) == "no":
        return "no_template"
    return "reachable"
