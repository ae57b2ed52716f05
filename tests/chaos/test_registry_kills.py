"""Registry processes and PostgreSQL die at random points of a load; nothing is lost or doubled."""

import asyncio
import os
import random
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from contracts import AcceptOffer, CancelRegistration, TendEvents
from devstack.process import Failed
from devstack.rig import RegistryRig
from runtime.testing import eventually
from tests.chaos.registry_crowd import Crowd, person
from tests.chaos.registry_desk import Desk
from tests.chaos.registry_judge import judge_registry

CRASH_POINTS = ("registry.before-commit", "registry.after-commit", "registry.after-outcome")
CRASH_AT_MAX = 12
"""A planted crash is at most at this batch, or outcome, of its process."""
CRASH_SECONDS_MAX = 20.0
GAP_SECONDS = (0.05, 0.8)
EVENTS, SEATS, PEOPLE = 4, 20, 200
ACTORS = 48


class Visitors:
    """People who claim, accept, give back and claim again until they are told to stop."""

    def __init__(self, crowd: Crowd, events: list[UUID], chance: random.Random) -> None:
        self.crowd, self.events, self.chance = crowd, events, chance
        self.stopping = False

    async def run(self) -> None:
        """Every actor has people of its own, so that each person acts on what they heard."""
        shares = [range(actor, PEOPLE, ACTORS) for actor in range(ACTORS)]
        await asyncio.gather(*map(self._act, shares))

    async def _act(self, people: range) -> None:
        while not self.stopping:
            number, event_id = self.chance.choice(people), self.chance.choice(self.events)
            told = await self.crowd.ask(self.crowd.claim(event_id, number))
            if told.kind == "claim-refused":
                continue
            registration_id = UUID(told.registration["id"])
            if told.kind == "waiting-listed" and self.chance.random() < 0.5:
                # Perhaps a seat is offered by now; if not, the answer says so.
                await self.crowd.ask(
                    self.crowd.make(
                        AcceptOffer,
                        "accept",
                        event_id=event_id,
                        registration_id=registration_id,
                        address=person(number),
                    )
                )
            if self.chance.random() < 0.6:
                await self.crowd.ask(
                    self.crowd.make(
                        CancelRegistration,
                        "cancel",
                        event_id=event_id,
                        registration_id=registration_id,
                        address=person(number),
                    )
                )


@dataclass
class Killer:
    """Kills parts of a rig, each of them in every round, and has them back."""

    rig: RegistryRig
    chance: random.Random
    died: Counter[str] = field(default_factory=Counter)

    async def round(self) -> None:
        """Four deaths that overlap as it comes: PostgreSQL, a registry, and another one twice, the
        second time at a planted point.
        """
        one, other = self.chance.sample(range(1, len(self.rig.urls) + 1), 2)
        deaths = [self._postgres(), self._registry(one), self._registry_twice(other)]
        self.chance.shuffle(deaths)
        async with asyncio.TaskGroup() as together:
            for death in deaths:
                await self._gap()
                together.create_task(death)

    async def _gap(self) -> None:
        await asyncio.sleep(self.chance.uniform(*GAP_SECONDS))

    async def _postgres(self) -> None:
        await self.rig.kill_postgres()
        self.died["postgres"] += 1
        await self._gap()
        await self.rig.start_postgres()

    async def _registry(self, number: int) -> None:
        await self.rig.kill(number)
        self.died["registry"] += 1
        await self.rig.start(number)

    async def _registry_twice(self, number: int) -> None:
        point = self.chance.choice(CRASH_POINTS)
        nth = self.chance.randint(1, CRASH_AT_MAX)
        await self.rig.kill(number)
        self.died["registry"] += 1
        with suppress(Failed):  # it may die before it says that it is ready
            await self.rig.start(number, environment={"TURNOUT_CRASH_AT": f"{point}:{nth}"})
        await eventually(lambda: self.rig.pid(number) is None, CRASH_SECONDS_MAX)
        self.died[point] += 1
        await self.rig.start(number)


async def kills(*, processes: int, rounds: int, seed: int) -> None:
    """One run with four deaths in each round."""
    seed = int(os.environ.get("PROOF_SEED", seed))
    async with (
        RegistryRig(processes=processes) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        events = [await desk.publishes(f"Event {n}", seats=SEATS) for n in range(EVENTS)]
        visitors = Visitors(crowd, events, random.Random(seed))
        killer = Killer(rig, random.Random(seed))
        load = asyncio.create_task(visitors.run())
        for number in range(1, rounds + 1):
            await killer.round()
            assert not load.done(), "the load ended before the last death"
            sys.stdout.write(
                f"\n{number}/{rounds}: {killer.died.total()} deaths, {len(crowd.sent)} commands"
            )
        visitors.stopping = True
        await load
        # A freed seat whose next in line a batch had not read is the tick's.
        await crowd.send(crowd.make(TendEvents, "tick", due_at=crowd.now()))
        await crowd.settled()
        verdict = await judge_registry(rig.nats_url, rig.database_url, crowd)
        kinds = Counter(told[0].kind for told in crowd.told.values())
        sys.stdout.write(
            f"\nPROOF_SEED={seed}: {dict(killer.died)}\n{dict(kinds)}\n{verdict.notes}\n"
        )
        assert not verdict.faults, verdict


@pytest.mark.timeout(90)
async def test_nothing_is_lost_or_doubled_when_the_registry_and_its_database_die() -> None:
    await kills(processes=2, rounds=1, seed=1)


@pytest.mark.long
async def test_long_registry_kills() -> None:
    await kills(processes=4, rounds=13, seed=2)
