"""Newer beats older: an old notice that is still on its way is not sent any more."""

import asyncio
from uuid import uuid4

import httpx
from notifier_stage import Stage, running, settings

from contracts.topology import OUTBOUND, VERSIONS

NEWER = ("suppressed", "newer-notice", False)


async def registry_tells(stage: Stage, event_id: object, version: int) -> None:
    """What the registry writes when it has committed a change."""
    bucket = await stage.client.jetstream().key_value(VERSIONS.name)
    await bucket.put(str(event_id), str(version).encode())


async def test_a_notice_that_was_overtaken_is_not_sent(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    ann, event_id = await stage.person("telegram"), uuid4()
    await registry_tells(stage, event_id, 3)
    for version, outcome in ((2, NEWER), (3, ACCEPTED), (4, ACCEPTED)):
        message = await stage.send(ann, notice_event_id=event_id, notice_event_version=version)
        assert await stage.outcome(message) == outcome
    of_another = await stage.send(ann, notice_event_id=uuid4(), notice_event_version=1)
    assert await stage.outcome(of_another) == ACCEPTED
    assert len(await ann.heard()) == 3


ACCEPTED = ("accepted", None, False)


async def test_it_is_looked_at_right_before_the_call(
    stage: Stage, notifier: httpx.AsyncClient
) -> None:
    """It was the newest when it was parked, and is not when its turn comes."""
    ann, event_id = await stage.person("telegram"), uuid4()
    await registry_tells(stage, event_id, 1)
    await stage.fault("429", person=ann.address.chat_id, count=1, retry_after=3)
    message = await stage.send(
        ann, priority="reminder", notice_event_id=event_id, notice_event_version=1
    )
    await stage.until_parked(1)
    await registry_tells(stage, event_id, 2)
    assert await stage.outcome(message) == NEWER
    assert await ann.heard() == []


async def test_what_cannot_be_looked_up_waits(stage: Stage, notifier: httpx.AsyncClient) -> None:
    ann = await stage.person("telegram")
    jetstream = stage.client.jetstream()
    await jetstream.delete_key_value(VERSIONS.name)
    message = await stage.send(ann, notice_event_id=uuid4(), notice_event_version=1)
    bob = await stage.person("telegram")
    await stage.send(bob)
    await bob.hears()
    async with asyncio.timeout(10):
        while (await jetstream.stream_info(OUTBOUND.name)).state.messages != 1:
            await asyncio.sleep(0.02)
    assert await ann.heard() == []
    await jetstream.create_key_value(bucket=VERSIONS.name, direct=True)
    assert await stage.outcome(message) == ACCEPTED


async def test_without_the_look_the_old_notice_is_sent(stage: Stage) -> None:
    """The negative control."""
    async with running(settings(stage, turnout_break="versions")):
        ann, event_id = await stage.person("telegram"), uuid4()
        await registry_tells(stage, event_id, 2)
        message = await stage.send(ann, notice_event_id=event_id, notice_event_version=1)
        assert await stage.outcome(message) == ACCEPTED
