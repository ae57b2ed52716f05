"""Gateways die at the worst moments while people write; the platforms try again, once is stored."""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from devstack.gateway_rig import GatewayRig
from devstack.process import Failed
from devstack.scan import leaks, secrets_of
from tests.chaos.gateway_judge import Verdict, judge_gateway
from tests.chaos.gateway_storm import Attempt, Storm, outcomes

BEFORE, AFTER = "gateway.before-publish", "gateway.after-publish"
PLANTED_AT_MAX = 40
LIFE_SECONDS = (0.5, 2.0)
"""What a gateway has before it is killed at random."""
DEATH_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05
RAGE_SECONDS_MAX = 1200.0
SETTLE_SECONDS_MAX = 150.0
"""Telegram's own waits double with each failure, to 64 s and more."""
RETRIES = "0,1,2,4" + ",8" * 200
"""WhatsApp's waits here: a gateway that is dead most of the time is met dead many times."""


async def deaths(
    plan: Sequence[str], *, per_second: float, people: int, guarantee_broken: str = ""
) -> tuple[Verdict, list[Attempt], list[str]]:
    """People write until every death of the plan was died; what the judge says, and the logs."""
    seed = int(os.environ.get("PROOF_SEED", "1"))
    chance = random.Random(seed)
    environment = {"LOG_LEVEL": "debug"}
    if guarantee_broken:
        environment["TURNOUT_BREAK"] = guarantee_broken
    async with (
        GatewayRig(environment=environment, platforms={"WHATSAPP_RETRY_SECONDS": RETRIES}) as rig,
        Storm(rig, people, random.Random(seed)) as storm,
    ):
        raging = asyncio.create_task(storm.rage(per_second=per_second, seconds=RAGE_SECONDS_MAX))
        for death in plan:
            await _die(rig, death, chance)
            await rig.start()
        storm.is_over = True
        await raging
        await storm.delivered(SETTLE_SECONDS_MAX)
        attempts = await storm.attempts()
        verdict = await judge_gateway(rig.nats_url, storm.said)
        leaked = leaks(rig.logs, secrets_of(rig.values) | storm.words)
        sys.stdout.write(
            f"\nPROOF_SEED={seed}: {len(storm.said)} said, {dict(Counter(plan))}; "
            f"{ {p: dict(c) for p, c in outcomes(attempts).items()} }; {verdict}\n"
        )
        return verdict, attempts, leaked


async def _die(rig: GatewayRig, death: str, chance: random.Random) -> None:
    if death == "kill":
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        await rig.kill()
        return
    await rig.kill()
    nth = chance.randint(1, PLANTED_AT_MAX)
    try:
        await rig.start(environment={"TURNOUT_CRASH_AT": f"{death}:{nth}"})
    except Failed:
        return  # it died before it was seen to be ready
    deadline = asyncio.get_running_loop().time() + DEATH_SECONDS_MAX
    while rig.alive():
        assert asyncio.get_running_loop().time() < deadline, f"it does not die at {death}"
        await asyncio.sleep(POLL_SECONDS)


@pytest.mark.timeout(120)
async def test_nothing_is_lost_or_doubled_when_a_gateway_dies() -> None:
    plan = ["kill", AFTER, BEFORE, "kill", AFTER, "kill"]
    verdict, attempts, leaked = await deaths(plan, per_second=60, people=60)
    assert not verdict.faults, verdict
    assert any(one.outcome == "no answer" for one in attempts), "nothing was in its hands"
    assert not leaked, leaked[:20]


@pytest.mark.timeout(120)
async def test_without_a_message_id_a_death_after_the_publish_is_seen_as_a_double() -> None:
    """The negative control: what was stored and not answered is posted again."""
    verdict, _, _ = await deaths(
        [AFTER, AFTER], per_second=40, people=30, guarantee_broken="message-id"
    )
    assert verdict.doubled > 0, verdict


@pytest.mark.long
async def test_long_gateway_kills() -> None:
    plan = random.Random(3).choices(["kill", BEFORE, AFTER], k=30)
    verdict, _, leaked = await deaths(plan, per_second=100, people=300)
    assert not verdict.faults, verdict
    assert not leaked, leaked[:20]
