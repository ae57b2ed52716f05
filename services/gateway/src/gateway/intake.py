"""From a reading into the streams, before the platform is told that we have it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from uuid import uuid5

import structlog

from contracts import DeliveryReported, InboundMessage, Platform
from contracts.ids import TURNOUT
from gateway.hold import Hold
from gateway.inbound_permits import InboundPermits
from gateway.limits import ChatPace, count_shed, may_be_shed
from gateway.reading import Reading
from runtime.failures import Unavailable
from runtime.faults import broken, crash_point
from runtime.metrics import counter
from runtime.service import Service

PUBLISH_SECONDS_MAX = 2.0
"""This long may no acknowledgement come before the broker counts as away."""
LAST_TRY_SECONDS = 0.5
"""For an attempt that begins when a webhook has hardly any time left to wait."""
WEBHOOK_SECONDS_MAX = 10.0
"""A whole batch may take this long to be stored once it has begun."""
CHATS_IN_FLIGHT_MAX = 256
"""Chats of one batch whose items wait for their acknowledgement at the same time: beyond it the
broker is not faster, and a quarter of the largest batch is all that an abort can leave half done.
"""

log = structlog.get_logger()

_items = counter(
    "turnout_webhook_items_total",
    "Items of authentic webhooks, stored.",
    ("platform", "kind"),
)

Item = InboundMessage | DeliveryReported


class Intake:
    """Makes what was read durable. Nothing is kept here: the platforms are the queue."""

    def __init__(
        self, service: Service, *, hold_seconds: float, pace: ChatPace | None = None
    ) -> None:
        """Prepare to store.

        Args:
            service: whose broker it is.
            hold_seconds: how long a webhook waits while nothing can be stored.
            pace: how much each chat may say.
        """
        self._service = service
        self._hold = Hold(service)
        self._permits = InboundPermits(service.broker)
        # Who says 200 without an ack has nothing to wait for.
        self._hold_seconds = 0.0 if broken("ack") else hold_seconds
        self._pace = pace or ChatPace()

    async def store(self, platform: Platform, read: Callable[[], Reading], body: bytes) -> Reading:
        """Publish what is read of a body, and set the body aside if some of it cannot be read.

        While nothing can be stored it waits, and has nothing but its body in memory.

        Raises:
            Unavailable: not everything is stored; all of it is to be sent again.
        """
        place = self._hold.place()
        until = asyncio.get_running_loop().time() + self._hold_seconds
        if self._hold.is_on:
            await self._hold.wait(place, until)
        crash_point("gateway.before-publish")
        reading = read()
        chats, counted = self._by_chat(platform, reading)
        try:
            await self._publish_in_time(platform, reading, chats, body, place, until)
        except Unavailable:
            for chat in counted:
                self._pace.gives_back(chat)
            raise
        crash_point("gateway.after-publish")
        if platform == "whatsapp":
            self._permits.take(reading.messages.values())
        kinds = reading.kinds
        if len(kinds) == 1:
            _items.labels(platform=platform, kind=kinds[0]).inc()
            return reading
        for kind, count in Counter(kinds).items():
            _items.labels(platform=platform, kind=kind).inc(count)
        return reading

    async def _publish_in_time(
        self,
        platform: Platform,
        reading: Reading,
        chats: dict[str, list[Item]],
        body: bytes,
        place: int,
        until: float,
    ) -> None:
        """Try until it is stored or time is up; what one attempt stored the next one repeats, and
        its ids make that harmless.
        """
        loop = asyncio.get_running_loop()
        while True:
            left_seconds = max(until - loop.time(), LAST_TRY_SECONDS)
            try:
                await self._publish(
                    platform, reading, chats, body, min(PUBLISH_SECONDS_MAX, left_seconds)
                )
            except Unavailable as error:
                # A stream that is full says so at once, and will not be emptier in a moment.
                if error.what != "nats" or loop.time() >= until:
                    raise
            else:
                return
            await self._hold.wait(place, until)

    async def _publish(
        self,
        platform: Platform,
        reading: Reading,
        chats: dict[str, list[Item]],
        body: bytes,
        silence_seconds_max: float,
    ) -> None:
        broker = self._service.broker
        if len(reading.messages) == 1 and not reading.unreadable:
            (message,) = reading.messages.values()
            await broker.publish(message, timeout_seconds=silence_seconds_max)
            return
        try:
            async with asyncio.timeout(WEBHOOK_SECONDS_MAX):
                await broker.publish_lanes(
                    chats,
                    in_flight_max=CHATS_IN_FLIGHT_MAX,
                    silence_seconds_max=silence_seconds_max,
                )
                if reading.unreadable:
                    await self._set_aside(platform, reading, body)
        except TimeoutError as error:
            raise Unavailable("nats") from error

    def _by_chat(
        self, platform: Platform, reading: Reading
    ) -> tuple[dict[str, list[Item]], list[str]]:
        """What is to be stored, by the subject that stands for its chat, without what the chat says
        beyond its pace; and the subjects that something was counted against, once for each.
        """
        chats: dict[str, list[Item]] = {}
        counted: list[str] = []
        limited = not broken("chat-limit")
        for message in list(reading.messages.values()):
            subject = message.route()
            if limited and may_be_shed(message):
                if not self._pace.takes(subject):
                    del reading.messages[message.id]
                    count_shed(platform)
                    continue
                counted.append(subject)
            chats.setdefault(subject, []).append(message)
        return chats, counted

    async def _set_aside(self, platform: Platform, reading: Reading, body: bytes) -> None:
        # The whole body: what was read of it is published, and known by its ids when the body is
        # sent to us again. By its hash, so that the platform's repetitions are one dead letter.
        dead_id = uuid5(TURNOUT, f"webhook:{platform}:{sha256(body).hexdigest()}")
        reasons = "; ".join(sorted(set(reading.unreadable)))
        async with asyncio.timeout(PUBLISH_SECONDS_MAX):
            await self._service.broker.set_aside(
                f"webhook.{platform}",
                body,
                reason=f"{len(reading.unreadable)} unreadable: {reasons}",
                id=dead_id,
                origin="gateway",
            )
        log.warning(
            "unreadable webhook set aside",
            platform=platform,
            dead_id=str(dead_id),
            items=len(reading.unreadable),
            reasons=reasons,
        )
