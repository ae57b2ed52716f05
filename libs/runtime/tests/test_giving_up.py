"""`Retry` ends only when a message is both old and often tried."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts import NoticeDue
from contracts.topology import CONVERSATION_NOTICE_DUE
from runtime.failures import Retry
from runtime.service import Service
from runtime.settings import ServiceSettings
from runtime.testing import eventually

Handler = Callable[[NoticeDue], Awaitable[None]]


@asynccontextmanager
async def listening(url: str, handler: Handler) -> AsyncIterator[Service]:
    """A service that has just been given one message."""
    service = Service("tester", ServiceSettings(nats_url=url))
    service.on(CONVERSATION_NOTICE_DUE, NoticeDue, handler)
    app = service.build()
    now = datetime.now(UTC)
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        await service.broker.publish(
            NoticeDue(
                id=uuid4(),
                occurred_at=now,
                correlation_id=uuid4(),
                kind="reminder-1h",
                registration_id=uuid4(),
                event_id=uuid4(),
                event_version=1,
                expires_at=now,
            )
        )
        yield service


async def reasons(service: Service) -> list[str]:
    """Why messages were set aside, once the consumer has nothing in hand."""
    jetstream = service.broker.jetstream
    async with asyncio.timeout(10):
        while True:
            info = await jetstream.consumer_info("EVENTS", CONVERSATION_NOTICE_DUE.name)
            if not (info.num_ack_pending or info.num_pending):
                break
            await asyncio.sleep(0.02)
    count = (await jetstream.stream_info("DEAD")).state.messages
    letters = [await jetstream.get_msg("DEAD", seq=number) for number in range(1, count + 1)]
    return [(letter.headers or {})["Turnout-Reason"] for letter in letters]


async def test_refused_often_but_not_for_long_it_is_kept(provisioned: str) -> None:
    calls = 0

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        if calls <= 20:
            raise Retry("not yet", after_seconds=0.01)

    async with listening(provisioned, handle) as service:
        await eventually(lambda: calls == 21)
        assert await reasons(service) == []


async def test_refused_for_long_but_seldom_it_is_kept(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.endings.RETRY_AGE_SECONDS_MAX", 0.1)
    calls = 0

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        if calls <= 4:
            raise Retry("not yet", after_seconds=0.15)

    async with listening(provisioned, handle) as service:
        await eventually(lambda: calls == 5)
        assert await reasons(service) == []


async def test_refused_for_long_and_often_it_is_set_aside(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.endings.RETRY_AGE_SECONDS_MAX", 0.6)
    calls = 0
    begun = time.monotonic()
    ended = 0.0

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls, ended
        calls += 1
        ended = time.monotonic()
        raise Retry("never", after_seconds=0.05)

    async with listening(provisioned, handle) as service:
        async with asyncio.timeout(10):
            while (dead := await reasons(service)) == []:
                await asyncio.sleep(0.02)
    assert dead == ["gave up: never"]
    assert calls > 5
    assert ended - begun > 0.6
