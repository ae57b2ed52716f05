"""Too much: from one chat it is dropped, for us it is refused, and both are counted."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest
from gateway_house import (
    HOLD_SECONDS,
    PHONE_ID,
    TELEGRAM_SECRET,
    WAIT_SECONDS_MAX,
    Gateway,
    private_in,
    process,
    running,
    settings,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway import handlers, limits
from gateway.answers import RETRY_AFTER_SECONDS
from gateway.intake import PUBLISH_SECONDS_MAX
from gateway.limits import CHAT_ITEMS_AT_ONCE, CHAT_ITEMS_PER_SECOND, ChatPace, Room
from gateway.refusals import Refused
from runtime.provision import provision
from runtime.testing import NatsServer, eventually

HEADERS = {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
RECOVERED_SECONDS_MAX = 5.0
RETRY_AFTER = str(RETRY_AFTER_SECONDS)


class Watch:
    """A clock that stands still until it is turned."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def pace(watch: Watch, **changed: Any) -> ChatPace:
    return ChatPace(now=watch, **({"per_second": 2.0, "at_once": 5, "chats_max": 10} | changed))


def test_a_chat_may_say_so_much_at_once_and_then_its_pace() -> None:
    watch = Watch()
    chat = pace(watch)

    assert [chat.takes("a") for _ in range(7)] == [True] * 5 + [False] * 2
    watch.seconds += 0.5
    assert [chat.takes("a") for _ in range(2)] == [True, False]
    watch.seconds += 1000
    assert [chat.takes("a") for _ in range(7)] == [True] * 5 + [False] * 2


def test_what_one_chat_says_costs_another_nothing() -> None:
    chats = pace(Watch())
    while chats.takes("a"):
        pass

    assert chats.takes("b")


def test_what_was_not_stored_does_not_count() -> None:
    chats = pace(Watch())
    for _ in range(100):
        assert chats.takes("a")
        chats.gives_back("a")

    chats.gives_back("unknown")
    assert [chats.takes("a") for _ in range(6)] == [True] * 5 + [False]


def test_of_too_many_chats_the_quietest_starts_afresh() -> None:
    chats = pace(Watch(), chats_max=3)
    for chat in ("a", "b", "c"):
        while chats.takes(chat):
            pass
    chats.gives_back("a")
    assert chats.takes("a")  # now the last one that spoke

    assert chats.takes("d")

    assert len(chats) == 3
    assert [chats.takes("a"), chats.takes("c"), chats.takes("b")] == [False, False, True]


@given(st.lists(st.floats(0, 5), max_size=200))
def test_in_no_window_more_than_the_burst_and_the_pace(pauses: list[float]) -> None:
    watch = Watch()
    chat = pace(watch)
    taken = []
    for pause in pauses:
        watch.seconds += pause
        if chat.takes("a"):
            taken.append(watch.seconds)

    for first, begin in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= 5 + 2 * (end - begin) + 1e-6


def test_a_room_holds_so_many_webhooks_and_bytes_and_takes_more_when_some_are_gone() -> None:
    room = Room("telegram", webhooks_max=2, bytes_max=10)
    room.enter()
    room.enter()
    with pytest.raises(Refused) as refusal:
        room.enter()
    assert refusal.value.status == 503
    room.leave()
    room.enter()

    room.hold(10)
    with pytest.raises(Refused):
        room.hold(1)
    room.release(1)
    room.hold(1)


def update(number: int, chat: int) -> dict[str, Any]:
    return {
        "update_id": number,
        "message": {
            "from": {"id": chat},
            "chat": {"id": chat, "type": "private"},
            "date": 1763800000,
            "text": f"text {number}",
        },
    }


def batch(senders: list[str]) -> dict[str, Any]:
    messages = [
        {
            "from": sender,
            "id": f"wamid.{number}",
            "timestamp": "1763800000",
            "type": "text",
            "text": {"body": f"text {number}"},
        }
        for number, sender in enumerate(senders)
    ]
    value = {"metadata": {"phone_number_id": PHONE_ID}, "messages": messages}
    return {"entry": [{"changes": [{"field": "messages", "value": value}]}]}


async def counted(gateway: Gateway, line: str) -> float:
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    return sum(float(each.split()[-1]) for each in lines if each.startswith(line))


