"""Replicas die, freeze and wake in mid-dialogue: order stays, and each thing is answered once."""

import asyncio
import os
import random
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from contracts.topology import CONVERSATION_INBOUND
from devstack.conversation_rig import ConversationRig
from devstack.process import Failed
from tests.chaos.conversation_chats import Chats
from tests.chaos.conversation_judge import Verdict, judge_chats

MESSAGES = 20
KILL_EVERY_SECONDS = 5.0
FROZEN_SECONDS = 7.0
"""Longer than the ack wait: what it holds is given to another, and then it wakes up."""
CRASH_POINTS = ("conversation.before-cas", "conversation.after-cas", "conversation.after-publish")
CRASH_AT_MAX = 60
COPIES_SHARE = 0.1
IN_FLIGHT_WITHOUT_ORDER = 16


async def open_event(rig: ConversationRig) -> str:
    """The code of an event with seats for everybody."""
    async with httpx.AsyncClient(
        base_url=rig.registry.url(), headers=rig.registry.admin, trust_env=False, timeout=30
    ) as http:
        answer = await http.post(
            "/api/events",
            json={
                "title": "Alpha",
                "starts_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
                "timezone": "UTC",
                "max_participants": 100_000,
                "status": "published",
            },
        )
        code: str = answer.raise_for_status().json()["code"]
        return code


@dataclass
class Killer:
    """One replica after the other has something done to it, until it is told to stop."""

    rig: ConversationRig
    replicas: int
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Something every five seconds."""
        loop = asyncio.get_running_loop()
        plan: list[str] = []
        while True:
            due = loop.time() + KILL_EVERY_SECONDS
            await self.revive()
            plan = plan or self.chance.sample(["kill", "kill", "plant", "freeze"], 4)
            await self._do(plan.pop(), self.chance.randint(1, self.replicas))
            await asyncio.sleep(due - loop.time())

    async def _do(self, what: str, number: int) -> None:
        self.done[what] += 1
        if what == "freeze":
            self.rig.freeze(number)
            await asyncio.sleep(FROZEN_SECONDS)
            self.rig.thaw(number)
            return
        await self.rig.kill(number)
        point, nth = self.chance.choice(CRASH_POINTS), self.chance.randint(1, CRASH_AT_MAX)
        planted = {"TURNOUT_CRASH_AT": f"{point}:{nth}"} if what == "plant" else None
        with suppress(Failed):  # a planted one may die before it says that it is ready
            await self.rig.start(number, environment=planted)

    async def revive(self) -> None:
        """Have everybody back who died at a planted point."""
        for number in range(1, self.replicas + 1):
            if self.rig.pid(number) is None:
                self.done["died where planted"] += 1
                await self.rig.start(number)


async def order(*, people: int, replicas: int, slow_ms: int, seed: int, seconds_max: float) -> None:
    """One run with kills until everything is worked off."""
    seed = int(os.environ.get("PROOF_SEED", seed))
    chance = random.Random(seed)
    environment = {"TURNOUT_SLOW_MS": str(slow_ms)}
    async with ConversationRig(replicas=replicas, environment=environment) as rig:
        code = await open_event(rig)
        async with Chats(rig.nats_url, code, people=people, messages=MESSAGES) as chats:
            killer = Killer(rig, replicas, random.Random(seed))
            saying = asyncio.create_task(chats.say_all(chance, copies_share=COPIES_SHARE))
            killing = asyncio.create_task(killer.run())
            began = asyncio.get_running_loop().time()
            await saying
            await chats.settled(seconds_max)
            took = asyncio.get_running_loop().time() - began
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing
            for number in range(1, replicas + 1):
                rig.thaw(number)
            await killer.revive()
            await chats.say_again(chance, count=people)
            await chats.settled(seconds_max)
            verdict = await judge_chats(chats)
            sys.stdout.write(
                f"\nPROOF_SEED={seed}: {chats.inputs} inputs and {chats.copies} copies of "
                f"{people} chats in {took:.0f} s; {dict(killer.done)}\n{verdict}\n"
            )
            assert not verdict.faults, verdict
            assert killer.done.total() > 1, "everything was done before anything was killed"


@pytest.mark.timeout(150)
async def test_order_and_once_only_hold_while_replicas_die_and_freeze() -> None:
    await order(people=300, replicas=3, slow_ms=200, seed=1, seconds_max=90)


@pytest.mark.timeout(90)
async def test_without_the_lanes_order_the_judge_sees_inversions() -> None:
    """The negative control: the same consumers, but with several messages of a lane in flight."""
    verdict = await without_order(people=60)
    assert verdict.inverted_in > 0, verdict
    assert verdict.inverted_out > 0, verdict


async def without_order(*, people: int) -> Verdict:
    """What the judge says when nothing keeps a lane's messages apart, and nobody is killed."""
    async with ConversationRig(replicas=3, environment={"TURNOUT_SLOW_MS": "50"}) as rig:
        code = await open_event(rig)
        async with Chats(rig.nats_url, code, people=people, messages=MESSAGES) as chats:
            for lane in CONVERSATION_INBOUND:
                info = await chats.jetstream.consumer_info(lane.stream, lane.name)
                config = info.config
                config.max_ack_pending = IN_FLIGHT_WITHOUT_ORDER
                await chats.jetstream.add_consumer(lane.stream, config)
            await chats.say_all(random.Random(1), copies_share=0.0)
            await chats.settled(60)
            return await judge_chats(chats)


@pytest.mark.long
async def test_long_conversation_order() -> None:
    await order(people=5_000, replicas=4, slow_ms=100, seed=2, seconds_max=3_000)
