"""The connection to NATS: publish with an acknowledgement, ask with an answer, set aside."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import nats.errors
import nats.js.errors
import structlog
from faststream.exceptions import IncorrectState
from faststream.nats import NatsBroker
from faststream.nats.security import NatsCredentials
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from opentelemetry.trace import SpanKind
from pydantic import BaseModel

from contracts import Address, Message, Query
from contracts.topology import Bucket
from runtime import traces
from runtime.dead.forgetting import forget
from runtime.dead.owners import letter_subject, owner_of
from runtime.documents import Documents
from runtime.failures import Unavailable
from runtime.faults import broken
from runtime.metrics import counter, histogram
from runtime.requests import Requests
from runtime.settings import ServiceSettings
from runtime.windows import Window, refusal

RECONNECT_WAIT_SECONDS = 0.25
"""Between attempts to reach the broker again; there is no last attempt."""
PING_SECONDS = 5
"""Between pings; a connection is given up when three in a row were not answered. nats-py's 120 s
would let a broker that vanished without a word be missed for minutes."""
UNREACHABLE = (nats.errors.Error, OSError, IncorrectState)
"""How it shows that the broker is away; the last: it was not reached once yet."""
UNSENT_BYTES_MAX = 1024 * 1024
"""What the client may hold that the broker has not taken off its hands; nats-py's own limit is 2 MB
and waits without end."""
STREAM_FULL_ERROR = 10077
"""JetStream's code for a stream that refuses because it is full (nats.md 4)."""

log = structlog.get_logger()

_published = counter(
    "turnout_messages_published_total", "Messages acknowledged by a stream.", ("subject",)
)
_publish_seconds = histogram("turnout_publish_seconds", "From publish to the stream's ack.")
_set_aside = counter("turnout_dead_letters_total", "Messages set aside.", ("origin",))


