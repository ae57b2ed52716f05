"""The broker is away while people write: the platforms are the queue, and nothing is lost."""

import asyncio
import os
import random
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest

from contracts.address import Platform
from contracts.topology import PLATFORMS
from devstack.gateway_rig import GatewayRig
from devstack.scan import leaks, secrets_of
from tests.chaos.gateway_judge import Verdict, judge_gateway
from tests.chaos.gateway_storm import Attempt, Memory, Storm, outcomes, refused

RECOVERY_SECONDS_MAX = 5.0
BACKLOG_SECONDS_MAX = 30.0
RETRY_AFTER_SECONDS = 2.0
"""What each 503 asks for."""
MEMORY_MEBIBYTES_MAX = 120.0
"""Issue 5's limit for one gateway, with a storm before its door."""
HELD_MEBIBYTES_MAX = 200.0
"""With thousands of webhooks that wait for the broker."""
QUICK_RETRIES = "0,1,2,4,8,16,32"
"""WhatsApp's waits in the short forms; Meta does not publish the real ones."""
WITHOUT_A_CAP = "6144"
"""Posts that the simulator's WhatsApp makes at once in the long form: more than it ever has to, for
what waits for a connection there is not refused, and would flatter us."""
FILES = 16_384


@dataclass
class Outage:
    """What a run showed."""

    verdict: Verdict
    attempts: list[Attempt]
    said: int
    returned_at: float
    """Unix seconds: the broker's streams could be used again."""
    away_seconds: float
    """From the order to stop until then."""
    said_before_return: set[int]
    peak_mebibytes: float
    leaked: list[str]

    def first_taken(self) -> float:
        """Seconds from the broker's return to the first 200."""
        taken = (a.at for a in self.attempts if a.outcome == "200" and a.at > self.returned_at)
        return min(taken, default=float("inf")) - self.returned_at

    def refused_late(self) -> int:
        """POSTs that were still refused when the gateway had to be back."""
        back = self.returned_at + RECOVERY_SECONDS_MAX
        return sum(one.outcome != "200" and one.at > back for one in self.attempts)

    def backlog_gone(self, platform: Platform) -> float:
        """Seconds from the broker's return until all that was said before it was in."""
        taken = [
            one.at
            for one in self.attempts
            if one.platform == platform
            and one.outcome == "200"
            and one.n in self.said_before_return
        ]
        return max(taken, default=0.0) - self.returned_at

    def late(self, platform: Platform) -> int:
        """Messages said before the return that came in later than the backlog may take."""
        due = self.returned_at + BACKLOG_SECONDS_MAX
        return sum(
            one.at > due
            for one in self.attempts
            if one.platform == platform
            and one.outcome == "200"
            and one.n in self.said_before_return
        )

    def retried(self) -> bool:
        """Whether each message that was refused was taken later."""
        last = {one.n: one.outcome for one in self.attempts}
        return all(last[n] == "200" for n in refused(self.attempts))

    def hurried(self) -> int:
        """Telegram's retries that came before the time that the gateway asked for: each 503 must
        say one, or Telegram comes again at once.
        """
        answered: dict[int, list[float]] = defaultdict(list)
        for one in self.attempts:
            if one.platform == "telegram":
                answered[one.n].append(one.at)
        return sum(
            b - a < RETRY_AFTER_SECONDS for times in answered.values() for a, b in pairwise(times)
        )

    def __str__(self) -> str:
        gone = ", ".join(
            f"{p} {self.backlog_gone(p):.1f} s ({self.late(p)} later than "
            f"{BACKLOG_SECONDS_MAX:.0f} s)"
            for p in PLATFORMS
        )
        counts = {p: dict(c) for p, c in outcomes(self.attempts).items()}
        return (
            f"{self.said} said, {len(self.said_before_return)} of them before the return, "
            f"{self.away_seconds:.1f} s after the stop; answers {counts}; "
            f"{len(refused(self.attempts))} refused at least once; "
            f"first 200 after {self.first_taken():.2f} s; backlog gone after {gone}; "
            f"{self.refused_late()} refused later than {RECOVERY_SECONDS_MAX:.0f} s; "
            f"at most {self.peak_mebibytes:.0f} MiB; "
            f"{self.verdict}; load {os.getloadavg()[0]:.1f}"
        )


