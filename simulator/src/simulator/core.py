"""What both platforms share."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.faults import Faults
from simulator.files import Files
from simulator.ledger import Ledger
from simulator.people import PLATFORMS, People, Platform
from simulator.settings import Settings
from simulator.stats import PlatformStats


@dataclass
class Core:
    """The state of the simulated world."""

    settings: Settings
    rng: random.Random
    clock: Clock
    ledger: Ledger
    people: People
    files: Files
    faults: Faults
    stats: dict[Platform, PlatformStats]

    def reset(self) -> None:
        """Forget people, files, faults, counts and the ledger; time and webhooks stay."""
        self.people.clear()
        self.files.clear()
        self.faults.clear()
        self.ledger.clear()
        self.stats.update(_no_counts())


def create_core(settings: Settings) -> Core:
    """An empty world."""
    rng = random.Random(settings.seed if settings.seed is not None else time.time_ns())  # noqa: S311 - ids of a toy world
    clock = Clock(settings.clock_file, settings.state_file)
    return Core(
        settings=settings,
        rng=rng,
        clock=clock,
        ledger=Ledger(clock),
        people=People(rng),
        files=Files(rng),
        faults=Faults(rng),
        stats=_no_counts(),
    )


def _no_counts() -> dict[Platform, PlatformStats]:
    return {platform: PlatformStats() for platform in PLATFORMS}
