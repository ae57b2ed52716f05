"""What happens to a message: done, held, again later, or set aside (design: four endings)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import nats.errors
import structlog
from nats.aio.msg import Msg
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from contracts.topology import Consumer
from runtime import traces
from runtime.broker import Broker
from runtime.failures import Reject, Retry, Unavailable
from runtime.health import Health
from runtime.logs import about
from runtime.metrics import counter, histogram

DELIVERIES_MAX = 8
"""A message whose handler has a bug is tried this often; crashes and restarts count as well."""
BUG_RETRY_SECONDS = (0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0)
"""Short, because a message that waits holds up its lane."""
RETRY_AGE_SECONDS_MAX = 1800.0
"""`Retry` ends when the message is older than this and was tried at least five times."""
RETRY_DELIVERIES_MIN = 5
HOLD_SECONDS_MIN, HOLD_SECONDS_MAX = 0.1, 2.0
"""Between two attempts while something is unavailable."""

log = structlog.get_logger()

_handled = counter(
    "turnout_messages_handled_total", "Messages by how they ended.", ("consumer", "ending")
)
_handle_seconds = histogram(
    "turnout_handle_seconds", "From delivery to the end of the handler.", ("consumer",)
)

M = TypeVar("M")


class Endings(Generic[M]):
    """Handles the messages of one kind of consumer and gives each exactly one ending."""

    def __init__(
        self,
        *,
        name: str,
        consumer: Consumer,
        broker: Broker,
        health: Health,
        decode: Callable[[str, bytes], M],
        handler: Callable[[M], Awaitable[None]],
        on_dead: Callable[[M, str], Awaitable[None]] | None,
        stopping: asyncio.Event,
    ) -> None:
        self._name = name
        self._span = f"handle {name}"
        self._consumer = consumer
        self._broker = broker
        self._health = health
        self._decode = decode
        self._handler = handler
        self._on_dead = on_dead
        self._stopping = stopping

    async def handle(self, raw: Msg) -> None:
        """Work on one delivery."""
        started = time.perf_counter()
        heartbeat = _Heartbeat(raw, self._consumer.ack_wait_seconds / 3)
        try:
            with traces.span(self._span, raw.headers, kind=SpanKind.CONSUMER):
                ending = await self._end(raw)
        except (Unavailable, nats.errors.Error) as error:
            # Not even the ending could be said; silence brings the message back.
            ending = "unended"
            log.warning("message left for redelivery", consumer=self._name, error=str(error))
        finally:
            heartbeat.stop()
        _handled.labels(consumer=self._name, ending=ending).inc()
        _handle_seconds.labels(consumer=self._name).observe(time.perf_counter() - started)

    async def _end(self, raw: Msg) -> str:
        try:
            message = self._decode(raw.subject, raw.data)
        except (ValidationError, ValueError) as error:
            return await self._dead(raw, None, f"unreadable: {_shape(error)}")
        with about(self._name, message):
            return await self._work(raw, message)

    async def _work(self, raw: Msg, message: M) -> str:
        deliveries = raw.metadata.num_delivered
        started = time.perf_counter()
        try:
            if not await self._hold_until_available(message):
                await raw.nak()
                return "handed back"
        except Retry as error:
            age_seconds = (datetime.now(UTC) - raw.metadata.timestamp).total_seconds()
            if age_seconds > RETRY_AGE_SECONDS_MAX and deliveries >= RETRY_DELIVERIES_MIN:
                return await self._dead(raw, message, f"gave up: {error.reason}")
            log.info("again later", reason=error.reason, after_seconds=error.after_seconds)
            await raw.nak(delay=error.after_seconds)
            return "retry"
        except Reject as error:
            return await self._dead(raw, message, error.reason)
        except Exception as error:  # a bug: counted, shown, and in the end set aside
            # Not log.exception: it would take the error as it is, values and all.
            log.error(  # noqa: TRY400
                "handler failed", deliveries=deliveries, exc_info=without_values(error)
            )
            if deliveries >= DELIVERIES_MAX:
                return await self._dead(raw, message, f"bug: {type(error).__name__}")
            await raw.nak(delay=BUG_RETRY_SECONDS[min(deliveries, len(BUG_RETRY_SECONDS)) - 1])
            return "bug"
        await raw.ack()
        log.info("handled", seconds=round(time.perf_counter() - started, 4), deliveries=deliveries)
        return "done"

    async def _hold_until_available(self, message: M) -> bool:
        """Call the handler until nothing it needs is away; False when the service stops first."""
        wait_seconds = HOLD_SECONDS_MIN
        missing: str | None = None
        try:
            while True:
                try:
                    await self._handler(message)
                    return True
                except Unavailable as error:
                    if error.what != missing:
                        if missing is not None:
                            self._health.found(missing)
                        missing = error.what
                        self._health.lost(missing)
                        log.warning("held", missing=missing)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_seconds)
                    return False
                wait_seconds = min(wait_seconds * 2, HOLD_SECONDS_MAX)
        finally:
            if missing is not None:
                self._health.found(missing)

    async def _dead(self, raw: Msg, message: M | None, reason: str) -> str:
        if message is not None and self._on_dead is not None:
            await self._on_dead(message, reason)
        metadata = raw.metadata
        headers = {
            name: value
            for name, value in (raw.headers or {}).items()
            if not name.startswith("Nats-")
        }
        message_id = (raw.headers or {}).get("Nats-Msg-Id", "")
        headers |= {
            "Turnout-Message-Id": message_id,
            "Turnout-Deliveries": str(metadata.num_delivered),
        }
        await self._broker.set_aside(
            raw.subject,
            raw.data,
            reason=reason,
            id=f"{metadata.stream}-{metadata.sequence.stream}-{message_id}",
            origin=self._name,
            headers=headers,
        )
        await raw.term()
        log.error("set aside", consumer=self._name, reason=reason)
        return "dead"


class _Heartbeat:
    """Tells the broker that a slow handler is alive; costs one timer when it is fast."""

    def __init__(self, raw: Msg, every_seconds: float) -> None:
        self._raw = raw
        self._every_seconds = every_seconds
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(every_seconds, self._beat)
        self._task: asyncio.Task[None] | None = None

    def _beat(self) -> None:
        self._task = self._loop.create_task(self._say())
        self._timer = self._loop.call_later(self._every_seconds, self._beat)

    async def _say(self) -> None:
        with suppress(nats.errors.Error):
            await self._raw.in_progress()

    def stop(self) -> None:
        self._timer.cancel()


def _shape(error: Exception) -> str:
    """What is wrong with a body, without a word of what it says."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['type']}"
            for problem in error.errors(include_input=False, include_url=False)[:5]
        )
    return type(error).__name__


def without_values(error: Exception) -> Any:
    """The traceback of an error; validation errors quote their input, so only their shape stays."""
    if isinstance(error, ValidationError):
        replacement = ValueError(_shape(error))
        return (ValueError, replacement, error.__traceback__)
    return (type(error), error, error.__traceback__)
