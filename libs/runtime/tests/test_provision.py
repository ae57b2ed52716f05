"""One command makes the streams as they are described, however often it is run."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator

import nats
import pytest
import pytest_asyncio
from nats.js import JetStreamContext, api

from contracts import topology
from contracts.topology import BUCKETS, EVENTS, REGISTRY_COMMANDS, STREAMS
from runtime.provision import provision
from runtime.testing import TEST_RINGS


@pytest_asyncio.fixture
async def jetstream(provisioned: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(provisioned)
    yield client.jetstream()
    await client.close()


async def shape(jetstream: JetStreamContext) -> dict[str, object]:
    """What exists: each stream's consumers, and the permits of each ring."""
    streams = {info.config.name: info for info in await jetstream.streams_info()}
    return {
        name or "": (info.state.consumer_count, info.config.subject_transform)
        for name, info in streams.items()
    }


async def test_a_second_run_changes_nothing(jetstream: JetStreamContext) -> None:
    before = await shape(jetstream)
    await provision(jetstream, TEST_RINGS)
    assert await shape(jetstream) == before
    assert len(before) == len(STREAMS) + len(BUCKETS) + len(TEST_RINGS)


async def test_a_run_repairs_what_has_drifted(jetstream: JetStreamContext) -> None:
    stream = (await jetstream.stream_info(EVENTS.name)).config
    stream.max_age = 86_400
    await jetstream.update_stream(stream)
    lane = REGISTRY_COMMANDS[0]
    await jetstream.delete_consumer(lane.stream, lane.name)
    await jetstream.add_consumer(
        lane.stream,
        api.ConsumerConfig(
            durable_name=lane.name,
            filter_subject=lane.filter_subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=77,
        ),
    )
    await provision(jetstream, TEST_RINGS)
    assert (await jetstream.stream_info(EVENTS.name)).config.max_age == EVENTS.age_max_seconds
    consumer = await jetstream.consumer_info(lane.stream, lane.name)
    assert consumer.config.ack_wait == lane.ack_wait_seconds


async def test_a_ring_is_topped_up_and_never_overfilled(jetstream: JetStreamContext) -> None:
    ring = TEST_RINGS[0]
    await jetstream.purge_stream(ring.stream, keep=3)
    for _ in range(2):
        await provision(jetstream, TEST_RINGS)
    state = (await jetstream.stream_info(ring.stream)).state
    assert state.messages == ring.permits == topology.TELEGRAM_PERMITS_PER_SECOND


@pytest.mark.parametrize("times", [1, 2])
def test_the_command_says_what_it_made(provisioned: str, times: int) -> None:
    for _ in range(times):
        ended = subprocess.run(
            [sys.executable, "-m", "runtime.provision"],
            env={**os.environ, "NATS_URL": provisioned, "WHATSAPP_PHONE_ID": "106540352242922"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "are as contracts.topology says" in ended.stdout
