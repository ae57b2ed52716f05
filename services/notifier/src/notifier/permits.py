"""Permits of one account: the right to make one call now, given to the most urgent message."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

from contracts import Priority
from contracts.topology import PERMIT_WINDOW_SECONDS, Ring
from notifier.fallback import Fallback
from notifier.local_pace import OwnPace
from notifier.pauses import Pauses
from notifier.ring_grants import Grant, Lag, RingAway, RingGrants
from notifier.turns import URGENCY, Turns
from notifier.under_way import Quickest, UnderWay
from runtime.broker import Broker
from runtime.failures import Unavailable
from runtime.faults import broken
from runtime.health import Health
from runtime.metrics import counter, histogram

REPLICAS_MAX = 4
"""Processes that share the limits, unless a setting says otherwise."""
AGE_SECONDS_MAX = 0.02
"""What is limited is the handing out: a permit kept longer could meet the next window's."""
PAUSE_AWAITED_SECONDS_MAX = 1.0
"""A pause of the account that is longer is not waited for here: its chats are parked."""
SILENCE_STEP_SECONDS = 0.05
"""Between two looks while nobody may call."""
SPARE_SECONDS_MAX = 0.5
"""So long a call that could as well be left out waits for a permit."""
SPARE_SHARE = 0.5
"""Such calls are made while this process uses less than this part of the ring."""
SCARCE_WAIT_SECONDS = 0.1
"""A message that waits longer shows that permits are scarce, whoever else uses them …"""
SCARCE_SECONDS = 10.0
"""… and that they are, for so long."""

_waited = histogram(
    "turnout_permit_wait_seconds", "From asking for a permit to having it.", ("platform",)
)
_used = counter(
    "turnout_permits_used_total", "Permits with which a call was made.", ("platform", "source")
)
_dropped = counter(
    "turnout_permits_dropped_total",
    "Permits with which no call was made: late, paused, slowed, unwanted.",
    ("platform", "reason"),
)
_sent_away = counter(
    "turnout_permits_refused_total",
    "Messages that were given no permit: paused (their chats are parked), stopping.",
    ("platform", "reason"),
)


class Paused(Exception):
    """The account is paused for longer than anybody waits: park the chat."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"paused for {seconds:.1f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to make one call now; never acknowledged, so that it comes back by itself.

    What is limited is calls, so one with which none was made may be given back at once.
    """

    granted_at: float
    """By `time.monotonic()`."""
    platform: str = ""
    source: str = "ring"
    back: Callable[[], None] | None = field(default=None, compare=False)
    begin: Callable[[], UnderWay] | None = field(default=None, compare=False)
    """Begins a call that keeps it; None where no ring waits for it to come back."""

    @property
    def fresh(self) -> bool:
        """Whether it may still be used."""
        return time.monotonic() - self.granted_at <= AGE_SECONDS_MAX

    def use(self) -> bool:
        """Say that the call is made now; False: it is too late, take another one."""
        if not self.fresh:
            self.give_back("late")
            return False
        _used.labels(platform=self.platform, source=self.source).inc()
        return True

    def call(self) -> AbstractContextManager[object]:
        """Around the call: the permit does not come back before the platform has counted it."""
        return nullcontext() if self.begin is None else self.begin()

    def give_back(self, reason: str = "unwanted") -> None:
        """No call is made with it: somebody else may have it now."""
        _dropped.labels(platform=self.platform, reason=reason).inc()
        if self.back is not None:
            self.back()


_Queue = deque["asyncio.Future[Permit]"]


