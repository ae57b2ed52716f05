"""Chats wait parked while notifiers die: in order, nothing lost, nothing twice without a word.

Pauses are real time, for platforms' clocks cannot be told to hurry: what takes 20 minutes in the
long form takes a minute in the short one.
"""

import asyncio
import os
import random
import sys
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from devstack.notifier_rig import NotifierRig
from devstack.process import Failed
from tests.chaos.parked_chats import Chats, Verdict

POINTS = (
    "notifier.after-park",
    "notifier.after-mark",
    "notifier.after-wake",
    "notifier.after-head-sent",
    "notifier.before-clear",
    "notifier.before-call",
    "notifier.after-call",
)
POINT_REACHED_MAX = 6
QUIET_SECONDS_MAX = 150.0
PAUSE_SECONDS = 30
FIRST_CALL_SECONDS_MAX = 1.0
IN_FLIGHT_SECONDS = 1.0
"""How long a call may be under way when the platform answers another one with a pause."""


async def deaths(
    rig: NotifierRig, replicas: int, count: int, chance: random.Random, done: Counter[str]
) -> None:
    """One notifier after the other is killed, and started with a point at which it dies."""
    for number in range(count):
        replica = number % replicas + 1
        await rig.kill(replica)
        point = chance.choice(POINTS)
        done[point] += 1
        planted = {"TURNOUT_CRASH_AT": f"{point}:{chance.randint(1, POINT_REACHED_MAX)}"}
        with suppress(Failed):  # it may die before it says that it is ready
            await rig.start(replica, environment=planted)
        await asyncio.sleep(chance.uniform(0.5, 2.0))


async def order(
    *, people: int, rounds: int, replicas: int, gap_seconds: float, dying: int, broken: str = ""
) -> Verdict:
    """The verdict on chats of which every third is told to wait, now and then, while they are
    written to.
    """
    seed = int(os.environ.get("PROOF_SEED", "1"))
    chance, done = random.Random(seed), Counter[str]()
    environment = {"TURNOUT_BREAK": broken} if broken else {}
    async with (
        NotifierRig(replicas=replicas, environment=environment) as rig,
        Chats.on(rig, ("telegram", "whatsapp"), people) as chats,
    ):
        for number, person in enumerate(chats.people):
            if number % 3 == 0 and person.platform == "telegram":
                await chats.fault("429", person=person.chat_id, share=0.3, retry_after=2)
        await asyncio.gather(
            chats.say_all(rounds, chance, gap_seconds),
            deaths(rig, replicas, dying, random.Random(seed), done),
        )
        await chats.well()
        for number in range(1, replicas + 1):
            await rig.kill(number)
            await rig.start(number)
        await chats.quiet(QUIET_SECONDS_MAX + 10 * rounds)
        verdict = await chats.judge()
    sys.stdout.write(
        f"\nPROOF_SEED={seed}: {verdict}; {done.total()} deaths, then at {dict(done)}\n"
    )
    return verdict


@pytest.mark.timeout(400)
async def test_parked_and_other_chats_keep_their_order_while_notifiers_die() -> None:
    verdict = await order(people=9, rounds=8, replicas=2, gap_seconds=4.0, dying=4)
    assert not verdict.faults, verdict
    assert verdict.parked > 0


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_who_passes_a_parked_chat_overtakes() -> None:
    """The negative control."""
    verdict = await order(
        people=9, rounds=8, replicas=2, gap_seconds=1.0, dying=0, broken="parking"
    )
    assert verdict.inverted > 0, verdict


@pytest.mark.long
async def test_notifier_parking_keeps_order_for_minutes() -> None:
    verdict = await order(people=30, rounds=60, replicas=4, gap_seconds=4.0, dying=40)
    assert not verdict.faults, verdict
    assert verdict.parked > 100


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_a_pause_of_the_bot_stops_every_call_and_ends_in_time() -> None:
    async with (
        NotifierRig(replicas=2) as rig,
        Chats.on(rig, ("telegram",), 40) as chats,
    ):
        for person in chats.people[:20]:
            await chats.say(person, "reply")
        await chats.quiet(60)
        before = len(await chats.calls())
        await chats.fault("429", count=3, retry_after=PAUSE_SECONDS)
        for person in chats.people[:3]:
            await chats.say(person, "reply")
        async with asyncio.timeout(30):
            while len(refused := await refusals(chats)) < 3:
                await asyncio.sleep(0.01)
        for number in range(3):
            for person in chats.people:
                await chats.say(person, "bulk" if number else "reply")
        await chats.quiet(PAUSE_SECONDS + 90)
        calls = (await chats.calls())[before:]
        verdict = await chats.judge()
    assert not verdict.faults, verdict
    told_at = max(call["real"] for call in refused)
    ends_at = told_at + PAUSE_SECONDS
    inside = [call for call in calls if told_at + IN_FLIGHT_SECONDS < call["real"] < ends_at]
    assert not inside, "nobody calls within the pause but those who were under way"
    first = min(call["real"] for call in calls if call["real"] >= ends_at)
    sys.stdout.write(f"\nfirst call {first - ends_at:.3f} s after a pause of {PAUSE_SECONDS} s\n")
    assert first - ends_at <= FIRST_CALL_SECONDS_MAX


async def refusals(chats: Chats) -> list[dict[str, Any]]:
    """The calls that were refused so far."""
    return [call for call in await chats.calls() if call["outcome"] == "refused"]


async def outage(*, seconds: float, people: int, replicas: int) -> None:
    """Both platforms fail for so long; what is useful for longer is all sent, the rest expires."""
    async with (
        NotifierRig(replicas=replicas) as rig,
        Chats.on(rig, ("telegram", "whatsapp"), people) as chats,
    ):
        for platform in ("telegram", "whatsapp"):
            await chats.fault("500", platform)
        for person in chats.people:
            await chats.say(person, "reply", useful_seconds=10 * seconds)
            await chats.say(person, "transactional")
            await chats.say(person, "reminder", useful_seconds=seconds / 2)
        await asyncio.sleep(seconds / 2)
        await rig.kill(1)
        starting = asyncio.create_task(rig.start(1))  # it is not ready while nothing goes out
        await asyncio.sleep(seconds / 2)
        assert all(call["outcome"] != "accepted" for call in await chats.calls())
        await chats.well()
        await starting
        await chats.quiet(QUIET_SECONDS_MAX)
        verdict = await chats.judge()
    sys.stdout.write(f"\n{seconds:.0f} s of outage: {verdict}\n")
    assert not verdict.faults, verdict
    assert verdict.told == {"accepted": 4 * people, "expired": 2 * people}


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_an_outage_loses_nothing_whose_deadline_is_later() -> None:
    await outage(seconds=60, people=15, replicas=2)


@pytest.mark.long
async def test_notifier_outage_of_twenty_minutes() -> None:
    await outage(seconds=1200, people=300, replicas=4)
