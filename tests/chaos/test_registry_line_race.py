"""Somebody gives a seat back while a hundred newcomers ask: it goes to the first in line."""

import os
import random
import sys
from uuid import UUID

import asyncpg
import pytest

from contracts import CancelRegistration
from devstack.rig import RegistryRig
from tests.chaos.registry_crowd import Crowd, person
from tests.chaos.registry_desk import Desk
from tests.chaos.registry_judge import judge_registry

SEATS, WAITING, NEWCOMERS = 5, 10, 100


async def race(*, processes: int, repeats: int, seed: int) -> None:
    """Run the race `repeats` times, each time at another event."""
    seed = int(os.environ.get("PROOF_SEED", seed))
    chance = random.Random(seed)
    async with (
        RegistryRig(processes=processes) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        lost = 0
        for repeat in range(1, repeats + 1):
            event_id = await desk.publishes(f"Race {repeat}", seats=SEATS)
            lost += not await first_in_line_wins(crowd, rig.database_url, event_id, chance)
            if repeat % 10 == 0 or repeat == repeats:
                sys.stdout.write(f"\n{repeat}/{repeats}: {lost} lost")
        verdict = await judge_registry(rig.nats_url, rig.database_url, crowd)
        sys.stdout.write(f"\nPROOF_SEED={seed}, {verdict.notes}\n")
        assert lost == 0
        assert not verdict.faults, verdict


async def first_in_line_wins(
    crowd: Crowd, database_url: str, event_id: UUID, chance: random.Random
) -> bool:
    """Whether the freed seat was offered to who waited longest, and to nobody else."""
    early = [crowd.claim(event_id, number) for number in range(SEATS + WAITING)]
    await crowd.send_all(early)
    await crowd.settled()
    told = [crowd.answer(one) for one in early]
    owner = next(n for n, one in enumerate(told) if one.kind == "seat-claimed")
    (first,) = (
        one.registration["id"]
        for one in told
        if one.kind == "waiting-listed" and one.registration["position"] == 1
    )
    racing = [crowd.claim(event_id, SEATS + WAITING + number) for number in range(NEWCOMERS)]
    cancel = crowd.make(
        CancelRegistration,
        "cancel",
        event_id=event_id,
        registration_id=UUID(told[owner].registration["id"]),
        address=person(owner),
    )
    await crowd.send_all(
        [*racing[: (place := chance.randrange(NEWCOMERS))], cancel, *racing[place:]]
    )
    await crowd.settled()
    connection = await asyncpg.connect(database_url)
    try:
        offered = await connection.fetch(
            "SELECT id FROM event_registrations WHERE event_id = $1 AND status = 'offered'",
            event_id,
        )
    finally:
        await connection.close()
    assert all(crowd.answer(one).kind == "waiting-listed" for one in racing)
    return [str(row["id"]) for row in offered] == [first]


@pytest.mark.timeout(60)
async def test_a_freed_seat_goes_to_the_first_in_line_and_not_to_the_fastest() -> None:
    await race(processes=2, repeats=5, seed=1)


@pytest.mark.long
async def test_long_line_race() -> None:
    await race(processes=2, repeats=100, seed=2)
