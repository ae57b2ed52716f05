"""The ring of one account, asked: JetStream hands each permit out again after the window.

One request at a time, over an inbox of its own: JetStream delivers under the stored subject, which
the client's shared inbox cannot match.
"""

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import APIError

from contracts.topology import PERMIT_WINDOW_SECONDS, Ring
from runtime.broker import Broker

ASK_SECONDS = 1.9
"""How long one request waits at the server; an orderly stop waits for it."""
ANSWER_SECONDS_MAX = 2.5
"""A server that has not even said by then that there was nothing does not answer."""
AGAIN_SECONDS = 0.1
"""Between requests while the ring or the broker is away."""
AWAY_AFTER_SECONDS = 0.5
"""So long it may refuse, as at an election of its leader, before it counts as away."""
PROBE_SECONDS_MAX = 0.3
BATCH_FROM_PERMITS = 200
"""Rings of so many are asked for several at once (nats.md 6)."""
BATCH_MAX = 10
TICK_SECONDS = 0.005

BACK_SHARE = 0.4
"""Of the window. Younger permits that nobody used are given back, to be handed out again at once;
older ones may soon be handed out anyway, and the server does not know for which time it is."""

NOTHING = frozenset({"404", "408"})
"""JetStream's words for: there was none within the time."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One permit that the server handed out."""

    at: float
    """When, by `time.monotonic()`; not later than it was."""
    reply: str
    """Where to say that it was not used."""


class RingAway(Exception):
    """The ring does not answer; the text says how that showed."""


