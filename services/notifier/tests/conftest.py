"""Fixtures of the notifier's tests."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import nats
import pytest
import pytest_asyncio

from runtime.testing import nats_server, nats_url, provisioned

# So that `notifier_house` is found in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).parent))

from notifier_stage import (
    SMTP_PORT,
    Stage,
    eventually,
    running,
    settings,
    simulator,
    submit_templates,
)

__all__ = ["nats_server", "nats_url", "provisioned"]


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    """One simulator for the whole run."""
    with simulator(smtp_port=SMTP_PORT) as url:
        yield url


@pytest_asyncio.fixture
async def stage(provisioned: str, simulator_url: str) -> AsyncIterator[Stage]:
    """Empty streams and fresh platforms; no notifier yet."""
    client = await nats.connect(provisioned)
    async with httpx.AsyncClient(base_url=simulator_url, timeout=20) as platforms:
        await eventually(platforms, "/sim/health")
        (await platforms.post("/sim/reset")).raise_for_status()
        await submit_templates(platforms)
        stage = Stage(provisioned, client, platforms)
        try:
            yield stage
        finally:
            stage.end()
            await client.close()


@pytest_asyncio.fixture
async def notifier(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A notifier in this process; what it says of its health and metrics."""
    async with running(settings(stage)) as http:
        yield http
