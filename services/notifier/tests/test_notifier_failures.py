"""Crashes, lost answers and outages: what may repeat, what never does, and what is told of it."""

import asyncio
import signal
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from notifier_house import BOT
from notifier_stage import Stage, running, settings, until

from contracts import Priority
from contracts.topology import ring

RING = ring("telegram", BOT)
ONCE_MORE = ("accepted", None, True)


async def dies(stage: Stage, point: str) -> None:
    """Start a notifier that is planted to die at a point, and see it die."""
    process, _ = stage.start(TURNOUT_CRASH_AT=f"{point}:1")
    await until(lambda: process.poll() is not None)


async def test_killed_before_its_result_is_written_it_sends_once_more_and_says_so(
    stage: Stage,
) -> None:
    ann = await stage.person("telegram")
    message = await stage.send(ann)
    await dies(stage, "notifier.after-call")
    assert len(await ann.heard()) == 1
    async with running(settings(stage)) as notifier:
        assert await stage.outcome(message) == ONCE_MORE
        assert len(await ann.heard()) == 2
        metrics = (await notifier.get("/metrics")).text
    assert (
        'turnout_sends_unknown_total{outcome="sent-again",platform="telegram",priority="reply",'
        'service="notifier"}' in metrics
    )


async def test_killed_before_the_call_the_person_hears_once(stage: Stage) -> None:
    ann = await stage.person("telegram")
    message = await stage.send(ann)
    await dies(stage, "notifier.before-call")
    assert await ann.heard() == []
    async with running(settings(stage)):
        # Whether the call was made cannot be known, so it is marked all the same.
        assert await stage.outcome(message) == ONCE_MORE
    assert len(await ann.heard()) == 1


async def test_killed_after_its_result_is_written_it_never_repeats(stage: Stage) -> None:
    ann = await stage.person("telegram")
    message = await stage.send(ann)
    await dies(stage, "notifier.after-ledger")
    async with running(settings(stage)):
        assert await stage.outcome(message) == ("accepted", None, False)
    assert len(await ann.heard()) == 1


async def test_without_the_ledger_it_would_repeat_unseen(stage: Stage) -> None:
    """The negative control of the test before."""
    ann = await stage.person("telegram")
    message = await stage.send(ann)
    await dies(stage, "notifier.after-ledger")
    async with running(settings(stage, turnout_break="ledger")):
        assert await stage.outcome(message) == ("accepted", None, False)
    assert len(await ann.heard()) == 2


@pytest.mark.parametrize("platform", ["telegram", "whatsapp"])
async def test_a_reply_whose_answer_is_lost_is_sent_once_more(
    stage: Stage, notifier: httpx.AsyncClient, platform: str
) -> None:
    ann = await stage.person(platform)
    await stage.fault("drop_response", platform, count=1)
    assert await stage.outcome(await stage.send(ann)) == ONCE_MORE
    assert len(await ann.heard()) == 2


async def test_a_reply_is_never_sent_a_third_time(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await stage.fault("drop_response", count=5)
    assert await stage.outcome(await stage.send(ann)) == ("unknown", "answer-lost", True)
    assert len(await ann.heard()) == 2


@pytest.mark.parametrize("priority", ["reminder", "bulk"])
async def test_a_reminder_whose_answer_is_lost_is_never_sent_again(
    stage: Stage, notifier: httpx.AsyncClient, priority: Priority
) -> None:
    ann = await stage.person("telegram")
    await stage.fault("drop_response", count=1)
    message = await stage.send(ann, priority=priority)
    assert await stage.outcome(message) == ("unknown", "answer-lost", False)
    assert len(await ann.heard()) == 1


@pytest.mark.parametrize(
    ("platform", "kind", "reason"),
    [
        ("telegram", "500", "telegram (telegram-500)"),
        ("telegram", "unauthorized", "telegram (telegram-401: check the token and the account)"),
        ("whatsapp", "unauthorized", "whatsapp (whatsapp-190: check the token and the account)"),
    ],
)
async def test_an_outage_holds_messages_names_its_cause_and_ends_by_itself(
    stage: Stage, notifier: httpx.AsyncClient, platform: str, kind: str, reason: str
) -> None:
    people = [await stage.person(platform) for _ in range(5)]
    await stage.fault(kind, platform)
    messages = await asyncio.gather(*(stage.send(person) for person in people))
    async with asyncio.timeout(20):
        while reason not in (health := await notifier.get("/health/ready")).json()["failing"]:
            await asyncio.sleep(0.02)
    assert health.status_code == 503
    await stage.platforms.delete("/sim/faults")
    for message in messages:
        assert await stage.outcome(message) == ("accepted", None, False)
    assert (await notifier.get("/health/ready")).status_code == 200


async def test_while_a_platform_is_away_the_other_goes_on(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann, bob = await stage.person("telegram"), await stage.person("whatsapp")
    await stage.fault("500", "telegram")
    await stage.send(ann)
    await stage.send(bob)
    assert len(await bob.hears()) == 1
    assert await ann.heard() == []


async def test_an_outage_does_not_outlive_a_deadline(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann = await stage.person("telegram")
    await stage.fault("500", "telegram")
    message = await stage.send(ann, expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    assert await stage.outcome(message) == ("expired", None, False)


async def test_told_to_stop_in_a_pause_it_goes_soon_and_loses_nothing(stage: Stage) -> None:
    process = await stage.process()
    until_when = datetime.now(UTC) + timedelta(seconds=60)
    jetstream = stage.client.jetstream()
    await jetstream.pause_consumer(RING.stream, RING.consumer, until_when.isoformat())
    ann = await stage.person("telegram")
    message = await stage.send(ann)
    async with asyncio.timeout(10):
        while not (await jetstream.consumer_info(RING.stream, RING.consumer)).num_waiting:
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        while process.poll() is None:
            await asyncio.sleep(0.02)
    assert process.returncode == 0
    await jetstream.resume_consumer(RING.stream, RING.consumer)
    async with running(settings(stage)):
        assert await stage.outcome(message) == ("accepted", None, False)
