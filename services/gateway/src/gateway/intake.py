"""From a reading into the streams, before the platform is told that we have it."""

import asyncio
from collections.abc import Iterable
from hashlib import sha256
from uuid import uuid5

import structlog

from contracts import Message, Platform
from contracts.ids import TURNOUT
from gateway.reading import Reading
from runtime.failures import Unavailable
from runtime.faults import crash_point
from runtime.metrics import counter
from runtime.service import Service

PUBLISH_SECONDS_MAX = 2.0
"""One publish may wait this long for its acknowledgement: a short reconnect, not an outage."""
WEBHOOK_SECONDS_MAX = 10.0
"""A whole batch may take this long; Telegram hangs up after 60 s (platforms.md A2)."""
IN_FLIGHT_MAX = 64
"""Items of one batch that wait for their acknowledgement at the same time."""

log = structlog.get_logger()

_items = counter(
    "turnout_webhook_items_total",
    "Items of authentic webhooks, stored.",
    ("platform", "kind"),
)


class Intake:
    """Makes what was read durable. Nothing is kept here: the platforms are the queue."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def store(self, platform: Platform, reading: Reading, body: bytes) -> None:
        """Publish what was read, and set the body aside if some of it could not be read.

        Raises:
            Unavailable: not everything is stored; all of it is to be sent again.
        """
        if not self._service.health.started:
            # The door is open before the broker was reached for the first time.
            raise Unavailable("nats")
        crash_point("gateway.before-publish")
        try:
            async with asyncio.timeout(WEBHOOK_SECONDS_MAX):
                await self._publish(reading.messages.values())
                if reading.unreadable:
                    await self._set_aside(platform, reading, body)
        except TimeoutError:
            raise Unavailable("nats") from None
        crash_point("gateway.after-publish")
        for kind in reading.kinds:
            _items.labels(platform=platform, kind=kind).inc()

    async def _publish(self, messages: Iterable[Message]) -> None:
        """Different chats at the same time, the messages of one chat one after the other."""
        chats: dict[str, list[Message]] = {}
        for message in messages:
            chats.setdefault(message.route(), []).append(message)
        permits = asyncio.Semaphore(IN_FLIGHT_MAX)
        try:
            async with asyncio.TaskGroup() as tasks:
                for chat in chats.values():
                    tasks.create_task(self._publish_in_order(chat, permits))
        except* Unavailable as failures:
            failed = failures
        else:
            return
        raise failed.exceptions[0]

    async def _publish_in_order(self, chat: list[Message], permits: asyncio.Semaphore) -> None:
        for message in chat:
            async with permits:
                await self._service.broker.publish(message, timeout_seconds=PUBLISH_SECONDS_MAX)

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
