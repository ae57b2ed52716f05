"""An installation with several replicas of whoever decides, and somebody to be robbed."""

from collections.abc import AsyncIterator

import pytest_asyncio

from devstack.house import House
from tests.e2e.attacks.victim import Victim, registered
from tests.e2e.people import Organiser, Simulator


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def house() -> AsyncIterator[House]:
    """Each of two conversations and two registries takes what comes."""
    async with House(replicas={"conversation": 2, "registry": 2}) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def victim(house: House, simulator: Simulator, organiser: Organiser) -> Victim:
    """Somebody with a proven address and a seat."""
    return await registered(house, simulator, organiser)