FLOODER, OTHER = "16505550001", "16505550002"


async def test_a_flood_is_shed_with_a_count_and_another_chat_passes_it(provisioned: str) -> None:
    shed = 'turnout_webhook_items_shed_total{platform="whatsapp",scope="chat"'
    async with running(settings(provisioned)) as http:
        gateway = await Gateway.reached(http, provisioned)
        before = await counted(gateway, shed)
        started = time.monotonic()
        response = await gateway.whatsapp(batch([FLOODER] * 999 + [OTHER]))
        seconds = time.monotonic() - started
        stored = [message["address"]["chat_id"] for message in await gateway.stored("INBOUND")]
        dropped = await counted(gateway, shed) - before
        await gateway.close()

    assert response.status_code == 200
    most = CHAT_ITEMS_AT_ONCE + CHAT_ITEMS_PER_SECOND * seconds + 1
    assert CHAT_ITEMS_AT_ONCE <= stored.count(FLOODER) <= most
    assert dropped == 999 - stored.count(FLOODER)
    # The other chat's one message, last in the batch, did not wait for those before it.
    assert stored.index(OTHER) < 10


async def test_with_the_limit_switched_off_the_flood_comes_in(provisioned: str) -> None:
    broken = settings(provisioned, turnout_test=True, turnout_break="chat-limit")
    async with running(broken) as http:
        gateway = await Gateway.reached(http, provisioned)
        assert (await gateway.whatsapp(batch([FLOODER] * 300))).status_code == 200
        assert len(await gateway.stored("INBOUND")) == 300
        await gateway.close()


async def test_a_flood_of_webhooks_delays_nobody_and_is_answered(provisioned: str) -> None:
    async with process(provisioned) as gateway:
        flooding = True
        answers: list[int] = []

        async def flood(first: int) -> None:
            number = first
            while flooding:
                number += 1
                answers.append((await gateway.house.telegram(update(number, 7))).status_code)

        flood_tasks = [asyncio.create_task(flood(10**6 * worker)) for worker in range(1, 9)]
        await eventually(lambda: len(answers) > 2 * CHAT_ITEMS_AT_ONCE, WAIT_SECONDS_MAX)
        slowest = 0.0
        for number in range(50):
            started = time.monotonic()
            assert (await gateway.house.telegram(update(number, 8 + number % 5))).status_code == 200
            slowest = max(slowest, time.monotonic() - started)
        flooding = False
        await asyncio.gather(*flood_tasks)
        stored = [each["address"]["chat_id"] for each in await gateway.house.stored("INBOUND")]

    assert set(answers) == {200}
    assert stored.count("7") < len(answers) / 1.5
    assert len(stored) - stored.count("7") == 50
    assert slowest < 1.0


async def test_what_changes_where_a_person_is_reached_is_never_dropped(gateway: Gateway) -> None:
    blocked = {
        "update_id": 5,
        "my_chat_member": {
            "from": {"id": 9},
            "chat": {"id": 9, "type": "private"},
            "date": 1763800000,
            "new_chat_member": {"status": "kicked"},
        },
    }
    flood = [gateway.telegram(update(number, 9)) for number in range(10, 10 + CHAT_ITEMS_AT_ONCE)]
    await asyncio.gather(*flood)
    before = len(await gateway.raw("INBOUND"))

    assert (await gateway.telegram(blocked)).status_code == 200

    assert len(await gateway.raw("INBOUND")) == before + 1