class Broker:
    """One connection per process. FastStream is the frame of the consumers on it."""

    def __init__(self, service: str, settings: ServiceSettings) -> None:
        self.inbox_prefix = f"_INBOX.{service}"
        self._problem: str | None = None
        self._requests: Requests | None = None
        self._jetstream: JetStreamContext | None = None
        self._reached = asyncio.Event()
        self._reached.set()
        self.away_since: float | None = None
        """Since when there is no connection, by the monotonic clock in seconds; None when there is.
        """
        self.frame = NatsBroker(
            settings.nats_url,
            name=service,
            logger=None,
            apply_types=False,
            # FastStream's default is 60 attempts, after which it does nothing and says nothing.
            max_reconnect_attempts=-1,
            reconnect_time_wait=cast(int, RECONNECT_WAIT_SECONDS),
            inbox_prefix=self.inbox_prefix,
            error_cb=self._broke,
            disconnected_cb=self._is_away,
            reconnected_cb=self._is_back,
            ping_interval=PING_SECONDS,
            graceful_timeout=settings.stop_seconds_max,
            security=(
                NatsCredentials(str(settings.nats_creds_file)) if settings.nats_creds_file else None
            ),
        )

    async def _broke(self, error: Exception) -> None:
        # One line for an outage, not one for each of its attempts, and no traceback.
        problem = str(error) or type(error).__name__
        if problem != self._problem:
            self._problem = problem
            log.warning("broker trouble", problem=problem)

    async def _is_away(self) -> None:
        if self.away_since is None:
            self.away_since = time.monotonic()
            self._reached.clear()

    async def _is_back(self) -> None:
        self._problem = None
        self.away_since = None
        self._reached.set()
        log.info("broker reached again")

    async def stop(self) -> None:
        """Close the connection; what was not acknowledged comes back to another replica."""
        with suppress(nats.errors.Error):  # it cannot be drained while the broker is away
            await self.frame.stop()

    @property
    def nats(self) -> Client:
        """The client underneath, for what has no verb here (rings, plain subjects)."""
        return self.frame.config.broker_config.connection_state.connection

    @property
    def requests(self) -> Requests:
        """The same client, for what is asked and answered."""
        if self._requests is None:
            self._requests = Requests(self.nats)
        return self._requests

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream underneath."""
        if self._jetstream is None:
            self._jetstream = JetStreamContext(cast(Client, self.requests))
        return self._jetstream

    async def publish(self, message: Message, *, timeout_seconds: float = 5.0) -> None:
        """Publish at `message.route()` and wait for the stream's acknowledgement.

        Raises:
            Unavailable: no acknowledgement; the message may be stored all the same, and
                publishing it again is harmless because its id is its `Nats-Msg-Id`.
        """
        await self.publish_raw(
            message.route(),
            message.model_dump_json().encode(),
            id=message.id,
            timeout_seconds=timeout_seconds,
        )

    async def publish_raw(
        self,
        subject: str,
        body: bytes,
        *,
        id: UUID | str,  # noqa: A002 - what every message calls its id
        timeout_seconds: float = 5.0,
    ) -> None:
        """Publish what is already JSON, as stored outcomes are; see `publish`."""
        headers = {} if broken("message-id") else {"Nats-Msg-Id": str(id)}
        # The keys of a subject stand for people: only its first tokens name a span or a metric.
        kind = subject_kind(subject)
        started = time.perf_counter()
        with traces.span(f"publish {kind}", kind=SpanKind.PRODUCER):
            traces.inject(headers)
            try:
                answer = await self._acknowledged(subject, body, headers, timeout_seconds)
            except UNREACHABLE as error:
                raise Unavailable("nats") from error
        _check_stored(kind, answer)
        _publish_seconds.labels().observe(time.perf_counter() - started)
        _published.labels(subject=kind).inc()

    async def publish_lanes(
        self,
        lanes: Mapping[str, Sequence[Message]],
        *,
        in_flight_max: int,
        silence_seconds_max: float = 5.0,
    ) -> None:
        """Publish what belongs together, within one trace: the messages of one subject one after
        the other, those of different subjects at the same time.

        Raises:
            Unavailable: not all are acknowledged; see `publish`.
        """
        handed_on: dict[str, str] = {}
        named = not broken("message-id")

        def headers_of(message: Message) -> dict[str, str]:
            return handed_on | {"Nats-Msg-Id": str(message.id)} if named else handed_on

        with traces.span("publish lanes", kind=SpanKind.PRODUCER):
            traces.inject(handed_on)
            window = Window(self.requests, in_flight_max, headers_of)
            try:
                if self.away_since is not None:
                    async with asyncio.timeout(silence_seconds_max):
                        await self._reached.wait()
                refused = await window.publish(lanes, silence_seconds_max=silence_seconds_max)
            except UNREACHABLE as error:
                raise Unavailable("nats") from error
        if refused is not None:
            _check_stored("one of its subjects", refused)
        if window.first_ack_seconds is not None:
            # One stands for all: to look at the clock for each costs as much as its ack.
            _publish_seconds.labels().observe(window.first_ack_seconds)
        counts: Counter[str] = Counter()
        for subject, messages in lanes.items():
            counts[subject_kind(subject)] += len(messages)
        for kind, count in counts.items():
            _published.labels(subject=kind).inc(count)

    async def _acknowledged(
        self, subject: str, body: bytes, headers: dict[str, str], timeout_seconds: float
    ) -> Msg:
        """What the stream says to a message; nothing is left in the client's own buffer while it
        has no connection, for nobody bounds how long it would lie there.
        """
        requests = self.requests
        if self.away_since is None and self.nats.pending_data_size < UNSENT_BYTES_MAX:
            return await requests.request(subject, body, timeout_seconds, headers)
        async with asyncio.timeout(timeout_seconds):
            await self._reached.wait()
            # A socket that takes nothing would hold nats-py without end.
            return await requests.request(subject, body, timeout_seconds, headers)

    async def ask(self, query: Query, *, timeout_seconds: float = 2.0) -> BaseModel:
        """The answer to a query; its model is `query.answer`.

        Raises:
            Unavailable: whoever knows does not answer, or lacks what it needs.
        """
        headers: dict[str, str] = {}
        with traces.span(f"ask {query.subject}", kind=SpanKind.CLIENT):
            traces.inject(headers)
            try:
                reply = await self.requests.request(
                    query.subject,
                    query.model_dump_json().encode(),
                    timeout=timeout_seconds,
                    headers=headers,
                )
            except UNREACHABLE as error:
                raise Unavailable(query.answered_by) from error
        if reply.headers and (missing := reply.headers.get(UNAVAILABLE_HEADER)):
            raise Unavailable(missing)
        return query.answer.model_validate_json(reply.data)

    async def bucket(self, bucket: Bucket) -> Documents:
        """The documents of one bucket, which must have been provisioned."""
        return Documents(await self.jetstream.key_value(bucket.name))

    async def set_aside(
        self,
        subject: str,
        body: bytes,
        *,
        reason: str,
        id: UUID | str,  # noqa: A002 - what every message calls its id
        origin: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep a message that cannot be worked on in DEAD, as it came, for a human.

        Args:
            subject: where it was; it is kept under the first token of it and its chat (ADR 0029).
            body: the raw body.
            reason: why, in words without anything personal.
            id: the same for every repetition of the same failure.
            origin: the consumer or door that gave up, for metrics.
            headers: further headers to keep.
        """
        dead_headers = {
            **(headers or {}),
            "Nats-Msg-Id": f"dead-{id}",
            "Turnout-Subject": subject,
            "Turnout-Reason": " ".join(reason.split())[:500],
            "Turnout-Origin": origin,
            "Turnout-At": datetime.now(UTC).isoformat(),
        }
        kept_at = letter_subject(subject, owner_of(subject, body))
        try:
            await self.jetstream.publish(kept_at, body, timeout=5, headers=dead_headers)
        except UNREACHABLE as error:
            raise Unavailable("nats") from error
        _set_aside.labels(origin=origin).inc()

    async def forget_dead(
        self,
        address: Address,
        *,
        mentions: Iterable[str] = (),
        before: datetime | None = None,
    ) -> int:
        """Take out every dead letter of one chat; see `runtime.dead.forgetting.forget`.

        Raises:
            Unavailable: not all are taken out; doing it again is harmless.
        """
        try:
            return await forget(self.nats, address, mentions=mentions, before=before)
        except UNREACHABLE as error:
            raise Unavailable("nats") from error


UNAVAILABLE_HEADER = "Turnout-Unavailable"
"""In the reply to a query: what the answering service lacks."""


def _check_stored(kind: str, answer: Msg) -> None:
    code = refusal(answer)
    if code is not None:
        raise Unavailable(f"stream of {kind} (full)" if code == STREAM_FULL_ERROR else "nats")


def subject_kind(subject: str) -> str:
    """The part of a subject that names no person and no event."""
    first, *rest = subject.split(".")
    if first == "in":
        return f"in.{rest[0]}"
    if first in ("out", "bulk", "command", "delivery", "registration", "event", "notice"):
        return ".".join([first, *rest[:1]])
    return first
