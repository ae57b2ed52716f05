"""One running chain for all stories: real processes, real servers, a strict simulator."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from devstack.house import House
from tests.e2e.people import Organiser, Simulator

ADMIN_TOKEN = "demo-admin-token"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[House]:
    """The whole installation, empty, in a folder and on ports of its own."""
    async with House() as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def simulator(house: House) -> AsyncIterator[Simulator]:
    """The two platforms; planted faults end with the test."""
    async with httpx.AsyncClient(base_url=house.simulator, timeout=15) as http:
        yield Simulator(http)
        await http.delete("/sim/faults")


@pytest_asyncio.fixture(loop_scope="session")
async def organiser(house: House, simulator: Simulator) -> AsyncIterator[Organiser]:
    """Somebody with the admin token; a registry that died in the test before is back first."""
    await house.ready("registry")
    async with httpx.AsyncClient(
        base_url=house.registry,
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=15,
    ) as http:
        organiser = Organiser(http, simulator)
        yield organiser
        await house.ready("registry")
        await organiser.clears_up()
