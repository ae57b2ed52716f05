"""The account's pause after a flood: every replica stops within milliseconds, and knows it."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js.errors import APIError
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from contracts.topology import PEERS, Ring
from notifier import real_time
from runtime.broker import Broker
from runtime.documents import Conflict, Documents
from runtime.failures import Unavailable
from runtime.metrics import counter, gauge

PAUSE_SECONDS_MIN = 1.0
PAUSE_SECONDS_MAX = 24 * 3600.0
"""A platform that asks for more is asked again after this."""
LOOK_SECONDS = 5.0
"""Between two looks at the document, for words that were missed, and writes that failed."""
SLOW_SECONDS = 60.0
"""A number that was told it is too fast goes at half its rate for so long, then at its own."""
SLOW_FACTOR_MAX = 8
"""Told again meanwhile, it goes at half of that, down to an eighth."""

_paused = counter(
    "turnout_paused_seconds_total", "Time for which an account was told to wait.", ("platform",)
)
_seconds = gauge(
    "turnout_account_pause_seconds",
    "How long the account must still wait, as this process knows it.",
    ("platform", "account"),
)
_slow = gauge(
    "turnout_account_slowed_factor",
    "By how much the account goes slower than its ring would let it; 1: not at all.",
    ("platform", "account"),
)

log = structlog.get_logger()


class Pause(BaseModel):
    """The document under `ring.<platform>.<account>`; real time, as permits are."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    until: AwareDatetime
    slow_factor: int = 1
    """How many permits each call costs since `slowed_at`; it halves every `SLOW_SECONDS`."""
    slowed_at: AwareDatetime | None = None

    def join(self, other: "Pause | None") -> "Pause":
        """What both say: the later end, and the newer word on the rate."""
        if other is None:
            return self
        newer = max(self, other, key=_slowed_at)
        return newer.model_copy(update={"until": max(self.until, other.until)})

    def slow(self, now: datetime) -> "Pause":
        """The platform found the account too fast: at half of what it may now."""
        factor = min(self.factor(now) * 2, SLOW_FACTOR_MAX)
        return self.model_copy(update={"slow_factor": factor, "slowed_at": now})

    def factor(self, now: datetime) -> int:
        """How many permits a call costs now."""
        if self.slowed_at is None:
            return 1
        halvings = int(max((now - self.slowed_at).total_seconds(), 0.0) / SLOW_SECONDS)
        return max(self.slow_factor >> min(halvings, SLOW_FACTOR_MAX), 1)


def _slowed_at(pause: Pause) -> datetime:
    return pause.slowed_at or datetime.min.replace(tzinfo=UTC)


