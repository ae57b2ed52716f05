from collections.abc import AsyncIterator

import pytest_asyncio
from dead_desk import Desk, desk_at

from runtime.testing import nats_server, nats_url, provisioned

__all__ = ["desk", "nats_server", "nats_url", "provisioned"]


@pytest_asyncio.fixture
async def desk(nats_url: str) -> AsyncIterator[Desk]:
    """The streams as they are provisioned, empty, with the one consumer that is needed here; all
    of them would take seconds.
    """
    async with desk_at(nats_url) as desk:
        yield desk
