"""A crowd registers while parts die; afterwards an independent judge compares all records."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from devstack.house import House
from tests.chaos.crowd import Crowd
from tests.chaos.injector import Injector
from tests.chaos.judge import judge, seen_by
from tests.e2e.people import Organiser, Simulator

UNPROVEN = {"PROOF_BY_EMAIL": "false"}
"""A seat at the last tap: the crowd is about the registry, not about mail."""


async def chaos(
    home: Path,
    *,
    people: int,
    at_once: int,
    kills: int,
    seed: int,
    replicas: Mapping[str, int] | None = None,
) -> None:
    """One run; fails with the judge's verdict, and pytest keeps `home` with all logs then."""
    async with (
        House(replicas=replicas, home=home, environment=UNPROVEN) as house,
        httpx.AsyncClient(base_url=house.simulator, timeout=30) as phones,
        httpx.AsyncClient(base_url=house.registry, headers=house.admin, timeout=30) as desk,
    ):
        simulator = Simulator(phones)
        organiser = Organiser(desk, simulator)
        # Room for two thirds, so that the waiting list is met under fire as well.
        events = [
            await organiser.publishes(title, seats=max(1, people // 6))
            for title in ("Alpha", "Beta", "Gamma", "Delta")
        ]
        crowd, injector = Crowd(house, simulator, seed), Injector(house, seed, replicas or {})
        killing = asyncio.create_task(injector.run(kills, gap_seconds=(0.2, 1.5)))
        outcomes = await crowd.register([event["title"] for event in events], people, at_once)
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
        await injector.recovered()
        await house.quiet()
        verdict = await judge(house, outcomes, events)
        sys.stdout.write(f"\nkills: {injector.kills}\nends: {dict(seen_by(outcomes))}\n{verdict}\n")
        silent = [f"{one.person.platform} {one.person.id}" for one in outcomes if one.silent]
        assert not verdict.faults, f"silent: {silent}; logs in {home}"
        assert injector.kills, "the crowd was done before anything was killed"


@pytest.mark.timeout(300)
async def test_a_crowd_loses_nothing_while_every_part_dies(tmp_path: Path) -> None:
    await chaos(tmp_path, people=40, at_once=10, kills=7, seed=1)


@pytest.mark.timeout(300)
async def test_the_judge_sees_seats_that_were_given_away_twice() -> None:
    """The negative control: without the row lock, such a crowd must be found guilty.

    Over several processes and one command at a time: one process takes an event's commands
    together, and so in order, lock or no lock.
    """
    broken = UNPROVEN | {"TURNOUT_BREAK": "row-lock", "COMMANDS_PER_BATCH_MAX": "1"}
    async with (
        House(environment=broken, replicas={"registry": 4}) as house,
        httpx.AsyncClient(base_url=house.simulator, timeout=30) as phones,
        httpx.AsyncClient(base_url=house.registry, headers=house.admin, timeout=30) as desk,
    ):
        simulator = Simulator(phones)
        event = await Organiser(desk, simulator).publishes("Gold", seats=12)
        crowd = Crowd(house, simulator, seed=3)
        outcomes = await crowd.register(["Gold"], people=24, at_once=24, in_one_breath=True)
        await house.quiet()
        verdict = await judge(house, outcomes, [event])
        assert verdict.oversold + verdict.tickets_without_a_seat > 0, verdict


@pytest.mark.long
async def test_long_crowd(tmp_path: Path) -> None:
    twice = dict.fromkeys(("conversation", "registry", "notifier", "scheduler"), 2)
    await chaos(tmp_path, people=1000, at_once=25, kills=100, seed=2, replicas=twice)
