"""Newer beats older: what the notifier reads before it sends, however often and late it is said."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID, uuid4

from registry_commands import change
from registry_house import House

from contracts import CancelEvent
from contracts.topology import VERSIONS
from registry.newest_versions import NewestVersions
from registry.results import Newest


async def known(house: House) -> dict[UUID, int]:
    bucket = await house.broker.jetstream.key_value(VERSIONS.name)
    stream = await house.broker.jetstream.stream_info(f"KV_{VERSIONS.name}")
    if not stream.state.messages:
        return {}
    entries = [await bucket.get(key) for key in await bucket.keys()]
    return {UUID(entry.key): json.loads(entry.value or b"") for entry in entries}


async def call_off(house: House, event_id: UUID) -> CancelEvent:
    command = CancelEvent(
        id=uuid4(), occurred_at=house.clock.now(), correlation_id=uuid4(), event_id=event_id
    )
    await house.do(command)
    return command


async def test_a_moved_start_and_the_end_of_it_all_are_made_known(house: House) -> None:
    event_id = await house.event()
    assert await known(house) == {}
    await house.do(await change(house, event_id, starts_at=house.clock.now() + timedelta(days=9)))
    assert await known(house) == {event_id: 2}
    await call_off(house, event_id)
    assert await known(house) == {event_id: 3}


async def test_a_corrected_typo_stops_no_reminder(house: House) -> None:
    event_id = await house.event()
    await house.do(await change(house, event_id, title="PyCon!"))
    assert await known(house) == {}


async def test_a_process_that_died_after_its_commit_is_made_up_for(house: House) -> None:
    event_id = await house.event()
    command = CancelEvent(
        id=uuid4(), occurred_at=house.clock.now(), correlation_id=uuid4(), event_id=event_id
    )
    await house.handlers.carry_out([command])
    assert await known(house) == {}
    await house.do(command)
    assert await known(house) == {event_id: 2}


async def test_an_old_version_that_is_said_late_changes_nothing(house: House) -> None:
    of = uuid4()
    writers = [NewestVersions(house.broker) for _ in range(3)]
    await asyncio.gather(
        *(
            writers[number % 3].make_known([Newest(of=of, version=version)])
            for number, version in enumerate((4, 9, 1, 7))
        )
    )
    await writers[0].make_known([Newest(of=of, version=2)])
    assert await known(house) == {of: 9}
