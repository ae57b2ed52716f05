"""Thousands want the last seats of one event at once, and no seat is given away twice."""

import sys
import time
from collections import Counter
from uuid import UUID

import asyncpg
import pytest

from contracts import ClaimSeat
from devstack.rig import RegistryRig
from tests.chaos.registry_crowd import Crowd
from tests.chaos.registry_desk import Desk
from tests.chaos.registry_judge import RegistryVerdict, judge_registry

LATER_SECONDS_MAX = 180.0
LINE = """
SELECT id FROM event_registrations WHERE event_id = $1 AND status = 'waiting'
ORDER BY priority DESC, queue_number
"""


async def rush(*, people: int, seats: int, processes: int, repeats: int) -> None:
    """Let everybody claim at once, `repeats` times, each time for another event."""
    async with (
        RegistryRig(processes=processes) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        for repeat in range(1, repeats + 1):
            event_id = await desk.publishes(f"Rush {repeat}", seats=seats)
            started = time.perf_counter()
            claims = await claim(crowd, event_id, people)
            kinds = Counter(crowd.answer(one).kind for one in claims)
            seconds = time.perf_counter() - started
            sys.stdout.write(
                f"\n{repeat}/{repeats}: {people} people, {seats} seats, {processes} processes: "
                f"{dict(kinds)}, {seconds:.1f} s"
            )
            assert kinds.pop("seat-claimed") == seats
            assert kinds.total() == people - seats
            assert kinds.keys() <= {"waiting-listed", "claim-refused"}, kinds
            await assert_places(crowd, rig.database_url, event_id, claims)
        verdict = await judge_registry(rig.nats_url, rig.database_url, crowd)
        sys.stdout.write(f"\n{verdict.notes}\n")
        assert not verdict.faults, verdict


async def claim(crowd: Crowd, event_id: UUID, people: int) -> list[ClaimSeat]:
    """Everybody claims, and is answered."""
    claims = [crowd.claim(event_id, number) for number in range(people)]
    await crowd.send_all(claims)
    await crowd.settled(LATER_SECONDS_MAX)
    return claims


async def assert_places(
    crowd: Crowd, database_url: str, event_id: UUID, claims: list[ClaimSeat]
) -> None:
    """Each place in line was told to exactly one person, and the line stands in that order."""
    told = {
        crowd.answer(one).registration["position"]: crowd.answer(one).registration["id"]
        for one in claims
        if crowd.answer(one).kind == "waiting-listed"
    }
    connection = await asyncpg.connect(database_url)
    try:
        line = await connection.fetch(LINE, event_id)
    finally:
        await connection.close()
    assert [told.get(place) for place in range(1, len(line) + 1)] == [str(r["id"]) for r in line]


@pytest.mark.timeout(60)
async def test_a_rush_fills_exactly_the_seats_there_are() -> None:
    await rush(people=400, seats=20, processes=2, repeats=2)


@pytest.mark.timeout(60)
async def test_without_the_row_lock_the_same_rush_oversells() -> None:
    """The negative control: the judge must see what the lock is worth."""
    async with (
        RegistryRig(processes=2, environment={"TURNOUT_BREAK": "row-lock"}) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        event_id = await desk.publishes("Rush", seats=20)
        await claim(crowd, event_id, 200)
        verdict: RegistryVerdict = await judge_registry(rig.nats_url, rig.database_url, crowd)
        assert verdict.oversold > 0, verdict


@pytest.mark.long
async def test_long_oversell() -> None:
    await rush(people=2000, seats=100, processes=4, repeats=20)
