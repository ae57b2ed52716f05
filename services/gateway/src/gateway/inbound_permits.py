"""What people write takes permits too: Meta counts what goes in and out (platforms.md B5).

A permit of the number's ring is asked for after the fact, and nobody waits for it: while it is out,
the notifier has one less. The ring hands them out in the order of asking, so what people write gets
its due even when messages go out at the full rate.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import nats.errors
from nats.aio.msg import Msg

from contracts import DeliveryReported, InboundMessage
from contracts.topology import ring
from runtime.broker import Broker
from runtime.faults import broken
from runtime.metrics import counter

ASK_SECONDS = 1.0
"""A permit that comes later than this would be for a second that has passed."""
WAITING_MAX = 16
"""Permits of a number that one gateway waits for: more would let a flood of messages take the
turns of the answers to them."""

_asked = counter(
    "turnout_inbound_permits_total",
    "Permits for what people wrote: asked for, or left out because enough are waited for.",
    ("outcome",),
)


@dataclass(slots=True)
class _Ring:
    subject: str
    inbox: str
    waiting: int = 0
    asked_at: float = 0.0


class InboundPermits:
    """The permits for what all numbers of this gateway receive."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._rings: dict[str, _Ring] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def take(self, messages: Iterable[InboundMessage | DeliveryReported]) -> None:
        """Ask for a permit for each of these that a person wrote to a WhatsApp number."""
        if broken("inbound-permits"):
            return
        numbers = Counter(
            message.address.account
            for message in messages
            if isinstance(message, InboundMessage) and message.address.platform == "whatsapp"
        )
        for account, count in numbers.items():
            asking = asyncio.create_task(self._ask(account, count))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _ask(self, account: str, count: int) -> None:
        with suppress(nats.errors.Error, OSError):
            found = self._rings.get(account) or await self._listen(account)
            now = time.monotonic()
            if now - found.asked_at > ASK_SECONDS:
                found.waiting = 0  # an answer got lost with a connection
            batch = min(count, WAITING_MAX - found.waiting)
            _asked.labels(outcome="left out").inc(count - max(batch, 0))
            if batch <= 0 or self._broker.away_since is not None:
                return
            found.waiting, found.asked_at = found.waiting + batch, now
            _asked.labels(outcome="asked").inc(batch)
            request = {"batch": batch, "expires": int(ASK_SECONDS * 1e9)}
            await self._broker.nats.publish(
                found.subject, json.dumps(request).encode(), reply=found.inbox
            )

    async def _listen(self, account: str) -> _Ring:
        # A request whose answer nobody hears is not carried out.
        of_account = ring("whatsapp", account)
        found = _Ring(
            f"$JS.API.CONSUMER.MSG.NEXT.{of_account.stream}.{of_account.consumer}",
            self._broker.nats.new_inbox(),
        )
        self._rings[account] = found
        await self._broker.nats.subscribe(found.inbox, cb=partial(_hear, found))
        return found


async def _hear(ring_: _Ring, message: Msg) -> None:
    headers = message.headers or {}
    if "Status" not in headers:
        ring_.waiting = max(ring_.waiting - 1, 0)
        return
    # Time is over, or there is no ring: then the notifier goes at a pace of its own.
    left = headers.get("Nats-Pending-Messages", "")
    ring_.waiting = max(ring_.waiting - int(left), 0) if left.isdigit() else 0
