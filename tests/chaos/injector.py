"""Kills parts of a running house by plan, the same plan for the same seed."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from devstack.house import House

PARTS = ("gateway", "conversation", "registry", "notifier", "scheduler", "nats", "postgres")


@dataclass
class Injector:
    """Kills one part after the other until it is told to stop."""

    house: House
    seed: int
    replicas: Mapping[str, int] = field(default_factory=dict)
    """How many there are of a part; one where nothing is said."""
    kills: list[str] = field(default_factory=list)

    async def run(self, kills_max: int, gap_seconds: tuple[float, float]) -> None:
        """Kill a random part, wait until it is back, wait a random gap, and so on.

        Every part has its turn before any has its second.
        """
        chance = random.Random(self.seed)
        plan: list[str] = []
        while len(plan) < kills_max:
            plan += chance.sample(PARTS, len(PARTS))
        for part in plan[:kills_max]:
            await asyncio.sleep(chance.uniform(*gap_seconds))
            replica = chance.randint(1, self.replicas.get(part, 1))
            await self.house.kill(part, replica)
            self.kills.append(part)
            await self.house.ready(part, replica)

    async def recovered(self) -> None:
        """Wait until every part is back."""
        for part in PARTS:
            for replica in range(1, self.replicas.get(part, 1) + 1):
                await self.house.ready(part, replica)
