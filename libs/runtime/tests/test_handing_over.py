"""Lanes of an earlier release become those of this one on a running server.

Nothing is lost, nothing is handed out twice, and the order of each chat holds.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import product

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api
from nats.js.errors import BadRequestError, NotFoundError

from contracts.topology import (
    BULK,
    CHANNELS,
    NOTIFIER_BULK,
    NOTIFIER_OUTBOUND,
    NOTIFIER_REMINDER,
    OUTBOUND,
    PARTITIONS,
    Consumer,
    Stream,
)
from runtime.lanes import Lanes
from runtime.provision import provision
from runtime.testing import TEST_RINGS, eventually

WORK_SECONDS = 0.05
BEAT_SECONDS = 1.0
CHATS, EACH = 20, 3
HANDED_OVER_SECONDS_MAX = 40.0
OLD = [
    Consumer(
        name=f"notifier-{kind}-{platform}-{lane}",
        stream=stream,
        filter_subject=f"{kind}.*.{platform}.{lane}.*",
    )
    for (kind, stream), platform, lane in product(
        [("outbound", OUTBOUND.name), ("bulk", BULK.name)], CHANNELS, range(PARTITIONS)
    )
]
"""As releases had them before reminders had lanes of their own."""
NEW = [*OUTBOUND.consumers, *BULK.consumers]


async def make(client: Client, lane: Consumer) -> None:
    """As `runtime.provision` made it then."""
    await client.jetstream().add_consumer(
        lane.stream,
        api.ConsumerConfig(
            name=lane.name,
            durable_name=lane.name,
            filter_subject=lane.filter_subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=lane.ack_wait_seconds,
            max_ack_pending=lane.in_flight_max,
            max_deliver=-1,
        ),
    )


@pytest_asyncio.fixture
async def old_release(provisioned: str) -> AsyncIterator[Client]:
    """A server on which an earlier release made the lanes."""
    client = await nats.connect(provisioned)
    jetstream = client.jetstream()
    await asyncio.gather(*(jetstream.delete_consumer(one.stream, one.name) for one in NEW))
    await asyncio.gather(*(make(client, lane) for lane in OLD))
    yield client
    await client.close()


async def lanes_of(client: Client, stream: str) -> dict[str, set[str]]:
    """What each lane that exists takes."""
    found: dict[str, set[str]] = {}
    while page := await client.jetstream().consumers_info(stream, offset=len(found)):
        for info in page:
            one = info.config.filter_subject
            found[info.name] = {one} if one else set(info.config.filter_subjects or ())
    return found


Heard = list[tuple[str, int]]
"""Stored subjects, and which of its chat's messages it was."""


class Reader:
    """A notifier that takes its time: what it has in hand in a stream ends when that is let go."""

    def __init__(self, heard: Heard, *, goes: bool) -> None:
        self._heard = heard
        self._lanes = Lanes()
        self.goes = {OUTBOUND.name: asyncio.Event(), BULK.name: asyncio.Event()}
        if goes:
            self.go()

    def go(self) -> None:
        for stream in self.goes.values():
            stream.set()

    async def start(self, client: Client, consumers: list[Consumer]) -> None:
        await self._lanes.start(client, [(one, self._hear) for one in consumers])

    async def _hear(self, raw: Msg) -> None:
        self._heard.append((raw.subject, json.loads(raw.data)))
        while not self.goes[raw.metadata.stream].is_set():
            await raw.in_progress()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.goes[raw.metadata.stream].wait(), BEAT_SECONDS)
        await asyncio.sleep(WORK_SECONDS)
        await raw.ack()

    async def stop(self) -> None:
        await self._lanes.stop(1.0)


async def left(jetstream: JetStreamContext) -> int:
    """How many messages are not acknowledged yet."""
    infos = [await jetstream.stream_info(stream.name) for stream in (OUTBOUND, BULK)]
    return sum(info.state.messages for info in infos)


def changed(stream: Stream) -> Consumer | None:
    """A lane of the earlier release that is another one now, or none."""
    stay = {one.name: one.filter_subjects for one in stream.consumers}
    mine = [one for one in OLD if one.stream == stream.name]
    return next((one for one in mine if stay.get(one.name) != one.filter_subjects), None)


async def is_paused(jetstream: JetStreamContext, lane: Consumer) -> bool:
    try:
        return bool((await jetstream.consumer_info(lane.stream, lane.name)).paused)
    except NotFoundError:
        return True  # nobody waited for what was in hand


async def test_lanes_are_handed_over_while_messages_are_on_their_way(
    provisioned: str, old_release: Client
) -> None:
    jetstream = old_release.jetstream()
    kinds = ["bulk.reminder", "bulk.bulk", "out.reply"]
    sent = 0
    for number, kind, platform, chat in product(range(EACH), kinds, CHANNELS, range(CHATS)):
        await jetstream.publish(f"{kind}.{platform}.{chat}", json.dumps(number).encode())
        sent += 1
    heard: Heard = []
    before, after = Reader(heard, goes=False), Reader(heard, goes=True)
    await before.start(old_release, OLD)
    await eventually(lambda: len(heard) > CHATS)
    provisioning = asyncio.create_task(provision(jetstream, TEST_RINGS))
    for stream in (OUTBOUND, BULK):
        # What is in hand ends when it has been asked to, and not before.
        while (lane := changed(stream)) and not await is_paused(jetstream, lane):
            await asyncio.sleep(WORK_SECONDS)
        before.goes[stream.name].set()
    await provisioning
    assert len(heard) < sent, "it was changed while messages waited"
    # Another connection, for it is another process; the old one stays for a while.
    client = await nats.connect(provisioned)
    await after.start(client, NEW)
    async with asyncio.timeout(HANDED_OVER_SECONDS_MAX):
        while await left(jetstream):
            await asyncio.sleep(WORK_SECONDS)
    await before.stop()
    await after.stop()
    await client.close()
    assert len(heard) == sent, "nothing is lost, nothing is handed out twice"
    order: dict[str, list[int]] = defaultdict(list)
    for subject, number in heard:
        order[subject].append(number)
    assert all(numbers == list(range(EACH)) for numbers in order.values())


async def test_what_is_there_afterwards_is_what_is_described(old_release: Client) -> None:
    await provision(old_release.jetstream(), TEST_RINGS)
    for stream in (OUTBOUND, BULK):
        wanted = {one.name: set(one.filter_subjects) for one in stream.consumers}
        assert await lanes_of(old_release, stream.name) == wanted


async def test_a_lane_that_has_not_changed_stays_as_it_is(old_release: Client) -> None:
    lane = NOTIFIER_OUTBOUND["telegram"][0]
    before = await old_release.jetstream().consumer_info(lane.stream, lane.name)
    await provision(old_release.jetstream(), TEST_RINGS)
    after = await old_release.jetstream().consumer_info(lane.stream, lane.name)
    assert after.created == before.created


async def test_beside_the_old_lanes_the_server_takes_no_new_ones(old_release: Client) -> None:
    """The negative control: why the old ones must go first."""
    with pytest.raises(BadRequestError, match="not unique"):
        await make(old_release, NOTIFIER_REMINDER["telegram"][0])
    await make(old_release, NOTIFIER_BULK["telegram"][0])
