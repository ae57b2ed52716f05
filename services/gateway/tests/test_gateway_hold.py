"""A broker that is away for a moment is nobody's business: webhooks wait for it, within bounds."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import nats
import pytest
from gateway_house import (
    PHONE_ID,
    TELEGRAM_SECRET,
    WAIT_SECONDS_MAX,
    Gateway,
    process,
    running,
    settings,
)

from gateway import connections, handlers
from gateway.answers import RETRY_AFTER_SECONDS
from gateway.connections import CONNECTIONS_MAX, FILES_KEPT, files_max
from gateway.limits import WEBHOOKS_IN_FLIGHT_MAX, Room
from runtime.provision import provision
from runtime.testing import TEST_RINGS, NatsServer

HOLD_SECONDS = 12.0
AT_ONCE_SECONDS_MAX = 1.0
"""What an answer takes that waits for nothing, on a busy machine."""


def update(number: int, chat: int = 42) -> dict[str, Any]:
    return {
        "update_id": number,
        "message": {
            "from": {"id": chat},
            "chat": {"id": chat, "type": "private"},
            "date": 1763800000,
            "text": f"text {number}",
        },
    }


def batch(*numbers: int, sender: str = "16505550001") -> dict[str, Any]:
    messages = [
        {
            "from": sender,
            "id": f"wamid.{number}",
            "timestamp": "1763800000",
            "type": "text",
            "text": {"body": f"text {number}"},
        }
        for number in numbers
    ]
    value = {"metadata": {"phone_number_id": PHONE_ID}, "messages": messages}
    return {"entry": [{"changes": [{"field": "messages", "value": value}]}]}


def report(number: int) -> dict[str, Any]:
    statuses = [
        {
            "id": f"wamid.{number}",
            "status": "delivered",
            "timestamp": "1763800000",
            "recipient_id": "16505550001",
            "biz_opaque_callback_data": str(uuid4()),
        }
    ]
    value = {"metadata": {"phone_number_id": PHONE_ID}, "statuses": statuses}
    return {"entry": [{"changes": [{"field": "messages", "value": value}]}]}


@asynccontextmanager
async def patient(nats_url: str) -> AsyncIterator[Gateway]:
    """A gateway that holds its webhooks for long."""
    async with running(settings(nats_url, webhook_hold_seconds=HOLD_SECONDS)) as http:
        gateway = await Gateway.reached(http, nats_url)
        yield gateway
        await gateway.close()


async def held(gateway: Gateway, count: int) -> None:
    """Wait until so many webhooks wait for the broker."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while f'turnout_webhooks_held{{service="gateway"}} {float(count)}' not in (
            (await gateway.http.get("/metrics")).text
        ):
            await asyncio.sleep(0.02)


async def texts(gateway: Gateway) -> list[str]:
    return [each["content"]["text"] for each in await gateway.stored("INBOUND")]


async def test_what_is_said_in_a_short_outage_is_taken_in_the_order_in_which_it_came(
    provisioned: str, nats_server: NatsServer
) -> None:
    async with patient(provisioned) as gateway:
        assert (await gateway.telegram(update(1))).status_code == 200
        nats_server.kill()
        try:
            posts = []
            for number in range(2, 80):
                # Of one chat: nobody promises us its order but the way in which it came.
                said = batch(number) if number % 2 else batch(number, number + 1000)
                posts.append(asyncio.create_task(gateway.whatsapp(said)))
                if number <= 32:
                    await held(gateway, len(posts))
            posts.append(asyncio.create_task(gateway.telegram(update(5000))))
            ready = await gateway.http.get("/health/ready")
            live = await gateway.http.get("/health/live")
        finally:
            nats_server.start()
        answers = await asyncio.gather(*posts)
        found = await texts(gateway)

    assert {answer.status_code for answer in answers} == {200}
    assert (ready.status_code, live.status_code) == (503, 200)
    assert len(found) == len(set(found))
    firsts = [int(text.split()[1]) for text in found if text.split()[1] in map(str, range(2, 33))]
    assert [number for number in firsts if number != 2] == list(range(3, 33))


async def test_whoever_waits_in_vain_is_refused_when_its_time_is_up(
    provisioned: str, nats_server: NatsServer
) -> None:
    async with running(settings(provisioned, webhook_hold_seconds=0.5)) as http:
        gateway = await Gateway.reached(http, provisioned)
        nats_server.kill()
        try:
            # The first one may be on its way to a broker that is not known to be away yet.
            await gateway.telegram(update(1))
            answer = await gateway.telegram(update(2))
        finally:
            nats_server.start()
        await gateway.ready()
        found = await texts(gateway)
        await gateway.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, str(RETRY_AFTER_SECONDS))
    assert 0.5 <= answer.elapsed.total_seconds() < 0.5 + AT_ONCE_SECONDS_MAX
    assert "text 2" not in found