class Permits:
    """Asks only while something waits, and gives what it gets to the most urgent."""

    def __init__(
        self,
        broker: Broker,
        health: Health,
        ring: Ring,
        pauses: Pauses | None = None,
        *,
        replicas_max: int = REPLICAS_MAX,
    ) -> None:
        """Prepare.

        Args:
            broker: the connection.
            health: whether the service stops.
            ring: the account's permits.
            pauses: the account's; None where nobody else pauses it.
            replicas_max: among how many processes the limit is divided while the ring is away.
        """
        self._health = health
        self._ring = ring
        self._pauses = pauses
        if pauses is not None:
            pauses.tell(self._park)
        self._lag = Lag()
        self._grants = RingGrants(broker, ring, self._lag)
        self._fallback = Fallback(broker, ring, self._grants)
        self._own = OwnPace(ring.platform, replicas_max)
        self._waiting: dict[Priority, _Queue] = {priority: deque() for priority in URGENCY}
        self._prepared: _Queue = deque()
        self._spare: _Queue = deque()
        self._turns = Turns()
        self._quickest = Quickest()
        self._granted: deque[float] = deque(maxlen=ring.permits)
        self._scarce_until = float("-inf")
        self._serving: asyncio.Task[None] | None = None

    @property
    def away(self) -> str | None:
        """What an operator should know of the ring; None when it answers."""
        if self._fallback.source == "ring":
            return None
        rate = 1 / self._own.interval_seconds(self._grants.size)
        return f"{self._ring.stream} does not answer: each process sends {rate:.1f}/s by itself"

    def start(self) -> None:
        """Hear of what other processes find of the ring."""
        self._fallback.start()

    async def close(self) -> None:
        """Stop asking."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        await self._fallback.close()

    async def look(self) -> None:
        """Learn how large the ring is now: `task streams` may have changed it."""
        await self._grants.look()
        if self._grants.size != self._granted.maxlen:
            self._granted = deque(self._granted, maxlen=self._grants.size)

    @property
    def size(self) -> int:
        """How many permits the ring holds."""
        return self._grants.size

    async def take(self, priority: Priority, *, prepared: bool = False) -> Permit:
        """Wait for a permit, as long as it takes. `use` it at once, or give it back.

        Args:
            priority: of the message.
            prepared: it has had its turn, and what comes before a call is done: it goes first.

        Raises:
            Paused: the account is, or is being, paused for over `PAUSE_AWAITED_SECONDS_MAX`.
            Unavailable: the service stops while it waits.
        """
        if broken("permits"):
            return Permit(time.monotonic(), self._ring.platform)
        if self._pause_seconds > PAUSE_AWAITED_SECONDS_MAX:
            _sent_away.labels(platform=self._ring.platform, reason="paused").inc()
            raise Paused(self._pause_seconds)
        started = time.perf_counter()
        permit = await self._queue(self._prepared if prepared else self._waiting[priority])
        waited_seconds = time.perf_counter() - started
        _waited.labels(platform=self._ring.platform).observe(waited_seconds)
        if waited_seconds > SCARCE_WAIT_SECONDS:
            self.spare_none()
        return permit

    async def take_spare(self) -> Permit | None:
        """A permit that no message wants, soon or not at all; None while they are scarce."""
        if broken("permits"):
            return Permit(time.monotonic(), self._ring.platform)
        if self._scarce():
            return None
        try:
            async with asyncio.timeout(SPARE_SECONDS_MAX):
                return await self._queue(self._spare)
        except (TimeoutError, Paused, Unavailable):
            return None

    def spare_none(self) -> None:
        """Permits are scarce: the platform or a message that waits has shown it."""
        self._scarce_until = time.monotonic() + SCARCE_SECONDS

    def _scarce(self) -> bool:
        now = time.monotonic()
        while self._granted and self._granted[0] < now - PERMIT_WINDOW_SECONDS:
            self._granted.popleft()
        return (
            now < self._scarce_until
            or len(self._granted) >= SPARE_SHARE * self._grants.size
            or self._fallback.source != "ring"
            or self._count_waiting() > 0
        )

    def _queue(self, queue: _Queue) -> "asyncio.Future[Permit]":
        grant: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        queue.append(grant)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        return grant

    async def _serve(self) -> None:
        self._lag.start()
        try:
            while self._count_waiting():
                permit = await self._next()
                if permit is not None:
                    self._grant(permit)
                    # Let it make its call before the next permit is asked for.
                    await asyncio.sleep(0)
                elif self._health.stopping:
                    self._send_away(Unavailable("permits"), "stopping")
        finally:
            self._lag.stop()
            self._grants.leave()

    async def _next(self) -> Permit | None:
        """The next permit, from wherever they come now; None: look again."""
        if pause_seconds := self._pause_seconds:
            await asyncio.sleep(min(pause_seconds, SILENCE_STEP_SECONDS))
            return None
        match self._fallback.source:
            case "ring":
                return await self._from_ring()
            case "own":
                return await self._own_pace()
            case "silence":
                await asyncio.sleep(SILENCE_STEP_SECONDS)
                return None

    async def _from_ring(self) -> Permit | None:
        factor = self._factor
        for still_to_come in range(factor - 1, -1, -1):
            try:
                grant = await self._grants.next(factor * self._count_waiting())
            except RingAway as away:
                self._fallback.cut(str(away))
                return None
            if grant is None:
                return None
            if still_to_come:
                # Not given back: that it is gone makes the account slower.
                _dropped.labels(platform=self._ring.platform, reason="slowed").inc()
                continue
            back = partial(self._grants.give_back, grant)
            permit = Permit(
                grant.at, self._ring.platform, back=back, begin=partial(self._begin, grant)
            )
            if self._pause_seconds or self._fallback.source != "ring":
                # Handed out before that was known.
                _dropped.labels(platform=self._ring.platform, reason="paused").inc()
            elif not permit.fresh:
                permit.give_back("late")
            else:
                return permit
        return None

    def _begin(self, grant: Grant) -> UnderWay:
        return UnderWay(
            grant.at,
            self._grants.window_seconds,
            self._quickest,
            keep=partial(self._grants.keep, grant),
            postpone=partial(self._grants.postpone, grant),
        )

    async def _own_pace(self) -> Permit | None:
        now = time.monotonic()
        if wait_seconds := self._own.wait_seconds(now):
            await asyncio.sleep(min(wait_seconds, SILENCE_STEP_SECONDS))
            return None
        self._own.take(now, self._grants.size, self._factor)
        return Permit(now, self._ring.platform, "own-pace")

    def _grant(self, permit: Permit) -> None:
        waiting = [priority for priority, queue in self._waiting.items() if _somebody(queue)]
        if _somebody(self._prepared):
            queue = self._prepared
        elif waiting:
            queue = self._waiting[self._turns.next(waiting)]
        elif _somebody(self._spare):
            queue = self._spare
        else:
            permit.give_back()
            return
        self._granted.append(permit.granted_at)
        queue.popleft().set_result(permit)

    def _count_waiting(self) -> int:
        queues = (self._prepared, *self._waiting.values(), self._spare)
        return sum(len(queue) for queue in queues if _somebody(queue))

    def _park(self) -> None:
        """Let messages that wait be parked instead."""
        if self._pause_seconds > PAUSE_AWAITED_SECONDS_MAX:
            self._send_away(Paused(self._pause_seconds), "paused")

    def _send_away(self, why: Paused | Unavailable, reason: str) -> None:
        for queue in (self._prepared, *self._waiting.values(), self._spare):
            while _somebody(queue):
                queue.popleft().set_exception(why)
                _sent_away.labels(platform=self._ring.platform, reason=reason).inc()

    @property
    def _pause_seconds(self) -> float:
        return self._pauses.seconds if self._pauses is not None else 0.0

    @property
    def _factor(self) -> int:
        return self._pauses.factor if self._pauses is not None else 1


def _somebody(queue: _Queue) -> bool:
    """Whether somebody still waits in it; those who left are taken out."""
    while queue and queue[0].done():
        queue.popleft()
    return bool(queue)
