"""Notifiers die and are started again while all of them share two accounts at their limits.

What the platforms allow is counted by the platforms: nothing is refused as too fast, and
every message has one result; only of what was under way at a death it is not known.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from devstack.notifier_rig import NotifierRig
from tests.chaos.notifier_outbox import Outbox

LIMITS = {"telegram": 30, "whatsapp": 80}
SETTINGS = {
    "TELEGRAM_PER_SECOND": str(LIMITS["telegram"]),
    "WHATSAPP_PER_SECOND": str(LIMITS["whatsapp"]),
}
UNTOLD = {"WHATSAPP_CALLBACK_URL": ""}
PATIENCE_SECONDS = 120.0
"""For what is left when the last one was started again."""


@dataclass
class Deaths:
    """One notifier after the other is killed and started again, never two at a time."""

    rig: NotifierRig
    replicas: int
    seed: int = 6
    count: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    async def run(self, deaths: int, gap_seconds: tuple[float, float]) -> None:
        """So many deaths."""
        for _ in range(deaths):
            await asyncio.sleep(self.chance.uniform(*gap_seconds))
            number = self.count % self.replicas + 1
            self.count += 1
            await self.rig.kill(number)
            await self.rig.start(number)


async def storm(*, replicas: int, deaths: int, seconds: float) -> None:
    """Both accounts for so many seconds at their limits, with so many deaths."""
    async with (
        NotifierRig(replicas=replicas, environment=SETTINGS, platforms=UNTOLD) as rig,
        Outbox(rig.nats_url, rig.simulator_url) as outbox,
    ):
        sent = Counter[str]()
        for platform in ("telegram", "whatsapp"):
            count = int(LIMITS[platform] * seconds)
            people = await outbox.people(platform, count)
            await outbox.put(people, count, "bulk")
            sent[platform] = count
        await Deaths(rig, replicas).run(deaths, (seconds / deaths / 3, seconds / deaths / 2))
        await outbox.empty(PATIENCE_SECONDS + seconds)
        stats, calls, results = (
            await outbox.stats(),
            await outbox.calls(),
            await outbox.results(),
        )
    for platform, limit in LIMITS.items():
        seen = stats[platform]
        assert seen["over_limit"] == 0, f"{platform} refused as too fast"
        assert seen["peak_per_second"] <= limit
        told = Counter(report.status for report in results if report.platform == platform)
        heard = Counter(call.text for call in calls if call.accepted and call.platform == platform)
        assert told.keys() <= {"accepted", "unknown"}, told
        assert told.total() == sent[platform], "every message has one result"
        # A broadcast's message whose answer died with its notifier is not sent again.
        assert heard.total() == len(heard), "nobody heard anything twice"
        assert told["accepted"] <= len(heard) <= sent[platform]


async def test_dying_notifiers_never_break_a_limit() -> None:
    await storm(replicas=2, deaths=2, seconds=12)


@pytest.mark.long
async def test_notifier_limits_hold_through_many_deaths() -> None:
    await storm(replicas=4, deaths=16, seconds=120)


async def test_without_permits_the_platforms_would_refuse() -> None:
    """The negative control: the platforms are strict."""
    async with (
        NotifierRig(
            replicas=1, environment={**SETTINGS, "TURNOUT_BREAK": "permits"}, platforms=UNTOLD
        ) as rig,
        Outbox(rig.nats_url, rig.simulator_url) as outbox,
    ):
        people = await outbox.people("telegram", 3 * LIMITS["telegram"])
        await outbox.put(people, len(people), "reply")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await outbox.stats())["telegram"]["over_limit"] == 0:
                await asyncio.sleep(0.2)