class Lag:
    """How late this process's loop runs: what arrived may have lain there for so long."""

    def __init__(self) -> None:
        self._due_at = 0.0
        self._late_seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch from now on."""
        self._late_seconds = 0.0
        self._wait(asyncio.get_running_loop())

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    @property
    def seconds(self) -> float:
        """How late it is, or was at the last look."""
        overdue_seconds = asyncio.get_running_loop().time() - self._due_at
        return max(self._late_seconds, overdue_seconds, 0.0)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_at = loop.time() + TICK_SECONDS
        self._timer = loop.call_at(self._due_at, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._late_seconds = loop.time() - self._due_at
        self._wait(loop)


class RingGrants:
    """What the server hands out to this process."""

    def __init__(self, broker: Broker, ring: Ring, lag: Lag) -> None:
        self._broker = broker
        self._ring = ring
        self._lag = lag
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{ring.stream}.{ring.consumer}"
        self._inbox: str | None = None
        self._arrived: deque[Grant] = deque()
        self._left = False
        self._saying: set[asyncio.Task[None]] = set()
        self._outstanding = 0
        self._asked_at = float("-inf")
        self._trouble: str | None = None
        self._trouble_since: float | None = None
        self._news = asyncio.Event()
        self.size = ring.permits
        """How many permits the ring holds, as far as this process knows."""
        self.window_seconds = ring.window_seconds
        """After which a permit comes back by itself, as far as this process knows."""

    async def next(self, wanted: int) -> Grant | None:
        """The next permit; None: none came, ask again.

        Args:
            wanted: how many could be used at once.

        Raises:
            RingAway: it does not answer.
        """
        self._left = False
        if not self._arrived:
            if self._broker.away_since is not None:
                # Nothing can be sent either, and that says nothing about the ring.
                self._outstanding, self._trouble_since = 0, None
                await asyncio.sleep(AGAIN_SECONDS)
                return None
            await self._wait(wanted)
        return self._arrived.popleft() if self._arrived else None

    def give_back(self, grant: Grant) -> None:
        """No call was made with it: let it be handed out again, now."""
        if time.monotonic() - grant.at < BACK_SHARE * self.window_seconds:
            self._say(grant, b"-NAK")

    def keep(self, grant: Grant) -> None:
        """Its call is still under way: let its window begin anew."""
        self._say(grant, b"+WPI")

    def postpone(self, grant: Grant, seconds: float) -> None:
        """Let it be handed out again after so long, and not before."""
        self._say(grant, b'-NAK {"delay": %d}' % (seconds * 1e9))

    def _say(self, grant: Grant, word: bytes) -> None:
        saying = asyncio.create_task(self._publish(grant.reply, word))
        self._saying.add(saying)
        saying.add_done_callback(self._saying.discard)

    async def _publish(self, subject: str, word: bytes) -> None:
        with suppress(nats.errors.Error, OSError):
            await self._broker.nats.publish(subject, word)

    def leave(self) -> None:
        """Nobody waits any more: give back what has arrived and what still arrives."""
        self._left = True
        while self._arrived:
            self.give_back(self._arrived.popleft())

    async def probe(self) -> bool:
        """Whether the ring answers, at the price of a permit if there is one."""
        try:
            answer = await self._broker.nats.request(
                self._subject,
                b'{"batch":1,"no_wait":true}',
                timeout=PROBE_SECONDS_MAX,
                old_style=True,
            )
        except (nats.errors.Error, OSError):
            return False
        status = (answer.headers or {}).get("Status")
        return status is None or status in NOTHING

    async def look(self) -> None:
        """Learn how many permits the ring holds; what is not told stays as it was."""
        try:
            jetstream = self._broker.jetstream
            held = (await jetstream.stream_info(self._ring.stream)).state.messages
            consumer = await jetstream.consumer_info(self._ring.stream, self._ring.consumer)
        except (nats.errors.Error, APIError, OSError):
            return
        self.window_seconds = consumer.config.ack_wait or PERMIT_WINDOW_SECONDS
        self.size = held * round(PERMIT_WINDOW_SECONDS / self.window_seconds) or self.size

    async def _wait(self, wanted: int) -> None:
        self._news.clear()
        now = time.monotonic()
        if self._outstanding == 0 or now > self._asked_at + ANSWER_SECONDS_MAX:
            try:
                await self._ask(min(wanted, BATCH_MAX if self.size >= BATCH_FROM_PERMITS else 1))
            except (nats.errors.Error, OSError):
                self._outstanding = 0
                await asyncio.sleep(AGAIN_SECONDS)
                return
        try:
            async with asyncio.timeout(self._asked_at + ANSWER_SECONDS_MAX - time.monotonic()):
                await self._news.wait()
        except TimeoutError:
            self._outstanding = 0
            if self._broker.away_since is None:
                raise RingAway("no answer") from None
        if self._trouble is not None:
            await self._bear(self._trouble)

    async def _bear(self, trouble: str) -> None:
        self._trouble = None
        now = time.monotonic()
        if self._trouble_since is None:
            self._trouble_since = now
        if now - self._trouble_since >= AWAY_AFTER_SECONDS:
            self._trouble_since = None
            raise RingAway(trouble)
        await asyncio.sleep(AGAIN_SECONDS)

    async def _ask(self, batch: int) -> None:
        if self._inbox is None:
            inbox = self._broker.nats.new_inbox()
            await self._broker.nats.subscribe(inbox, cb=self._hear)
            self._inbox = inbox
        self._outstanding, self._asked_at = batch, time.monotonic()
        request = {"batch": batch, "expires": int(ASK_SECONDS * 1e9)}
        await self._broker.nats.publish(
            self._subject, json.dumps(request).encode(), reply=self._inbox
        )

    async def _hear(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status")
        if status is None:
            # Not later than it can have been handed out: what a busy loop left lying is old.
            granted_at = max(time.monotonic() - self._lag.seconds, self._asked_at)
            grant = Grant(granted_at, message.reply)
            if self._left:
                self.give_back(grant)
            else:
                self._arrived.append(grant)
            self._outstanding = max(self._outstanding - 1, 0)
            self._trouble_since = None
        else:
            self._outstanding = 0
            if status in NOTHING:
                self._trouble_since = None
            else:
                self._trouble = f"status {status}"
        self._news.set()
