"""Answers of the platforms are lost, and notifiers die: nothing is lost, and hardly anything twice.

5 % of the messages are taken without a word. What WhatsApp tells later makes them known; Telegram
tells nothing: replies and confirmations come at most once more, and the rest never.
"""

import asyncio
import os
import random
import sys
from collections import Counter

import pytest

from tests.chaos.lost_answers import LostRig, Scene, Verdict, each_in_turn

SHARE = 0.05
GAP_SECONDS = (1.0, 2.5)
"""Between a notifier's return and the next one's death."""
QUIET_SECONDS_MAX = 240.0


async def story(
    *,
    people: int,
    rounds: int,
    deaths: int,
    replicas: int = 2,
    share: float = SHARE,
    broken: str = "",
) -> tuple[Verdict, int, Counter[str]]:
    """The verdict, how many answers were dropped, and what was counted as unknown."""
    seed = int(os.environ.get("PROOF_SEED", "1"))
    chance = random.Random(seed)
    environment = {"TURNOUT_BREAK": broken} if broken else {}
    async with (
        LostRig(replicas=replicas, environment=environment) as rig,
        Scene.on(rig, people) as scene,
    ):
        await scene.drop_answers(share)
        saying = asyncio.create_task(scene.say(rounds, chance))
        number = each_in_turn(replicas)
        for _ in range(deaths):
            await asyncio.sleep(chance.uniform(*GAP_SECONDS))
            dying = next(number)
            await scene.kill(dying)
            await rig.start(dying)
        await saying
        await scene.quiet(QUIET_SECONDS_MAX)
        verdict = await scene.judge()
        dropped, unknown = await scene.dropped(), await scene.unknown()
    sys.stdout.write(
        f"\nPROOF_SEED={seed}: {verdict.said.total()} messages, {dropped} answers dropped, "
        f"{deaths} deaths; unknown: {dict(unknown)}; twice: {dict(verdict.repeated)}; "
        f"told: {dict(verdict.told)}; faults: {verdict.faults}\n"
    )
    return verdict, dropped, unknown


@pytest.mark.timeout(300)
async def test_every_lost_answer_is_counted_and_repeats_only_what_may_be() -> None:
    verdict, dropped, unknown = await story(people=25, rounds=3, deaths=0)
    assert not verdict.faults, verdict
    assert dropped > 0
    assert unknown.total() == dropped, "each is in turnout_sends_unknown_total, once"
    assert all(unknown[outcome] for outcome in ("known-by-status", "sent-again", "given-up"))
    assert not {kind for kind in verdict.repeated if "whatsapp" in kind}, "statuses tell"


@pytest.mark.timeout(300)
async def test_nothing_is_lost_when_notifiers_die_beside() -> None:
    verdict, dropped, unknown = await story(people=25, rounds=3, deaths=3)
    assert not verdict.faults, verdict
    assert dropped > 0
    # What a notifier counted between our last look at it and its death is not known.
    assert unknown.total() + 3 >= verdict.admitted


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_without_a_ledger_broadcasts_come_twice() -> None:
    """The negative control."""
    verdict, _, _ = await story(people=10, rounds=2, deaths=0, share=0.2, broken="ledger")
    assert verdict.doubled["telegram bulk"] + verdict.doubled["whatsapp bulk"] > 0, verdict


@pytest.mark.long
async def test_notifier_unknown_outcomes_for_minutes() -> None:
    verdict, dropped, unknown = await story(people=150, rounds=10, deaths=25, replicas=3)
    assert not verdict.faults, verdict
    assert dropped > 100
    assert unknown.total() + 25 >= verdict.admitted