@pytest.fixture
async def narrow(provisioned: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway with little room."""
    room = lambda platform: Room(platform, webhooks_max=5, bytes_max=10_000)  # noqa: E731
    monkeypatch.setattr(handlers, "Room", room)
    async with running(settings(provisioned)) as http:
        gateway = await Gateway.reached(http, provisioned)
        yield gateway
        await gateway.close()


async def test_more_bytes_than_there_is_room_for_are_refused_and_the_rest_is_taken(
    narrow: Gateway,
) -> None:
    line = 'turnout_webhooks_over_limit_total{limit="bytes",platform="telegram"'
    before = await counted(narrow, line)
    large = update(1, 42) | {"padding": "a" * 20_000}

    refused = await narrow.telegram(large)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, RETRY_AFTER)
    assert await counted(narrow, line) == before + 1
    assert (await narrow.telegram(update(2, 42))).status_code == 200


async def test_a_broker_that_hangs_costs_a_bounded_wait_and_bounded_room(
    narrow: Gateway, nats_server: NatsServer
) -> None:
    assert (await narrow.telegram(update(1, 42))).status_code == 200
    broker = nats_server.pid
    os.kill(broker, signal.SIGSTOP)
    try:
        started = time.monotonic()
        responses = await asyncio.gather(
            *(narrow.telegram(update(number, 42 + number)) for number in range(100, 140))
        )
        seconds = time.monotonic() - started
    finally:
        os.kill(broker, signal.SIGCONT)
    line = 'turnout_webhooks_over_limit_total{limit="webhooks",platform="telegram"'

    assert {response.status_code for response in responses} == {503}
    assert {response.headers["Retry-After"] for response in responses} == {RETRY_AFTER}
    assert seconds < HOLD_SECONDS + 2
    assert await counted(narrow, line) > 0
    assert (await narrow.telegram(update(100, 142))).status_code == 200


async def test_a_broker_that_comes_back_is_used_within_seconds(tmp_path: Path) -> None:
    broker = NatsServer(tmp_path)
    broker.start()
    try:
        client = await nats.connect(broker.url)
        await provision(client.jetstream(), [])
        await client.close()
        async with process(broker.url, WEBHOOK_HOLD_SECONDS=str(HOLD_SECONDS)) as gateway:
            assert (await gateway.house.telegram(update(1, 42))).status_code == 200
            broker.kill()
            first = await gateway.house.telegram(update(2, 42))
            refused = await asyncio.gather(
                *(gateway.house.telegram(update(number, 42)) for number in range(3, 20))
            )
            broker.start()
            back = time.monotonic()
            while (await gateway.house.telegram(update(2, 42))).status_code != 200:
                assert time.monotonic() < back + RECOVERED_SECONDS_MAX
                await asyncio.sleep(0.05)
            said = [each["content"]["text"] for each in await gateway.house.stored("INBOUND")]
            leaked = private_in(gateway.told(), private=["text 2", '"42"'])
    finally:
        broker.kill()

    assert {response.status_code for response in (first, *refused)} == {503}
    longest = max(response.elapsed.total_seconds() for response in refused)
    assert HOLD_SECONDS < longest < HOLD_SECONDS + PUBLISH_SECONDS_MAX
    # What was refused is not kept here either: it was the platform's to bring again.
    assert said == ["text 1", "text 2"]
    assert leaked == []


async def test_telegram_has_room_when_whatsapp_has_none(narrow: Gateway) -> None:
    url = narrow.http.base_url
    reader, forger = await asyncio.open_connection(url.host, url.port)
    forger.write(
        b"POST /whatsapp HTTP/1.1\r\nHost: gateway\r\nContent-Length: 9991\r\n"
        b"X-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\n\r\n" + b" " * 9990
    )
    await forger.drain()
    # Whoever is answered now came after the forger.
    await narrow.http.get("/health/live")
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while (await narrow.whatsapp(batch([OTHER]))).status_code != 503:
            await asyncio.sleep(0.02)

    assert (await narrow.telegram(update(1, 42))).status_code == 200

    forger.write(b" ")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 403 ")
    forger.close()
    await forger.wait_closed()
    assert (await narrow.whatsapp(batch([OTHER]))).status_code == 200


async def test_json_may_be_nested_so_deep_and_no_deeper(gateway: Gateway) -> None:
    def nested(depth: int) -> bytes:
        return b'{"update_id": 1, "x": ' + b"[" * depth + b"]" * depth + b"}"

    for depth, dead in ((100, 0), (100_000, 1), (1_000_000, 2)):
        response: httpx.Response = await gateway.http.post(
            "/telegram", content=nested(depth), headers=HEADERS
        )
        assert response.status_code == 200
        assert len(await gateway.raw("DEAD")) == dead


def test_the_limits_hold_together() -> None:
    # A chat that was answered "too fast" in words is far from being dropped without a word.
    assert limits.CHAT_ITEMS_PER_SECOND > 1
    assert limits.CHAT_ITEMS_AT_ONCE > 30
    # The largest body has room beside others.
    assert limits.BODY_BYTES_HELD_MAX >= 8 * 3 * 1024 * 1024
