"""People talk while a message goes out to a hundred thousand: they hardly notice, and it goes on.

The real chain, one process of each service, against a simulator that refuses the 31st message of a
second on Telegram and the 81st on WhatsApp. All 100,000 recipients are rows of the registry's. To
send to all of them takes more than half an hour at these rates, so the sending is shortened: when
the people have talked long enough, the organiser cancels it, and what is printed says how many had
got it. As many recipients have a phone as can be written to until then.
"""

import os
import statistics
import sys
import time
from asyncio import sleep, timeout
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from contracts import Platform
from devstack.house import House
from tests.chaos.broadcast_audience import WORDS, Verdict, an_event
from tests.chaos.broadcast_phones import Recipients, Taken, all_taken, by_message
from tests.chaos.broadcast_talk import WORDS_PER_SECOND, Talk
from tests.chaos.broadcast_used import processors_used
from tests.e2e.people import PLATFORMS, Simulator

LIMITS: dict[Platform, int] = {"telegram": 30, "whatsapp": 80}
"""Messages in any second; what the simulator enforces."""
OTHER_TITLE, OTHER_SEATS = "DjangoCon", 5_000
"""The event that people talk about, so that whoever wants a seat gets one."""
CANARY_SECONDS_MAX = 90.0
"""From the organiser's word until the first hundredth has gone well on both platforms."""
LOOK_SECONDS = 0.5
QUIET_SECONDS_MAX = 300.0
AHEAD_SECONDS_MAX = 60
"""So much sending may be under way when a message is cancelled (ADR 0023)."""
LATE_SECONDS_MAX = 5.0
"""A cancel is answered when it is written down; of who was handed over nobody else is sent to, but
for the calls that are just being made."""
SHARE_MIN = 0.1
"""Of the limit, that a message to many always has."""
P95_SECONDS_MAX, P99_SECONDS_MAX = 1.0, 3.0
"""What replies may take beside a broadcast."""
PACE_MIN = 0.9
"""Of the words that were to be said; who waits for an answer longer than they think says less."""