async def outage(
    *,
    per_second: float,
    seconds: float,
    people: int,
    after_seconds: float,
    settle_seconds_max: float,
    hold_seconds: float | None = None,
    platforms: Mapping[str, str] | None = None,
    guarantee_broken: str | None = None,
) -> Outage:
    """People write before, during and after an outage of `seconds`."""
    seed = int(os.environ.get("PROOF_SEED", "1"))
    environment = {"LOG_LEVEL": "debug"}
    if guarantee_broken:
        environment["TURNOUT_BREAK"] = guarantee_broken
    if hold_seconds is not None:
        environment["WEBHOOK_HOLD_SECONDS"] = str(hold_seconds)
    async with (
        GatewayRig(environment=environment, platforms=platforms or {}) as rig,
        Storm(rig, people, random.Random(seed)) as storm,
        Memory(rig) as memory,
    ):
        before = 2.0
        raging = asyncio.create_task(
            storm.rage(per_second=per_second, seconds=before + seconds + after_seconds)
        )
        await asyncio.sleep(before)  # the load's own time, not a wait for a fact
        stopped_at = time.monotonic()
        await rig.stop_nats()
        # From the moment on which it was told to stop: it lets go of its clients at once.
        await asyncio.sleep(stopped_at + seconds - time.monotonic())
        said_before_return = {one.n for one in storm.said}
        await rig.start_nats()
        returned_at = time.time()
        away_seconds = time.monotonic() - stopped_at
        await raging
        await storm.delivered(settle_seconds_max)
        return Outage(
            verdict=await judge_gateway(rig.nats_url, storm.said),
            attempts=await storm.attempts(),
            said=len(storm.said),
            returned_at=returned_at,
            away_seconds=away_seconds,
            said_before_return=said_before_return,
            peak_mebibytes=memory.peak_mebibytes,
            leaked=leaks(rig.logs, secrets_of(rig.values) | storm.words),
        )


def check(run: Outage, *, mebibytes_max: float = MEMORY_MEBIBYTES_MAX) -> None:
    """What holds for every length of outage."""
    sys.stdout.write(f"\n{run}\n")
    assert not run.verdict.faults, run
    # On a machine that has no time, WhatsApp hangs up in the last second before it is answered.
    assert {one.outcome for one in run.attempts} <= {"200", "503", "no answer"}, run
    assert run.retried(), run
    assert run.hurried() == 0, run
    assert run.first_taken() < RECOVERY_SECONDS_MAX, run
    assert run.refused_late() == 0, run
    for platform in PLATFORMS:
        assert run.backlog_gone(platform) < BACKLOG_SECONDS_MAX, run
    assert run.peak_mebibytes < mebibytes_max, run
    assert not run.leaked, run.leaked[:20]


@pytest.mark.timeout(150)
async def test_nothing_is_lost_or_doubled_while_the_broker_is_away() -> None:
    """Longer than webhooks wait for it: the platforms are refused, and bring everything again."""
    run = await outage(
        per_second=50,
        seconds=10,
        people=100,
        hold_seconds=2,
        platforms={"WHATSAPP_RETRY_SECONDS": QUICK_RETRIES},
        after_seconds=5,
        settle_seconds_max=25,
    )
    check(run)
    assert refused(run.attempts), "nothing was refused: there was no outage"


@pytest.mark.timeout(150)
async def test_a_short_outage_is_nobodys_business() -> None:
    """Shorter than webhooks wait: no platform is refused anything, nor ever brings it again."""
    run = await outage(
        per_second=50,
        seconds=8,
        people=1_000,
        platforms={"WHATSAPP_WEBHOOK_CONNECTIONS": WITHOUT_A_CAP},
        after_seconds=3,
        settle_seconds_max=25,
    )
    check(run)
    assert not refused(run.attempts), run
    assert len(run.said_before_return) > 400, "hardly anything was said in the outage"


@pytest.mark.timeout(120)
async def test_answering_before_the_ack_loses_what_people_say() -> None:
    """The negative control: the same outage, and a gateway that says 200 all the same."""
    run = await outage(
        per_second=50,
        seconds=4,
        people=50,
        platforms={"WHATSAPP_RETRY_SECONDS": QUICK_RETRIES},
        after_seconds=1,
        settle_seconds_max=20,
        guarantee_broken="ack",
    )
    assert run.verdict.lost > 0, run


@pytest.mark.long
async def test_long_gateway_outage() -> None:
    """A minute at 200 webhooks a second. WhatsApp's waits are the simulator's own, 0, 5, 30 and 120
    seconds; it posts without a cap, and nobody but who says three things in a row waits for an
    earlier message of the same person: each webhook is tried as often as the plan lets it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # For the simulator, which has a connection for each webhook that waits.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    run = await outage(
        per_second=200,
        seconds=60,
        people=6_000,
        platforms={"WHATSAPP_WEBHOOK_CONNECTIONS": WITHOUT_A_CAP},
        after_seconds=10,
        settle_seconds_max=160,
    )
    check(run, mebibytes_max=HELD_MEBIBYTES_MAX)
    assert refused(run.attempts), "nothing was refused: there was no outage"
