"""Permits of one account: JetStream hands each out again after the window (nats.md 6)."""

import asyncio
import heapq
import json
import time
from collections import deque
from dataclasses import dataclass, field

import nats.errors

from contracts import Priority
from contracts.topology import PERMIT_WINDOW_SECONDS, Ring
from notifier.pauses import Pauses
from runtime.broker import Broker
from runtime.failures import Unavailable
from runtime.faults import broken
from runtime.health import Health
from runtime.metrics import histogram

ASK_SECONDS = 1.9
"""How long one request waits at the server, a little less than here; an orderly stop waits for it
while the ring is paused."""
ANSWER_SECONDS_MAX = 2.0
AGAIN_SECONDS = 0.2
"""Between requests while the ring or the broker is away."""
PAUSE_AWAITED_SECONDS_MAX = 1.0
"""A pause of the account that is longer is not waited for here: its chats are parked."""
AGE_SECONDS_MAX = 0.02
"""What is limited is the handing out: a permit kept longer could meet the next window's."""
BULK_EVERY = 10
"""Every tenth permit goes to reminders and broadcasts, so that they move on under any load."""
SPARE_SECONDS_MAX = 0.5
"""So long a call that could as well be left out waits for a permit."""
SPARE_SHARE = 0.5
"""Such calls are made while this process uses less than this part of the ring."""
SCARCE_WAIT_SECONDS = 0.1
"""A message that waits longer shows that permits are scarce, whoever else uses them …"""
SCARCE_SECONDS = 10.0
"""… and that they are, for so long."""
URGENCY: dict[Priority, int] = {"reply": 0, "transactional": 1, "reminder": 2, "bulk": 3}

_waited = histogram(
    "turnout_permit_wait_seconds", "From asking for a permit to having it.", ("platform",)
)


class Paused(Exception):
    """The account is paused for longer than anybody waits: park the chat."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"paused for {seconds:.1f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to make one call now; never acknowledged, so that it comes back by itself."""

    granted_at: float
    """By `time.monotonic()`."""

    @property
    def fresh(self) -> bool:
        """Whether it may still be used."""
        return time.monotonic() - self.granted_at <= AGE_SECONDS_MAX

    def use(self) -> bool:
        """Say that the call is made now; False: it is too late, take another one."""
        return self.fresh


@dataclass(order=True, slots=True)
class _Waiter:
    urgency: int
    number: int
    grant: asyncio.Future[Permit] = field(compare=False)


class Permits:
    """Asks only while something waits, and gives what it gets to the most urgent."""

    def __init__(
        self,
        broker: Broker,
        health: Health,
        ring: Ring,
        pauses: Pauses | None = None,
        *,
        replicas_max: int = 4,
    ) -> None:
        self._pauses = pauses
        self._replicas_max = replicas_max
        self._broker = broker
        self._health = health
        self._ring = ring
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{ring.stream}.{ring.consumer}"
        self._urgent: list[_Waiter] = []
        self._bulk: list[_Waiter] = []
        self._spare: list[_Waiter] = []
        self._granted: deque[float] = deque(maxlen=ring.permits)
        self._scarce_until = float("-inf")
        self._taken = 0
        self._asked = 0
        self._asking: asyncio.Task[None] | None = None
        if pauses is not None:
            pauses.tell(self._send_to_park)

    async def take(self, priority: Priority) -> Permit:
        """Wait for a permit, as long as it takes. Use it at once; none need be given back.

        Raises:
            Paused: the account is, or is being, paused for over `PAUSE_AWAITED_SECONDS_MAX`.
            Unavailable: the service stops while it waits.
        """
        if broken("permits"):
            return Permit(time.monotonic())
        self._check_pause()
        started = time.perf_counter()
        urgency = URGENCY[priority]
        queue = self._bulk if urgency >= URGENCY["reminder"] else self._urgent
        permit = await self._queue(queue, urgency)
        waited_seconds = time.perf_counter() - started
        _waited.labels(platform=self._ring.platform).observe(waited_seconds)
        if waited_seconds > SCARCE_WAIT_SECONDS:
            self.spare_none()
        return permit

    def _check_pause(self) -> None:
        if self._pauses is not None and self._pauses.seconds > PAUSE_AWAITED_SECONDS_MAX:
            raise Paused(self._pauses.seconds)

    def _send_to_park(self) -> None:
        """Let messages that wait be parked instead."""
        assert self._pauses is not None
        if self._pauses.seconds > PAUSE_AWAITED_SECONDS_MAX:
            for waiter in (*self._urgent, *self._bulk, *self._spare):
                if not waiter.grant.done():
                    waiter.grant.set_exception(Paused(self._pauses.seconds))

    async def take_spare(self) -> Permit | None:
        """A permit that no message wants, soon or not at all; None while they are scarce."""
        if broken("permits"):
            return Permit(time.monotonic())
        if self._scarce():
            return None
        try:
            async with asyncio.timeout(SPARE_SECONDS_MAX):
                return await self._queue(self._spare, 0)
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
            or len(self._granted) >= SPARE_SHARE * self._ring.permits
            or self._somebody_waits()
        )

    def _queue(self, queue: list[_Waiter], urgency: int) -> "asyncio.Future[Permit]":
        self._taken += 1
        waiter = _Waiter(urgency, self._taken, asyncio.get_running_loop().create_future())
        heapq.heappush(queue, waiter)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_while_needed())
        return waiter.grant

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask_while_needed(self) -> None:
        while self._somebody_waits():
            if not await self._ask():
                if self._health.stopping:
                    self._send_away()
                continue
            waiter = self._next()
            if waiter is not None:
                permit = Permit(time.monotonic())
                self._granted.append(permit.granted_at)
                waiter.grant.set_result(permit)
                # Let it make its call before the next permit is asked for.
                await asyncio.sleep(0)

    def _send_away(self) -> None:
        """Let messages that wait go to another replica."""
        for waiter in (*self._urgent, *self._bulk, *self._spare):
            if not waiter.grant.done():
                waiter.grant.set_exception(Unavailable("permits"))

    def _somebody_waits(self) -> bool:
        for queue in (self._urgent, self._bulk, self._spare):
            while queue and queue[0].grant.done():
                heapq.heappop(queue)
        return bool(self._urgent or self._bulk or self._spare)

    def _next(self) -> _Waiter | None:
        if not self._somebody_waits():
            return None
        self._asked += 1
        first, second = self._urgent, self._bulk
        if self._asked % BULK_EVERY == 0:
            first, second = second, first
        return heapq.heappop(first or second or self._spare)

    async def _ask(self) -> bool:
        request = {"batch": 1, "expires": int(ASK_SECONDS * 1e9)}
        try:
            # Old style, with an inbox of its own: JetStream delivers under the stored subject,
            # which the client's shared inbox cannot match.
            answer = await self._broker.nats.request(
                self._subject,
                json.dumps(request).encode(),
                timeout=ANSWER_SECONDS_MAX,
                old_style=True,
            )
        except nats.errors.TimeoutError:
            return False
        except (nats.errors.Error, OSError):
            await asyncio.sleep(AGAIN_SECONDS)
            return False
        if answer.headers and "Status" in answer.headers:
            # 408: nothing within the time, as while the ring is paused. Others come at once.
            if answer.headers["Status"] != "408":
                await asyncio.sleep(AGAIN_SECONDS)
            return False
        return True