@dataclass(slots=True)
class Phase:
    """People talking for a while."""

    talk: Talk
    begins: float = 0.0
    """Unix seconds, as is the end."""
    ends: float = 0.0
    used: dict[str, float] = field(default_factory=dict)
    load: float = 0.0
    """The machine's, over the last minute of it."""

    async def run(self, house: House, seconds: float) -> None:
        """Talk so long."""
        self.begins = time.time()
        with processors_used(house, self.used):
            await self.talk.go_on(seconds)
        self.ends = time.time()
        self.load = os.getloadavg()[0]

    def describe(self, name: str, waits: Sequence[float]) -> str:
        """Everything in some lines."""
        took = self.ends - self.begins
        used = ", ".join(f"{part} {seconds / took:.2f}" for part, seconds in self.used.items())
        return (
            f"{name}: {len(waits)} answers in {took:.0f} s, p50/p95/p99/slowest {in_words(waits)}, "
            f"{self.talk.promised} of them promised first\n"
            f"    load {self.load:.1f}; processors used: {used}\n"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of one message to many."""

    verdict: Verdict
    waits: Sequence[float]
    """For the answers beside it."""
    shares: Mapping[Platform, float]
    """Of the limit, that it had while people talked."""
    on_the_way: int
    """Handed over and without a result when the cancel was answered."""
    late: Sequence[float]
    """Those that were taken after that, in seconds from then."""


async def broadcast(
    people: int,
    *,
    seconds: float,
    phones: Mapping[Platform, int],
    alone: bool = True,
    broken: str = "",
) -> Found:
    """Seats and phones, a talk without the message and one with it, and the cancel.

    Args:
        people: who gets the message.
        seconds: how long each talk is.
        phones: of how many people on each platform.
        alone: whether there is a talk without the message.
        broken: the guarantee that is switched off.
    """
    environment = {"PROOF_BY_EMAIL": "false"} | ({"TURNOUT_BREAK": broken} if broken else {})
    async with (
        House(environment=environment) as house,
        httpx.AsyncClient(base_url=house.simulator, timeout=60) as simulator,
        httpx.AsyncClient(base_url=house.registry, timeout=60, headers=house.admin) as desk,
    ):
        event = await _asks(desk, "/api/events", an_event(people))
        await _asks(desk, "/api/events", an_event(OTHER_SEATS) | {"title": OTHER_TITLE})
        recipients = Recipients(simulator, house.database_url)
        await recipients.take_seats(UUID(event["id"]), people)
        await recipients.open_phones(UUID(event["id"]), phones)
        before, beside = (Phase(Talk(Simulator(simulator), OTHER_TITLE)) for _ in range(2))
        if alone:
            await before.run(house, seconds)
        body = {"audience": "confirmed", "text": WORDS}
        written = await _asks(desk, f"/api/events/{event['id']}/messages", body)
        path = f"/api/messages/{written['id']}"
        await _until_the_canaries_are_over(desk, path)
        await beside.run(house, seconds)
        cancelled = await _asks(desk, f"{path}/cancel")
        cancelled_at = time.time()
        await house.quiet(QUIET_SECONDS_MAX)
        taken = await all_taken(simulator)
        states = await recipients.states(UUID(written["id"]))
        stats = (await simulator.get("/sim/stats")).json()
    assert cancelled["status"] == "cancelled", cancelled
    got = recipients.got(taken)
    found = Found(
        verdict=Verdict.on(
            {" ".join(person): status for person, status in states.items()},
            Counter(f"{one.platform} {one.person}" for one in got),
        ),
        waits=_waits(beside, taken),
        shares={platform: _share(got, platform, beside) for platform in PLATFORMS},
        on_the_way=cancelled["progress"]["on_the_way"],
        late=[one.at - cancelled_at for one in got if one.at > cancelled_at],
    )
    sys.stdout.write(
        f"\n{WORDS_PER_SECOND} words a second on each platform\n"
        + (before.describe("without the message", _waits(before, taken)) if alone else "")
        + beside.describe("beside the message", found.waits)
        + "".join(f"    {one}: {in_words(_waits(beside, taken, one))}\n" for one in PLATFORMS)
        + f"sent to {len(got):,} of {people:,}: cancelled after {seconds:.0f} s of talk; "
        f"{found.on_the_way} were on the way, {len(found.late)} of them were sent "
        f"within {max(found.late, default=0):.1f} s; {dict(found.verdict.states)}\n"
        + "".join(
            f"    {one}: it had {found.shares[one]:.0%} of the limit; {stats[one]['over_limit']} "
            f"refused as too fast, most in any second {stats[one]['peak_per_second']}\n"
            for one in PLATFORMS
        )
    )
    return found


async def _asks(desk: httpx.AsyncClient, path: str, body: object = None) -> dict[str, Any]:
    answer: dict[str, Any] = (await desk.post(path, json=body)).raise_for_status().json()
    return answer


async def _until_the_canaries_are_over(desk: httpx.AsyncClient, path: str) -> None:
    async with timeout(CANARY_SECONDS_MAX):
        while True:
            seen = (await desk.get(path)).json()
            assert seen.get("status", "running") == "running", seen
            lanes = seen.get("platforms", [])
            if lanes and all(lane["handed_over"] > lane["canary"] for lane in lanes):
                return
            await sleep(LOOK_SECONDS)


def _waits(phase: Phase, taken: Sequence[Taken], platform: str = "") -> list[float]:
    times = by_message(taken)
    return [word.waited(times) for word in phase.talk.words if word.person[0].startswith(platform)]


def _share(got: Sequence[Taken], platform: Platform, phase: Phase) -> float:
    sent = sum(one.platform == platform and phase.begins <= one.at < phase.ends for one in got)
    return sent / (phase.ends - phase.begins) / LIMITS[platform]


def percentiles(waits: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99."""
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


def in_words(waits: Sequence[float]) -> str:
    """p50, p95, p99 and the slowest."""
    return "/".join(f"{cut * 1000:.0f}" for cut in (*percentiles(waits), max(waits))) + " ms"


def judge(found: Found) -> list[str]:
    """What must not be, whatever the machine is busy with."""
    faults = [*found.verdict.faults, *(f"{one} has it twice" for one in found.verdict.twice)]
    faults += [
        f"{platform} sent it at {share:.0%} of the limit"
        for platform, share in found.shares.items()
        if share < SHARE_MIN
    ]
    if failed := found.verdict.states["failed"] + found.verdict.states["unknown"]:
        faults.append(f"{failed} could not be written to")
    ahead_max = AHEAD_SECONDS_MAX * sum(LIMITS.values())
    if not len(found.late) <= found.on_the_way <= ahead_max:
        faults.append(f"cancelled with {found.on_the_way} on the way, {len(found.late)} were sent")
    if max(found.late, default=0.0) > LATE_SECONDS_MAX:
        faults.append(f"still sent {max(found.late):.1f} s after it was cancelled")
    if min(found.waits) < 0:
        faults.append("an answer came before its word")
    return faults


@pytest.mark.timeout(1200)
@pytest.mark.long
async def test_long_broadcast_beside_dialogues() -> None:
    people = int(os.environ.get("PROOF_PEOPLE", "100000"))
    seconds = float(os.environ.get("PROOF_SECONDS", "80"))
    reached = seconds + CANARY_SECONDS_MAX
    phones = {one: min(people // 2, int(limit * reached)) for one, limit in LIMITS.items()}
    found = await broadcast(people, seconds=seconds, phones=phones)
    assert judge(found) == []
    assert len(found.waits) >= PACE_MIN * seconds * WORDS_PER_SECOND * len(PLATFORMS)
    _, p95, p99 = percentiles(found.waits)
    assert p95 <= P95_SECONDS_MAX
    assert p99 <= P99_SECONDS_MAX


@pytest.mark.timeout(600)
@pytest.mark.long
async def test_long_broadcast_beside_dialogues_without_versions_a_cancel_stops_too_little() -> None:
    phones: dict[Platform, int] = {"telegram": 1_000, "whatsapp": 1_000}
    found = await broadcast(2_000, seconds=8, phones=phones, alone=False, broken="versions")
    assert any("after it was cancelled" in fault for fault in judge(found)), found


def test_the_judge_sees_what_is_sent_after_a_cancel_or_hardly_at_all() -> None:
    good = Found(
        verdict=Verdict.on({"telegram 1": "accepted"}, {"telegram 1": 1}),
        waits=[0.1, 0.2],
        shares={"telegram": 0.9, "whatsapp": 0.1},
        on_the_way=2,
        late=[0.1, 0.2],
    )
    assert judge(good) == []
    for bad in (
        replace(good, verdict=Verdict.on({"telegram 1": "accepted"}, {"telegram 1": 2})),
        replace(good, verdict=Verdict.on({"telegram 1": "failed"}, {})),
        replace(good, waits=[-0.1, 0.2]),
        replace(good, shares={"telegram": 0.9, "whatsapp": 0.09}),
        replace(good, late=[0.1, 0.2, 0.3]),
        replace(good, late=[0.1, 20.0]),
        replace(good, on_the_way=10_000),
    ):
        assert len(judge(bad)) == 1, bad
