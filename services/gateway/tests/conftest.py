"""Fixtures of the gateway's tests."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from runtime.testing import nats_server, nats_url, provisioned

# So that `gateway_house` is found in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))

from gateway_house import Gateway, running, settings

__all__ = ["gateway", "nats_server", "nats_url", "provisioned"]


@pytest_asyncio.fixture
async def gateway(provisioned: str) -> AsyncIterator[Gateway]:
    """A gateway that is ready, in front of empty streams."""
    async with running(settings(provisioned)) as http:
        house = await Gateway.reached(http, provisioned)
        yield house
        await house.close()
