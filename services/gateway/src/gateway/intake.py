"""From a reading into the streams, before the platform is told that we have it."""

import asyncio
import time
from collections import Counter
from hashlib import sha256
from uuid import uuid5

import structlog

from contracts import DeliveryReported, InboundMessage, Platform
from contracts.ids import TURNOUT
from gateway.limits import ChatPace, count_shed, may_be_shed
from gateway.reading import Reading
from runtime.failures import Unavailable
from runtime.faults import broken, crash_point
from runtime.metrics import counter
from runtime.service import Service

PUBLISH_SECONDS_MAX = 2.0
"""This long may no acknowledgement come: a short reconnect, not an outage."""
BROKER_AWAY_SECONDS_MAX = PUBLISH_SECONDS_MAX
"""After this long without a connection nobody waits any more: 503 at once until it is back."""
WEBHOOK_SECONDS_MAX = 10.0
"""A whole batch may take this long; Telegram hangs up after 60 s (platforms.md A2)."""
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

    def __init__(self, service: Service, pace: ChatPace | None = None) -> None:
        self._service = service
        self._pace = pace or ChatPace()

    async def store(self, platform: Platform, reading: Reading, body: bytes) -> None:
        """Publish what was read, and set the body aside if some of it could not be read.

        Raises:
            Unavailable: not everything is stored; all of it is to be sent again.
        """
        self._check_broker()
        crash_point("gateway.before-publish")
        chats, counted = self._by_chat(platform, reading)
        broker = self._service.broker
        try:
            if len(reading.messages) == 1 and not reading.unreadable:
                (message,) = reading.messages.values()
                await broker.publish(message, timeout_seconds=PUBLISH_SECONDS_MAX)
            else:
                async with asyncio.timeout(WEBHOOK_SECONDS_MAX):
                    await broker.publish_lanes(
                        chats,
                        in_flight_max=CHATS_IN_FLIGHT_MAX,
                        silence_seconds_max=PUBLISH_SECONDS_MAX,
                    )
                    if reading.unreadable:
                        await self._set_aside(platform, reading, body)
        except (TimeoutError, Unavailable) as error:
            for chat in counted:
                self._pace.gives_back(chat)
            raise Unavailable("nats") from error
        crash_point("gateway.after-publish")
        kinds = reading.kinds
        if len(kinds) == 1:
            _items.labels(platform=platform, kind=kinds[0]).inc()
            return
        for kind, count in Counter(kinds).items():
            _items.labels(platform=platform, kind=kind).inc(count)

    def _check_broker(self) -> None:
        # The door is open before the broker was reached for the first time.
        if not self._service.health.started:
            raise Unavailable("nats")
        away_since = self._service.broker.away_since
        if away_since is not None and time.monotonic() > away_since + BROKER_AWAY_SECONDS_MAX:
            raise Unavailable("nats")

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
