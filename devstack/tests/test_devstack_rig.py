"""The rig itself: what is killed is dead, and what was committed is there after the recovery."""

import asyncpg
import httpx
import pytest

from devstack.rig import RegistryRig


async def status(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{url}/health/ready")).status_code


@pytest.mark.timeout(120)
async def test_a_registry_and_its_database_can_be_killed_and_started_again() -> None:
    async with RegistryRig(processes=2) as rig:
        home, killed = rig.home, rig.pid(2)
        assert [await status(url) for url in rig.urls] == [200, 200]
        connection = await asyncpg.connect(rig.database_url)
        assert await connection.fetchval("SHOW fsync") == "on"
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

        await rig.kill(2)
        assert rig.pid(2) is None
        with pytest.raises(httpx.ConnectError):
            await status(rig.url(2))
        await rig.start(2)
        assert rig.pid(2) not in {None, killed}

        await rig.kill_postgres()
        with pytest.raises(ConnectionRefusedError):
            await asyncpg.connect(rig.database_url)
        await rig.start_postgres()
        connection = await asyncpg.connect(rig.database_url)
        assert await connection.fetchval("SELECT number FROM kept") == 7
        await connection.close()
    assert not home.exists()
