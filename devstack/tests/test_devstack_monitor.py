"""Whatever a run does, no row may ever be in an impossible state."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from devstack.monitor import LOOK_SECONDS, ImpossibleState, Monitor
from devstack.rig import RegistryRig

pytestmark = pytest.mark.timeout(120)


async def an_event(rig: RegistryRig) -> None:
    body = {
        "title": "Tea",
        "description": "",
        "starts_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
        "timezone": "Europe/Berlin",
        "location": "Hall 2",
        "max_participants": 2,
        "status": "published",
    }
    async with httpx.AsyncClient(base_url=rig.url(), headers=rig.admin, trust_env=False) as desk:
        (await desk.post("/api/events", json=body)).raise_for_status()


async def waiting(database_url: str, people: int) -> None:
    """The counter says so, and nobody waits."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE events SET waiting = $1", people)
    await connection.close()


async def test_a_run_fails_at_its_end_by_what_was_impossible_in_its_midst() -> None:
    async with RegistryRig(monitored=False) as rig:
        await an_event(rig)
        monitor = Monitor(rig.database_url)
        await monitor.begin()
        await waiting(rig.database_url, 3)
        async with asyncio.timeout(10 * LOOK_SECONDS):
            while not monitor.found:
                await asyncio.sleep(0.05)
        await waiting(rig.database_url, 0)
        with pytest.raises(ImpossibleState, match="counters-equal-rows"):
            await monitor.end()


async def test_every_run_is_monitored_to_its_end() -> None:
    rig = await RegistryRig().open()
    await an_event(rig)
    await waiting(rig.database_url, 3)
    with pytest.raises(ImpossibleState, match="counters-equal-rows"):
        await rig.stop()
    assert not rig.home.exists()
