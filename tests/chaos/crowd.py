"""A crowd of scripted people who all want something at once."""

import asyncio
import random
from dataclasses import dataclass, field

from devstack.house import House
from tests.e2e.people import PLATFORMS, Person, Silence, Simulator, answered, whole_way

PATIENCE_SECONDS = 90.0
"""Longer than the slowest recovery of any part that is killed."""


@dataclass
class Outcome:
    """What one person saw."""

    person: Person
    ticket: bool = False
    in_line: bool = False
    silent: bool = False


@dataclass
class Crowd:
    """People on both platforms, each in a dialogue of their own."""

    house: House
    simulator: Simulator
    seed: int
    outcomes: list[Outcome] = field(default_factory=list)

    async def register(
        self, titles: list[str], people: int, at_once: int, *, in_one_breath: bool = False
    ) -> list[Outcome]:
        """Let `people` register, each for one of `titles`, `at_once` of them at a time.

        `in_one_breath`: everybody waits for everybody before the word that claims the seat.
        """
        everybody = asyncio.Barrier(people if in_one_breath else 1)
        chance = random.Random(self.seed)
        gate = asyncio.Semaphore(at_once)
        wishes = [chance.choice(titles) for _ in range(people)]

        async def one(number: int) -> None:
            async with gate:
                person = await self.simulator.person(
                    PLATFORMS[number % len(PLATFORMS)], name=f"Person {number}"
                )
                self.outcomes.append(await self._dialogue(person, wishes[number], everybody))

        await asyncio.gather(*(one(number) for number in range(people)))
        return self.outcomes

    async def _dialogue(self, person: Person, title: str, everybody: asyncio.Barrier) -> Outcome:
        outcome = Outcome(person)
        acts = whole_way(person, title)
        try:
            for act in acts:
                if act is acts[-1]:
                    await everybody.wait()
                heard, _ = await answered(
                    person, act, lambda: self.house.ready("registry"), PATIENCE_SECONDS
                )
                outcome.ticket = heard.document is not None
                outcome.in_line = heard.place_in_line is not None
        except Silence:
            outcome.silent = True
        return outcome
