"""The same command ten times, in parallel and out of order: it happens once."""

import random

import asyncpg
import pytest

from contracts import CancelRegistration, Command
from devstack.rig import RegistryRig
from tests.chaos.registry_crowd import Crowd, person
from tests.chaos.registry_desk import Desk
from tests.chaos.registry_judge import judge_registry

PEOPLE, COPIES = 60, 10


async def send_copies(crowd: Crowd, commands: list[Command], chance: random.Random) -> None:
    """Publish each command ten times, as different messages of the stream, in any order."""
    copies = commands * COPIES
    chance.shuffle(copies)
    await crowd.send_all(copies, as_copies=True)
    await crowd.settled()


@pytest.mark.timeout(60)
async def test_a_command_that_comes_ten_times_happens_once_and_is_answered_once() -> None:
    chance = random.Random(1)
    async with (
        RegistryRig(processes=3) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        event_id = await desk.publishes("Echo", seats=PEOPLE // 2)
        claims = [crowd.claim(event_id, number) for number in range(PEOPLE)]
        await send_copies(crowd, list(claims), chance)
        seats = [one for one in claims if crowd.answer(one).kind == "seat-claimed"]
        assert len(seats) == PEOPLE // 2
        # A claim that comes again after its seat was given back must not take another.
        cancels = [
            crowd.make(
                CancelRegistration,
                "cancel",
                event_id=event_id,
                registration_id=crowd.answer(one).registration["id"],
                address=one.address,
            )
            for one in seats[: PEOPLE // 4]
        ]
        await send_copies(crowd, [*cancels, *claims], chance)
        verdict = await judge_registry(rig.nats_url, rig.database_url, crowd)
        assert not verdict.faults, verdict
        assert len(crowd.told) == len(claims) + len(cancels)
        assert crowd.said.total() > len(crowd.told), "nothing was repeated"
        connection = await asyncpg.connect(rig.database_url)
        try:
            rows = await connection.fetchval("SELECT count(*) FROM event_registrations")
            handled = await connection.fetchval(
                "SELECT count(*) FROM handled_commands WHERE command <> 'create-event'"
            )
        finally:
            await connection.close()
        assert handled == len(claims) + len(cancels)
        listed = sum(crowd.answer(one).kind in ("seat-claimed", "waiting-listed") for one in claims)
        assert rows == listed


@pytest.mark.timeout(60)
async def test_a_person_who_claims_a_hundred_times_at_once_has_one_seat() -> None:
    async with (
        RegistryRig(processes=2) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        event_id = await desk.publishes("Eager", seats=10)
        claims = [crowd.claim(event_id, 7) for _ in range(100)]
        assert {one.address for one in claims} == {person(7)}
        await crowd.send_all(claims)
        await crowd.settled()
        told = [crowd.answer(one) for one in claims]
        assert sum(not one.outcome["already"] for one in told) == 1
        assert len({one.registration["id"] for one in told}) == 1
        assert (await desk.sees(event_id))["confirmed"] == 1
