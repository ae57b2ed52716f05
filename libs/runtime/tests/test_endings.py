"""The four endings, against a real nats-server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import nats
import pytest

from contracts import NoticeDue
from contracts.topology import CONVERSATION_NOTICE_DUE
from runtime import traces
from runtime.broker import Broker
from runtime.failures import Reject, Retry, Unavailable
from runtime.service import Service
from runtime.settings import ServiceSettings
from runtime.testing import NatsServer, eventually

Handler = Callable[[NoticeDue], Awaitable[None]]


def notice() -> NoticeDue:
    now = datetime.now(UTC)
    return NoticeDue(
        id=uuid4(),
        occurred_at=now,
        correlation_id=uuid4(),
        kind="reminder-1h",
        registration_id=uuid4(),
        event_id=uuid4(),
        event_version=1,
        expires_at=now,
    )


@asynccontextmanager
async def listening(url: str, handler: Handler, **options: object) -> AsyncIterator[Service]:
    service = Service("tester", ServiceSettings(nats_url=url))
    service.on(CONVERSATION_NOTICE_DUE, NoticeDue, handler, **options)  # type: ignore[arg-type]
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        yield service


async def dead_reasons(url: str) -> list[str]:
    client = await nats.connect(url)
    jetstream = client.jetstream()
    count = (await jetstream.stream_info("DEAD")).state.messages
    reasons = []
    for sequence in range(1, count + 1):
        message = await jetstream.get_msg("DEAD", seq=sequence)
        reasons.append((message.headers or {}).get("Turnout-Reason", ""))
    await client.close()
    return reasons


async def unacked(broker: Broker) -> int:
    info = await broker.jetstream.consumer_info("EVENTS", CONVERSATION_NOTICE_DUE.name)
    return (info.num_ack_pending or 0) + (info.num_pending or 0)


async def settled(broker: Broker) -> None:
    async with asyncio.timeout(10):
        while await unacked(broker):
            await asyncio.sleep(0.02)


async def test_a_message_that_is_handled_is_never_seen_again(provisioned: str) -> None:
    heard: list[NoticeDue] = []

    async def handle(message: NoticeDue) -> None:
        heard.append(message)

    async with listening(provisioned, handle) as service:
        said = notice()
        await service.broker.publish(said)
        await service.broker.publish(said)
        await eventually(lambda: heard)
        await settled(service.broker)
    assert heard == [said]


async def test_a_message_is_held_while_something_is_unavailable(provisioned: str) -> None:
    away = True
    calls = 0
    done = asyncio.Event()

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        if away:
            raise Unavailable("postgres")
        done.set()

    async with listening(provisioned, handle) as service:
        await service.broker.publish(notice())
        await eventually(lambda: calls > 2)
        assert await service.health.failures() == {"postgres": "is unavailable"}
        away = False
        await asyncio.wait_for(done.wait(), 10)
        await settled(service.broker)
        assert await service.health.failures() == {}
    assert await dead_reasons(provisioned) == []


async def test_a_message_that_asks_for_it_comes_again_later(provisioned: str) -> None:
    calls = 0

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Retry("too early", after_seconds=0.1)

    async with listening(provisioned, handle) as service:
        await service.broker.publish(notice())
        await eventually(lambda: calls == 2)
        await settled(service.broker)
    assert await dead_reasons(provisioned) == []


async def test_a_rejected_message_is_set_aside_with_the_reason(provisioned: str) -> None:
    told: list[str] = []

    async def handle(_message: NoticeDue) -> None:
        raise Reject("no such chat")

    async def on_dead(_message: NoticeDue, reason: str) -> None:
        told.append(reason)

    async with listening(provisioned, handle, on_dead=on_dead) as service:
        await service.broker.publish(notice())
        await eventually(lambda: told)
        await settled(service.broker)
    assert told == ["no such chat"]
    assert await dead_reasons(provisioned) == ["no such chat"]


async def test_a_bug_is_tried_eight_times_and_then_set_aside(
    provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The waits are shortened, not the count.
    monkeypatch.setattr("runtime.endings.BUG_RETRY_SECONDS", (0.01,))
    calls = 0

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        raise KeyError("a bug")

    async with listening(provisioned, handle) as service:
        await service.broker.publish(notice())
        await eventually(lambda: calls == 8)
        await settled(service.broker)
    assert await dead_reasons(provisioned) == ["bug: KeyError"]


async def test_an_unreadable_body_is_set_aside_without_being_quoted(provisioned: str) -> None:
    async def handle(_message: NoticeDue) -> None:
        raise AssertionError("must not be called")

    async with listening(provisioned, handle) as service:
        await service.broker.publish_raw("notice.due", b'{"kind":"+79161234567"}', id=uuid4())
        await eventually(lambda: service.health.started)
        async with asyncio.timeout(10):
            while not (reasons := await dead_reasons(provisioned)):
                await asyncio.sleep(0.02)
    assert reasons[0].startswith("unreadable: ")
    assert "79161234567" not in reasons[0]


async def test_a_slow_handler_keeps_its_message_by_heartbeats(provisioned: str) -> None:
    calls = 0
    done = asyncio.Event()

    async def handle(_message: NoticeDue) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(CONVERSATION_NOTICE_DUE.ack_wait_seconds * 1.3)
        done.set()

    async with listening(provisioned, handle, workers=2) as service:
        await service.broker.publish(notice())
        await asyncio.wait_for(done.wait(), 15)
        await settled(service.broker)
    assert calls == 1


async def test_a_restarted_broker_delivers_what_it_held(
    provisioned: str, nats_server: NatsServer
) -> None:
    heard: list[NoticeDue] = []

    async def handle(message: NoticeDue) -> None:
        heard.append(message)

    async with listening(provisioned, handle) as service:
        await service.broker.publish(before := notice())
        await eventually(lambda: heard)
        nats_server.kill()
        with pytest.raises(Unavailable, match="nats"):
            await service.broker.publish(notice(), timeout_seconds=0.3)
        assert "nats" in await service.health.failures()
        nats_server.start()
        await eventually(lambda: service.broker.nats.is_connected)
        await service.broker.publish(after := notice())
        await eventually(lambda: after in heard, 15)
        await settled(service.broker)
    assert heard[0] == before
    assert heard.count(after) == 1


async def test_one_trace_goes_through_the_broker(provisioned: str) -> None:
    seen: list[str | None] = []

    async def handle(_message: NoticeDue) -> None:
        seen.append(traces.trace_id())

    async with listening(provisioned, handle) as service:
        with traces.span("cause"):
            cause = traces.trace_id()
            await service.broker.publish(notice())
        await eventually(lambda: seen)
    assert seen == [cause]


async def test_a_handler_finishes_before_the_service_stops(provisioned: str) -> None:
    begun = asyncio.Event()
    finished = False

    async def handle(_message: NoticeDue) -> None:
        nonlocal finished
        begun.set()
        await asyncio.sleep(0.15)  # work in flight while the service is told to stop
        finished = True

    async with listening(provisioned, handle) as service:
        await service.broker.publish(notice())
        await asyncio.wait_for(begun.wait(), 10)
    assert finished
