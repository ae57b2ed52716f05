"""One command makes the streams as they are described, however often it is run."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import nats
import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.errors import ServiceUnavailableError

from contracts import Platform, topology
from contracts.topology import BUCKETS, EVENTS, REGISTRY_COMMANDS, STREAMS, Ring, Tier
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


@pytest.mark.parametrize("before", [None, 30 * 86_400.0, 3650 * 86_400.0])
async def test_what_is_kept_of_people_ends_after_as_long_as_is_asked_for(
    jetstream: JetStreamContext, before: float | None
) -> None:
    """A release before this kept it without end; what is there stays, and gets older."""
    of_people = {bucket.name for bucket in BUCKETS if bucket.of_people}
    assert of_people == {"fsm", "fsm-journal", "peers"}
    for name in of_people:
        config = (await jetstream.stream_info(f"KV_{name}")).config
        await jetstream.update_stream(config.evolve(max_age=before))
    documents = await jetstream.key_value("fsm")
    revision = await documents.put("telegram.1-2", b"{}")

    async def ages() -> dict[str, float | None]:
        names = [bucket.name for bucket in BUCKETS]
        return {name: (await (await jetstream.key_value(name)).status()).ttl for name in names}

    await provision(jetstream, [], retention_days=100)
    first = await ages()
    assert {first[name] for name in of_people} == {100 * 86_400.0}
    assert all(
        (first[one.name] or 0) == one.age_max_seconds for one in BUCKETS if not one.of_people
    )
    await provision(jetstream, [], retention_days=100)
    assert await ages() == first
    assert (await documents.get("telegram.1-2")).revision == revision
    assert await documents.update("telegram.1-2", b"{}", last=revision) > revision
    await provision(jetstream, TEST_RINGS)
    assert {(await ages())[name] for name in of_people} == {730 * 86_400.0}


def test_the_command_is_told_how_long(provisioned: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "runtime.provision"],
        env={**os.environ, "NATS_URL": provisioned, "RETENTION_DAYS": "29"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0, "a chat's document must outlive what refers to it"
    for days in ("60", "730"):
        subprocess.run(
            [sys.executable, "-m", "runtime.provision"],
            env={**os.environ, "NATS_URL": provisioned, "RETENTION_DAYS": days},
            capture_output=True,
            check=True,
        )
        assert asyncio.run(_age_of_a_chat(provisioned)) == int(days) * 86_400.0


async def _age_of_a_chat(url: str) -> float | None:
    client = await nats.connect(url)
    try:
        return (await (await client.jetstream().key_value("fsm")).status()).ttl
    finally:
        await client.close()


async def test_a_ring_is_topped_up_and_never_overfilled(jetstream: JetStreamContext) -> None:
    ring = TEST_RINGS[0]
    await jetstream.purge_stream(ring.stream, keep=3)
    for _ in range(2):
        await provision(jetstream, TEST_RINGS)
    state = (await jetstream.stream_info(ring.stream)).state
    assert ring.permits == topology.TELEGRAM_PERMITS_PER_SECOND
    assert state.messages == ring.held


async def passes(seconds: float) -> None:
    """Let them go on for so long: what they do in that time is what is looked at."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        await asyncio.sleep(0.05)


async def taken(url: str, ring: Ring, until: asyncio.Event) -> list[float]:
    """Take every permit that there is, until told; when each came."""
    client = await nats.connect(url)
    inbox = client.new_inbox()
    times: list[float] = []

    async def hear(message: Msg) -> None:
        if not message.headers:
            times.append(time.monotonic())

    await client.subscribe(inbox, cb=hear)
    request = b'{"batch":1000,"expires":200000000}'
    while not until.is_set():
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{ring.stream}.{ring.consumer}"
        await client.publish(subject, request, reply=inbox)
        await asyncio.sleep(0.2)
    await client.close()
    return times


def most_in_a_second(times: Sequence[float]) -> int:
    """The fullest window of a second, wherever it begins."""
    first = most = 0
    for last, at in enumerate(times):
        while at - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


async def test_a_ring_grows_and_shrinks_while_it_is_used(
    provisioned: str, jetstream: JetStreamContext
) -> None:
    small, large = (topology.ring("telegram", "1", permits) for permits in (20, 50))
    await provision(jetstream, [small])
    until = asyncio.Event()
    taking = asyncio.create_task(taken(provisioned, small, until))
    changes: list[tuple[float, Ring]] = []
    for ring in (large, small, large, small):
        await passes(1.5)
        await provision(jetstream, [ring])
        changes.append((time.monotonic(), ring))
        state = (await jetstream.stream_info(ring.stream)).state
        assert state.messages == ring.held
    await passes(2.5)
    until.set()
    times = await taking
    await jetstream.delete_stream(small.stream)
    assert most_in_a_second(times) <= large.permits
    # A window after it has shrunk, the smaller one is all there is.
    assert most_in_a_second(times) > small.permits, "the larger one was used"
    after = [at for at in times if at > changes[-1][0] + topology.PERMIT_WINDOW_SECONDS]
    assert 0 < most_in_a_second(after) <= small.permits


async def test_a_pause_of_a_ring_outlives_another_run(jetstream: JetStreamContext) -> None:
    ring = TEST_RINGS[0]
    until = datetime.now(UTC) + timedelta(seconds=60)
    await jetstream.pause_consumer(
        ring.stream, ring.consumer, until.isoformat().replace("+00:00", "Z")
    )
    await provision(jetstream, TEST_RINGS)
    info = await jetstream.consumer_info(ring.stream, ring.consumer)
    assert info.paused


async def test_a_tier_refuses_new_people_only_and_forgets_each_after_its_time(
    jetstream: JetStreamContext,
) -> None:
    tier = replace(Tier(portfolio="1", recipients=2), age_max_seconds=2.0)
    await provision(jetstream, [], tiers=[tier])

    async def admitted(person: str) -> bool:
        try:
            await jetstream.publish(f"{tier.subject}.{person}", b"")
        except ServiceUnavailableError:
            return False
        return True

    assert [await admitted(person) for person in ("ann", "bob", "cem")] == [True, True, False]
    await passes(1.0)
    assert await admitted("ann"), "a known person does not count again"
    async with asyncio.timeout(10):
        while not await admitted("cem"):
            await asyncio.sleep(0.05)
    assert not await admitted("bob"), "who was written to again counts from then"
    await jetstream.delete_stream(tier.stream)


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


@pytest.mark.parametrize(("platform", "permits"), [("telegram", 30), ("whatsapp", 80)])
async def test_a_ring_in_slices_hands_out_evenly_and_no_more_in_any_second(
    provisioned: str, jetstream: JetStreamContext, platform: Platform, permits: int
) -> None:
    ring = topology.ring(platform, "1", permits)
    assert ring.slices > 1
    await provision(jetstream, [ring])
    until = asyncio.Event()
    taking = asyncio.create_task(taken(provisioned, ring, until))
    await passes(4)
    until.set()
    times = await taking
    await jetstream.delete_stream(ring.stream)
    assert most_in_a_second(times) <= permits
    first, last = times[0], times[-1]
    assert len(times) / (last - first) > 0.95 * permits
    halves = [at for at in times if first + 1 <= at < first + 1.5]
    assert 0.3 * permits < len(halves) < 0.7 * permits
