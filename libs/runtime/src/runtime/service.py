"""A service: its broker, its handlers, its health, and an orderly life."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, TypeVar, cast

import nats.errors
import nats.js.errors
import sentry_sdk
import structlog
from fastapi import APIRouter, FastAPI
from faststream import AckPolicy
from faststream.nats import JStream, NatsMessage, NatsResponse, PullSub
from pydantic import BaseModel, TypeAdapter

from contracts import Query
from contracts.topology import Consumer
from runtime import faults, logs, metrics, traces
from runtime.broker import UNAVAILABLE_HEADER, Broker
from runtime.clock import Clock
from runtime.endings import Endings
from runtime.failures import Unavailable
from runtime.health import Health, routes
from runtime.lanes import PULL_SECONDS, Handle, Lanes
from runtime.settings import ServiceSettings

ANSWERS_AT_ONCE_MAX = 16
"""Queries that one process works on at a time."""
PROVISIONED_POLL_SECONDS = 1.0
COLLECT_AFTER = (50_000, 20, 100)
"""Objects, and younger collections, after which Python looks for cycles of garbage."""

log = structlog.get_logger()

M = TypeVar("M")
Q = TypeVar("Q", bound=Query)


class Service:
    """What `create_app` puts together and `build` turns into an application."""

    def __init__(self, name: str, settings: ServiceSettings) -> None:
        self.name = name
        self.settings = settings
        logs.configure(name, settings)
        metrics.name_service(name)
        traces.configure(name, settings)
        faults.plant(settings)
        if settings.sentry_dsn:
            sentry_sdk.init(
                dsn=settings.sentry_dsn.get_secret_value(),
                send_default_pii=False,
                include_local_variables=False,
                max_request_body_size="never",
            )
        self.clock = Clock(settings.turnout_clock_file if settings.turnout_test else None)
        self.health = Health(name, settings.turnout_replica, self.clock)
        self.broker = Broker(name, settings)
        self._resources: list[AbstractAsyncContextManager[Any]] = []
        self._consumers: list[Consumer] = []
        self._lanes = Lanes()
        self._lane_handlers: list[tuple[Consumer, Handle]] = []
        self._stopping = asyncio.Event()
        self.failed = False

    def own(self, resource: AbstractAsyncContextManager[Any]) -> None:
        """Enter `resource` before the first message, leave it after the last one."""
        self._resources.append(resource)

    def probe(self, name: str, check: Callable[[], Awaitable[None]]) -> None:
        """Readiness fails while `check` raises, and says what it raised."""
        self.health.probes[name] = check

    def detail(self, name: str, show: Callable[[], Awaitable[object]]) -> None:
        """`/health` shows what `show` returns under this name; it never fails readiness."""
        self.health.details[name] = show

    def on(
        self,
        consumer: Consumer | Sequence[Consumer],
        model: Any,
        handler: Callable[[M], Awaitable[None]],
        *,
        workers: int = 1,
        decode: Callable[[str, bytes], M] | None = None,
        on_dead: Callable[[M, str], Awaitable[None]] | None = None,
    ) -> None:
        """Call `handler` for each message of a consumer, or of each lane of several.

        Lanes may still be added when the service has started; readiness does not wait for those.

        Args:
            consumer: one durable, or the lanes that keep the order of chats.
            model: what a body is; anything that pydantic can validate.
            handler: ends well or raises as `runtime.failures` says.
            workers: how many messages of one consumer are worked on at a time, where it lets more
                than one be in flight.
            decode: (subject, body) → message, instead of `model`; raises ValueError.
            on_dead: called before a message is set aside, e.g. to answer a chat.
        """
        consumers = (consumer,) if isinstance(consumer, Consumer) else tuple(consumer)
        name = consumers[0].name if len(consumers) == 1 else consumers[0].name.rpartition("-")[0]
        adapter: TypeAdapter[M] = TypeAdapter(model)
        for one in consumers:
            endings = Endings(
                name=name,
                consumer=one,
                broker=self.broker,
                health=self.health,
                decode=decode or (lambda _subject, body: adapter.validate_json(body)),
                handler=handler,
                on_dead=on_dead,
                stopping=self._stopping,
            )
            if one.in_flight_max == 1:
                self._lane_handlers.append((one, endings.handle))
                if self.health.started:
                    self._lanes.add(self.broker.nats, one, endings.handle)
            else:
                self._subscribe(one, endings, workers)
            if not self.health.started:
                self._consumers.append(one)

    def _subscribe(self, consumer: Consumer, endings: Endings[Any], workers: int) -> None:
        options: dict[str, Any] = {"max_workers": workers} if workers > 1 else {}
        subscriber = self.broker.frame.subscriber(
            consumer.filter_subject,
            # Streams and durables are made by `task streams` alone (nats.md 1.6).
            stream=JStream(consumer.stream, declare=False),
            durable=consumer.name,
            pull_sub=PullSub(batch_size=workers, timeout=PULL_SECONDS),
            ack_policy=AckPolicy.MANUAL,
            inbox_prefix=f"{self.broker.inbox_prefix}.".encode(),
            decoder=_undecoded,
            include_in_schema=False,
            **options,
        )

        async def deliver(_body: bytes) -> None:
            message = cast(NatsMessage, self.broker.frame.context.get_local("message"))
            await endings.handle(message.raw_message)

        subscriber(deliver)

    def answer(self, query: type[Q], handler: Callable[[Q], Awaitable[BaseModel]]) -> None:
        """Answer queries; replicas share them."""
        subscriber = self.broker.frame.subscriber(
            query.subject,
            queue=self.name,
            max_workers=ANSWERS_AT_ONCE_MAX,
            decoder=_undecoded,
            include_in_schema=False,
        )

        async def reply(body: bytes) -> NatsResponse:
            message = cast(NatsMessage, self.broker.frame.context.get_local("message"))
            with traces.span(f"answer {query.subject}", message.headers):
                try:
                    answer = await handler(query.model_validate_json(body))
                except Unavailable as error:
                    return NatsResponse(b"", headers={UNAVAILABLE_HEADER: error.what})
                except Exception:  # the asker must not wait for a time-out because of our bug
                    log.exception("query failed", subject=query.subject)
                    return NatsResponse(b"", headers={UNAVAILABLE_HEADER: self.name})
            return NatsResponse(answer.model_dump_json().encode())

        subscriber(reply)

    def build(self, *routers: APIRouter) -> FastAPI:
        """The application, with health and metrics beside the given routes."""
        app = FastAPI(
            title=f"Turnout {self.name}",
            lifespan=self._lifespan,
            # FastAPI's own spans would hold whole addresses, with the tokens in their queries, and
            # are made, at a third of a request's time, even when nobody collects them.
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        app.state.service = self
        app.include_router(routes(self.health))
        for router in routers:
            app.include_router(router)
        return app

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # In the background: a service that waits for its broker is alive and can say so.
            starting = asyncio.create_task(self._start(stack))
            starting.add_done_callback(self._started)
            yield
            self.begin_stop()
            if not starting.done():
                starting.cancel()
                with suppress(asyncio.CancelledError):
                    await starting
        traces.flush()

    async def _start(self, stack: AsyncExitStack) -> None:
        # Left last, so that what is owned may still publish while it closes.
        stack.push_async_callback(self.broker.stop)
        await self.broker.frame.connect()
        await self._wait_until_provisioned()
        for resource in self._resources:
            await stack.enter_async_context(resource)
        await self.broker.frame.start()
        await self._lanes.start(self.broker.nats, self._lane_handlers)
        stack.push_async_callback(self._stop_consuming)
        self.probe("nats", self._check_broker)
        # A full collection over big libraries stops a process for 190 ms; freezing prevents it.
        gc.collect()
        gc.freeze()
        # What a message makes is gone with it, by reference counts alone: looking for cycles after
        # every 700 objects took a tenth of the conversation's time.
        gc.set_threshold(*COLLECT_AFTER)
        self.health.started = True
        log.info("started", consumers=len(self._consumers))

    def _started(self, starting: asyncio.Task[None]) -> None:
        if starting.cancelled() or (error := starting.exception()) is None:
            return
        log.error("could not start", exc_info=error)
        self.health.starting_problem = f"could not start: {error}"
        self.failed = True
        os.kill(os.getpid(), signal.SIGTERM)

    async def _wait_until_provisioned(self) -> None:
        while missing := await self._missing_consumers():
            self.health.starting_problem = f"waits for {missing}; run `task streams`"
            log.warning("not provisioned yet", missing=missing, remedy="task streams")
            await asyncio.sleep(PROVISIONED_POLL_SECONDS)

    async def _missing_consumers(self) -> str | None:
        wanted: dict[str, set[str]] = {}
        for consumer in self._consumers:
            wanted.setdefault(consumer.stream, set()).add(consumer.name)
        for stream, names in wanted.items():
            try:
                found: set[str | None] = set()
                offset = 0
                while page := await self.broker.jetstream.consumers_info(stream, offset=offset):
                    found |= {info.name for info in page}
                    offset += len(page)
            except nats.js.errors.NotFoundError:
                return f"stream {stream}"
            except (nats.errors.Error, OSError):
                return "nats"
            if missing := names - found:
                return f"consumer {min(missing)} of stream {stream}"
        return None

    async def _check_broker(self) -> None:
        """A connection alone is not enough: a deleted consumer is silent (nats.md 0.8)."""
        if not self.broker.nats.is_connected:
            raise ConnectionError("is not connected")
        wanted: dict[str, int] = {}
        for consumer in self._consumers:
            wanted[consumer.stream] = wanted.get(consumer.stream, 0) + 1
        for stream, count in wanted.items():
            info = await self.broker.jetstream.stream_info(stream)
            if info.state.consumer_count < count:
                raise LookupError(f"consumers of {stream} are missing; run `task streams`")

    def begin_stop(self) -> None:
        """Readiness fails from now on, and held messages are handed back."""
        self.health.stopping = True
        self._stopping.set()

    async def _stop_consuming(self) -> None:
        for subscriber in self.broker.frame.subscribers:
            subscriber.running = False
        await asyncio.gather(
            self._lanes.stop(self.settings.stop_seconds_max),
            *(one.stop() for one in self.broker.frame.subscribers),
        )


async def _undecoded(message: NatsMessage) -> bytes:
    return message.body
