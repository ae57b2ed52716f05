"""Chats that must wait long are parked: in order, without holding up anybody, through crashes."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from notifier_stage import Person, Stage, counted, running, settings, until

from contracts import OutboundMessage, Priority
from contracts.topology import PARKED, WAKE
from notifier.waiting import PARK_AFTER_SECONDS

GAP_SECONDS = 0.4
"""Between two messages that are said to the same person."""
CRASH_POINTS = [
    "notifier.after-park",
    "notifier.after-mark",
    "notifier.after-wake",
    "notifier.after-head-sent",
    "notifier.before-clear",
]


async def says_in_order(stage: Stage, person: Person, texts: list[str]) -> list[OutboundMessage]:
    """Publish one after the other."""
    return [await stage.send(person, text=text) for text in texts]


async def flood(stage: Stage, person: Person, seconds: int, count: int = 1) -> None:
    """The next calls for this person are refused, with that wait."""
    await stage.fault("429", person=person.address.chat_id, count=count, retry_after=seconds)


async def texts(person: Person) -> list[str]:
    return [entry["text"] for entry in await person.heard()]


async def test_a_flooded_chat_leaves_its_lane_at_once_and_keeps_its_order(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await flood(stage, ann, seconds=4)
    messages = await says_in_order(stage, ann, ["one", "two", "three"])
    await stage.until_parked(3)
    assert await ann.heard() == []
    for message in messages:
        assert await stage.outcome(message) == ("accepted", None, False)
    assert await texts(ann) == ["one", "two", "three"]
    refused, first, *_ = await stage.calls(person=ann.address.chat_id, method="sendMessage")
    assert 4 <= first["real"] - refused["real"] <= 5.5
    await stage.until_quiet()


async def test_what_waits_less_than_a_second_is_not_parked(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    for text in ("one", "two", "three"):
        assert (await stage.outcome(await stage.send(ann, text=text)))[0] == "accepted"
    await asyncio.sleep(PARK_AFTER_SECONDS / 2)
    assert (await stage.outcome(await stage.send(ann, text="four")))[0] == "accepted"
    assert (await stage.client.jetstream().stream_info(PARKED.name)).state.last_seq == 0


async def test_reminders_and_broadcasts_go_behind_what_their_chat_has_parked(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await flood(stage, ann, seconds=3)
    await stage.send(ann, text="reply")
    await stage.until_parked(1)
    kinds: list[Priority] = ["reminder", "bulk", "transactional"]
    for number, kind in enumerate(kinds, 2):
        await stage.send(ann, text=kind, priority=kind)
        await stage.until_parked(number)
    await ann.hears(4)
    assert await texts(ann) == ["reply", *kinds]


async def test_a_message_that_comes_while_the_chat_is_freed_is_neither_lost_nor_early(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    """Many at once, so that some are appended just as the waker finds the chat empty."""
    people = [await stage.person("telegram") for _ in range(6)]
    for person in people:
        await flood(stage, person, seconds=2)
    told = [str(number) for number in range(8)]
    for text in told:
        for person in people:
            await stage.send(person, text=text)
        await asyncio.sleep(GAP_SECONDS)
    for person in people:
        await person.hears(len(told))
        assert await texts(person) == told
    await stage.until_quiet()


async def test_an_expired_message_gets_its_result_when_it_is_its_turn(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await flood(stage, ann, seconds=3)
    first = await stage.send(ann, text="one")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    late = await stage.send(ann, text="two", expires_at=soon)
    last = await stage.send(ann, text="three")
    assert await stage.outcome(first) == ("accepted", None, False)
    assert await stage.outcome(late) == ("expired", None, False)
    assert await stage.outcome(last) == ("accepted", None, False)
    assert await texts(ann) == ["one", "three"]


async def test_who_blocks_us_meanwhile_is_left_alone(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    wrote_at = datetime.now(UTC)
    await flood(stage, ann, seconds=2)
    first = await stage.send(ann, heard_at=wrote_at)
    second = await stage.send(ann, heard_at=wrote_at)
    await stage.until_parked(2)
    await ann.does("block")
    assert await stage.outcome(first) == ("failed", "telegram-403", False)
    assert await stage.outcome(second) == ("suppressed", "blocked", False)
    await stage.until_quiet()


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_a_notifier_may_die_at_any_point_of_parking(stage: Stage, point: str) -> None:
    ann = await stage.person("telegram")
    await flood(stage, ann, seconds=2)
    messages = await says_in_order(stage, ann, ["one", "two"])
    process, _ = stage.start(TURNOUT_CRASH_AT=f"{point}:1")
    await until(lambda: process.poll() is not None)
    async with running(settings(stage)):
        for message in messages:
            assert await stage.outcome(message) == ("accepted", None, False)
        assert await texts(ann) == ["one", "two"]
        await stage.until_quiet()
        assert (await stage.outcome(await stage.send(ann, text="three")))[0] == "accepted"
    assert await texts(ann) == ["one", "two", "three"]


async def test_a_parked_chat_whose_wake_is_gone_is_found(stage: Stage) -> None:
    async with running(settings(stage, parked_sweep_seconds=0.5)) as notifier:
        forgotten = await counted(notifier, FORGOTTEN)
        ann = await stage.person("telegram")
        await flood(stage, ann, seconds=2)
        message = await stage.send(ann)
        await stage.until_parked(1)
        await stage.client.jetstream().purge_stream(WAKE.name)
        assert await stage.outcome(message) == ("accepted", None, False)
        assert await counted(notifier, FORGOTTEN) == forgotten + 1


FORGOTTEN = 'turnout_parked_forgotten_total{platform="telegram",service="notifier"}'


async def test_what_is_parked_shows_in_health_and_metrics(stage: Stage) -> None:
    async with running(settings(stage, parked_sweep_seconds=0.2)) as notifier:
        ann = await stage.person("telegram")
        await flood(stage, ann, seconds=3)
        messages = await says_in_order(stage, ann, ["one", "two"])
        async with asyncio.timeout(5):
            while not (shown := (await notifier.get("/health")).json()["parked"]):
                await asyncio.sleep(0.05)
        account = shown["telegram 123456"]
        assert account.pop("oldest_seconds") < 5
        assert account["reason"] == "chat"
        labels = '{account="123456",platform="telegram",reason="chat",service="notifier"}'
        async with asyncio.timeout(5):
            while await counted(notifier, f"turnout_parked_messages{labels}") != 2:
                await asyncio.sleep(0.05)
        assert await counted(notifier, f"turnout_parked_chats{labels}") == 1
        for message in messages:
            await stage.result(message)
        async with asyncio.timeout(5):
            while await counted(notifier, f"turnout_parked_messages{labels}"):
                await asyncio.sleep(0.05)


async def test_without_parking_later_messages_overtake(stage: Stage) -> None:
    """The negative control: a notifier that does not look whether a chat is parked."""
    async with running(settings(stage, turnout_break="parking")):
        ann = await stage.person("telegram")
        await flood(stage, ann, seconds=2)
        told = [str(number) for number in range(8)]
        for text in told:
            await stage.send(ann, text=text)
            await asyncio.sleep(GAP_SECONDS)
        await ann.hears(len(told))
        heard = await texts(ann)
    assert sorted(heard) == told
    assert heard != told