async def test_beyond_the_room_webhooks_are_refused_at_once_and_the_held_ones_are_not(
    provisioned: str, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = lambda platform: Room(platform, webhooks_max=5, bytes_max=10_000)  # noqa: E731
    monkeypatch.setattr(handlers, "Room", narrow)
    async with patient(provisioned) as gateway:
        nats_server.kill()
        try:
            posts = [asyncio.create_task(gateway.telegram(update(n, 40 + n))) for n in range(5)]
            await held(gateway, 5)
            refused = await asyncio.gather(*(gateway.telegram(update(n)) for n in range(5, 25)))
            # Each platform has a room of its own.
            posts.append(asyncio.create_task(gateway.whatsapp(batch(1))))
            await held(gateway, 6)
            large = await gateway.whatsapp(batch(2) | {"padding": "a" * 10_000})
        finally:
            nats_server.start()
        answers = await asyncio.gather(*posts)
        found = await texts(gateway)

    assert {answer.status_code for answer in refused} == {503}
    assert max(answer.elapsed.total_seconds() for answer in refused) < AT_ONCE_SECONDS_MAX
    assert (large.status_code, large.headers["Retry-After"]) == (503, str(RETRY_AFTER_SECONDS))
    assert {answer.status_code for answer in answers} == {200}
    assert len(found) == 6


async def test_a_client_that_hangs_up_while_it_is_held_leaves_one_message_and_no_trace(
    provisioned: str, nats_server: NatsServer
) -> None:
    async with patient(provisioned) as gateway:
        nats_server.kill()
        try:
            for number in (1, 1, 2):
                with pytest.raises(httpx.ReadTimeout):
                    await gateway.http.post(
                        "/telegram",
                        json=update(number),
                        headers={"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET},
                        timeout=0.3,
                    )
            await held(gateway, 3)
        finally:
            nats_server.start()
        await held(gateway, 0)
        again = await gateway.telegram(update(1))
        found = await texts(gateway)

    assert again.status_code == 200
    assert found == ["text 1", "text 2"]


async def test_a_stop_refuses_those_who_wait_and_ends_well(
    provisioned: str, nats_server: NatsServer
) -> None:
    async with process(provisioned, WEBHOOK_HOLD_SECONDS="19", STOP_SECONDS_MAX="10") as gateway:
        nats_server.kill()
        try:
            posts = [
                asyncio.create_task(gateway.house.telegram(update(n, 40 + n))) for n in range(20)
            ]
            await held(gateway.house, 20)
            os.kill(gateway.pid, signal.SIGTERM)
            stopped = time.monotonic()
            answers = await asyncio.gather(*posts)
            seconds = time.monotonic() - stopped
        finally:
            nats_server.start()
        told = gateway.told()

    assert {answer.status_code for answer in answers} == {503}
    assert seconds < 5
    assert "Traceback" not in told
    assert "Cancel" not in told


async def test_a_broker_that_hangs_for_a_moment_is_waited_for(
    provisioned: str, nats_server: NatsServer
) -> None:
    async with patient(provisioned) as gateway:
        assert (await gateway.telegram(update(1))).status_code == 200
        broker = nats_server.pid
        os.kill(broker, signal.SIGSTOP)
        try:
            posts = [asyncio.create_task(gateway.telegram(update(n, 40 + n))) for n in range(2, 40)]
            posts.append(asyncio.create_task(gateway.whatsapp(batch(*range(100, 200)))))
            await held(gateway, len(posts))
        finally:
            os.kill(broker, signal.SIGCONT)
        answers = await asyncio.gather(*posts)
        found = await texts(gateway)

    assert {answer.status_code for answer in answers} == {200}
    assert len(found) == len(set(found)) == 139


async def test_a_stream_without_a_leader_is_waited_for_as_a_broker_that_is_away(
    gateway: Gateway, provisioned: str
) -> None:
    """It looks the same from here: the broker is reached, and nobody takes what is published."""
    async with patient(provisioned) as patient_gateway:
        await gateway.jetstream.delete_stream("INBOUND")
        posts = [
            asyncio.create_task(patient_gateway.telegram(update(n, 40 + n))) for n in range(20)
        ]
        await held(patient_gateway, 20)
        client = await nats.connect(provisioned)
        await provision(client.jetstream(), TEST_RINGS)
        await client.close()
        answers = await asyncio.gather(*posts)
        found = await texts(patient_gateway)

    assert {answer.status_code for answer in answers} == {200}
    assert len(found) == len(set(found)) == 20


async def test_reports_that_cannot_be_stored_hold_nobody_up_who_says_something(
    gateway: Gateway, provisioned: str
) -> None:
    async with patient(provisioned) as patient_gateway:
        await gateway.jetstream.delete_stream("DELIVERY")
        reports = [asyncio.create_task(patient_gateway.whatsapp(report(n))) for n in range(5)]
        said = [await patient_gateway.telegram(update(n, 40 + n)) for n in range(10)]
        still_wait = not any(each.done() for each in reports)
        client = await nats.connect(provisioned)
        await provision(client.jetstream(), TEST_RINGS)
        await client.close()
        answers = await asyncio.gather(*reports)

    assert still_wait
    assert {answer.status_code for answer in said} == {200}
    assert max(answer.elapsed.total_seconds() for answer in said) < AT_ONCE_SECONDS_MAX
    assert {answer.status_code for answer in answers} == {200}


def test_there_are_connections_for_all_who_may_wait() -> None:
    assert sum(WEBHOOKS_IN_FLIGHT_MAX.values()) + connections.READING_MAX <= CONNECTIONS_MAX
    assert files_max() >= CONNECTIONS_MAX + FILES_KEPT