class Pauses:
    """Pauses one account, and knows when it is paused, whoever did it.

    The longest end is kept in a document, which every process hears of as it is written (it is a
    message like any other) and looks at now and then; what it knows it remembers while the broker
    is away. The ring's own pause is derived from it, for those that have not heard yet: a later,
    shorter pause of a consumer would shorten a longer one (nats.md).
    """

    def __init__(self, broker: Broker, documents: Documents, ring: Ring) -> None:
        self._broker = broker
        self._documents = documents
        self._ring = ring
        self._key = f"ring.{ring.platform}.{ring.account}"
        self._known = Pause(until=datetime.min.replace(tzinfo=UTC))
        self._unsaved = False
        self._hearers: list[Callable[[], None]] = []
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on."""
        labels = {"platform": self._ring.platform, "account": self._ring.account}
        _seconds.labels(**labels).set_function(lambda: self.seconds)
        _slow.labels(**labels).set_function(lambda: self.factor)
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Listen no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def tell(self, hearer: Callable[[], None]) -> None:
        """Call `hearer` whenever a longer pause becomes known."""
        self._hearers.append(hearer)

    @property
    def until(self) -> datetime | None:
        """When the account may send again, in real time; None when it may now."""
        return self._known.until if self._known.until > real_time.now() else None

    @property
    def seconds(self) -> float:
        """How long the account must wait; 0.0 when it need not."""
        return max((self._known.until - real_time.now()).total_seconds(), 0.0)

    @property
    def factor(self) -> int:
        """How many permits a call costs now: 1, or more for a while after the platform complained
        of the account's rate.
        """
        return self._known.factor(real_time.now())

    async def pause(self, seconds: float, *, slow: bool = False) -> None:
        """Nobody calls for that long, unless a longer pause is under way; it holds in this process
        at once, and everywhere as soon as the broker has it.

        Args:
            seconds: what the platform asked for.
            slow: go at half the rate for a while afterwards.
        """
        now = real_time.now()
        until = now + timedelta(seconds=min(max(seconds, PAUSE_SECONDS_MIN), PAUSE_SECONDS_MAX))
        more_seconds = (until - max(self._known.until, now)).total_seconds()
        _paused.labels(platform=self._ring.platform).inc(max(more_seconds, 0.0))
        wanted = self._known.slow(now) if slow else self._known
        self._learn(wanted.model_copy(update={"until": until}))
        await self._save()

    def _learn(self, pause: Pause) -> None:
        known = self._known.join(pause)
        if known == self._known:
            return
        longer = known.until > self._known.until
        self._known, self._unsaved = known, True
        if longer:
            now = real_time.now()
            log.warning(
                "account paused",
                platform=self._ring.platform,
                account=self._ring.account,
                seconds=round((known.until - now).total_seconds(), 1),
                slow_factor=known.factor(now),
            )
            for hearer in self._hearers:
                hearer()

    async def _save(self) -> None:
        """Have it written and the ring paused; what fails is done later by `_watch`."""
        with suppress(Unavailable):
            while True:
                await self._write()
                applied = self._known.until
                await self._apply(applied)
                # Somebody may have written a longer one and applied it before our own shorter one.
                await self._look()
                if self._known.until == applied and not self._unsaved:
                    return

    async def _write(self) -> None:
        """Write what is known, joined with what the document says."""
        while True:
            stored = await self._documents.read(self._key)
            if stored is not None:
                told = Pause.model_validate_json(stored[0])
                self._learn(told)
                if told == self._known:
                    break
            value = self._known.model_dump_json().encode()
            try:
                if stored is None:
                    await self._documents.create(self._key, value)
                else:
                    await self._documents.replace(self._key, value, stored[1])
            except Conflict:
                continue
            break
        self._unsaved = False

    async def _apply(self, until: datetime) -> None:
        if until <= real_time.now():
            return
        try:
            await self._broker.jetstream.pause_consumer(
                self._ring.stream, self._ring.consumer, until.isoformat().replace("+00:00", "Z")
            )
        except APIError:
            # The ring is not there: all go at a pace of their own, and obey what they hear.
            log.warning("ring not paused", stream=self._ring.stream)
        except (nats.errors.Error, OSError) as error:
            raise Unavailable("nats") from error

    async def _look(self) -> None:
        stored = await self._documents.read(self._key)
        if stored is not None:
            told = Pause.model_validate_json(stored[0])
            self._learn(told)
            self._unsaved = told != self._known

    async def _watch(self) -> None:
        # What is written to a bucket is a message on this subject, so it is heard as it is sent; a
        # write that loses its race is heard as well, and tells of a refusal that was real.
        subject = f"$KV.{PEERS.name}.{self._key}"
        subscription = await self._broker.nats.subscribe(subject, cb=self._hear)
        try:
            while True:
                with suppress(Unavailable):
                    await self._look()
                if self._unsaved:
                    await self._save()
                # Not all processes at the same moment.
                await asyncio.sleep(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _hear(self, message: Msg) -> None:
        with suppress(ValidationError):
            told, unsaved = Pause.model_validate_json(message.data), self._unsaved
            self._learn(told)
            self._unsaved = unsaved
