"""Lanes against a real nats-server: one at a time, in order, through every kind of end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import nats
from nats.js import JetStreamContext

from contracts import Address, InboundMessage, Sender, TextSaid
from contracts.topology import CONVERSATION_INBOUND
from runtime.service import Service
from runtime.settings import ServiceSettings
from runtime.testing import NatsServer, eventually

Handler = Callable[[InboundMessage], Awaitable[None]]
CHAT = Address(platform="telegram", account="123456", chat_id="7")


def said(text: str) -> InboundMessage:
    now = datetime.now(UTC)
    return InboundMessage(
        id=uuid4(),
        occurred_at=now,
        correlation_id=uuid4(),
        address=CHAT,
        sender=Sender(),
        content=TextSaid(text=text),
        sent_at=now,
    )


@asynccontextmanager
async def working(url: str, handler: Handler) -> AsyncIterator[Service]:
    service = Service("tester", ServiceSettings(nats_url=url))
    service.on(CONVERSATION_INBOUND, InboundMessage, handler)
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        yield service


@asynccontextmanager
async def stream(url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(url)
    yield client.jetstream()
    await client.close()


async def say(jetstream: JetStreamContext, *texts: str) -> None:
    for text in texts:
        message = said(text)
        await jetstream.publish(message.route(), message.model_dump_json().encode())


async def test_a_lane_hands_out_one_at_a_time_and_in_order(provisioned: str) -> None:
    heard: list[str] = []
    at_once = [0, 0]

    async def handler(message: InboundMessage) -> None:
        assert isinstance(message.content, TextSaid)
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0.001)
        at_once[0] -= 1
        heard.append(message.content.text)

    # More than one request is for.
    texts = [str(number) for number in range(600)]
    async with stream(provisioned) as jetstream, working(provisioned, handler):
        await say(jetstream, *texts)
        await eventually(lambda: len(heard) == len(texts))
    assert heard == texts
    assert at_once[1] == 1


async def test_a_lane_goes_on_when_the_broker_was_away(
    provisioned: str, nats_server: NatsServer
) -> None:
    heard: list[str] = []

    async def handler(message: InboundMessage) -> None:
        assert isinstance(message.content, TextSaid)
        heard.append(message.content.text)

    async with working(provisioned, handler):
        async with stream(provisioned) as jetstream:
            await say(jetstream, "before")
            await eventually(lambda: heard == ["before"])
        nats_server.kill()
        nats_server.start()
        async with stream(provisioned) as jetstream:
            await say(jetstream, "after")
            # The first one may come again: its acknowledgement may have died with the broker.
            await eventually(lambda: heard[-1] == "after")


async def test_what_waits_when_a_service_stops_goes_to_another_at_once(provisioned: str) -> None:
    first: list[str] = []
    second: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(message: InboundMessage) -> None:
        assert isinstance(message.content, TextSaid)
        begun.set()
        await may_end.wait()
        first.append(message.content.text)

    async def quick(message: InboundMessage) -> None:
        assert isinstance(message.content, TextSaid)
        second.append(message.content.text)

    async with stream(provisioned) as jetstream, working(provisioned, quick):
        async with working(provisioned, slow) as stopping:
            while not begun.is_set():
                await say(jetstream, "one")
                await asyncio.sleep(0.02)
            stopping.begin_stop()
            asyncio.get_running_loop().call_later(0.2, may_end.set)
        # What was in hand is done, and acknowledged.
        assert first == ["one"]
        before = len(second)
        await say(jetstream, "two")
        # Much sooner than the ack wait of a message that a dead process holds.
        await eventually(lambda: second[before:][-1:] == ["two"], seconds_max=3)
        async with asyncio.timeout(3):  # its acknowledgement is on the way
            while (await jetstream.stream_info("INBOUND")).state.messages:
                await asyncio.sleep(0.01)
