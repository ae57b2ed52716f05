"""Everything that limits one account in this process: permits, pauses, and what a 429 leads to."""

import asyncio
from dataclasses import dataclass, field

from contracts import Address
from contracts.topology import Ring, Tier
from notifier.floods import SharedFloods
from notifier.pace import Paces
from notifier.pauses import Pauses
from notifier.peers import PeerRecord
from notifier.permits import REPLICAS_MAX, Permits
from notifier.tier import TierLimit
from notifier.verdicts import Throttled
from runtime.broker import Broker
from runtime.documents import Documents
from runtime.health import Health
from runtime.metrics import counter, gauge

ACCOUNT_PAUSE_SECONDS_DEFAULT = 5.0
"""Where the platform names no time; WhatsApp never does (platforms.md B5)."""
SLOWING = frozenset({"whatsapp-130429"})
"""Meta advises half the rate after this (platforms.md B6); Telegram says how long, and means it."""

_throttled = counter(
    "turnout_throttled_total",
    "Calls that a platform refused as too fast, by what must wait.",
    ("platform", "scope"),
)
LOOK_SECONDS = 10.0
"""Between two looks at how large the ring is."""

_size = gauge(
    "turnout_ring_permits",
    "Calls that the account's ring allows per window.",
    ("platform", "account"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What settings say of the limits of one account; the ring itself tells how large it is."""

    replicas_max: int = REPLICAS_MAX
    """Among how many processes the limit is divided while the ring is away."""
    paces: Paces = field(default_factory=Paces)
    """How fast single chats may be written to."""
    tier: Tier | None = None
    """How many people may be written to first in a day; None: any number."""
    paid_broadcast: bool = False


class Limits:
    """One account's."""

    def __init__(
        self,
        broker: Broker,
        health: Health,
        peers: Documents,
        ring: Ring,
        allowed: Allowed | None = None,
    ) -> None:
        """Prepare; `start` begins to listen.

        Args:
            broker: the connection.
            health: whether the service stops.
            peers: the bucket of peers, which also holds the accounts' pauses.
            ring: the account's permits.
            allowed: what settings say of the account's limits.
        """
        allowed = allowed or Allowed()
        self._ring = ring
        self.pauses = Pauses(broker, peers, ring)
        self.permits = Permits(broker, health, ring, self.pauses, replicas_max=allowed.replicas_max)
        self._floods = SharedFloods(broker, ring, self.pauses.pause)
        self._tier = TierLimit(broker, allowed.tier) if allowed.tier is not None else None
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Hear of pauses, floods and the ring from now on."""
        self.pauses.start()
        self.permits.start()
        self._floods.start()
        self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop asking and listening."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await self._floods.close()
        await self.permits.close()
        await self.pauses.close()

    async def throttled(self, record: PeerRecord, verdict: Throttled) -> float:
        """The platform refused a call as too fast: pause what it means, on every replica.

        Returns:
            How long this chat must wait now, in seconds.

        Raises:
            Unavailable: the broker does not answer, and the chat's pause is not written.
        """
        platform = self._ring.platform
        _throttled.labels(platform=platform, scope=verdict.scope).inc()
        if verdict.scope == "account":
            await self.pauses.pause(
                verdict.after_seconds or ACCOUNT_PAUSE_SECONDS_DEFAULT,
                slow=verdict.reason in SLOWING,
            )
            return max(self.pauses.seconds, record.wait_seconds())
        seconds = await record.throttle(verdict.after_seconds)
        if platform == "telegram":
            await self._floods.refused(record.address.chat_id, verdict.after_seconds or seconds)
        return max(self.pauses.seconds, seconds)

    async def check(self) -> None:
        """Readiness: the ring hands out permits.

        Raises:
            LookupError: it does not, and this process goes at its own pace.
        """
        if self.permits.away is not None:
            raise LookupError(f"{self.permits.away}; run `task streams`")

    async def admit(self, address: Address) -> bool:
        """Whether this person may be written to outside the window today; if so, they count.

        Raises:
            Unavailable: nobody can tell.
        """
        return self._tier is None or await self._tier.admit(address)

    async def _look(self) -> None:
        size = _size.labels(platform=self._ring.platform, account=self._ring.account)
        while True:
            await self.permits.look()
            size.set(self.permits.size)
            if self._tier is not None:
                await self._tier.look()
            await asyncio.sleep(LOOK_SECONDS)
