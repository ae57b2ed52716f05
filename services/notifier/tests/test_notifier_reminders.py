"""A reminder comes before a broadcast, also when all of that waits already."""

import pytest
from notifier_house import BOT
from notifier_stage import Stage, running, settings

from contracts import Priority
from contracts.topology import PARTITIONS, ring
from runtime.provision import provision

RING = ring("telegram", BOT, 5)
"""So few a second that most of the broadcast still waits in the end."""
CROWD = 2 * PARTITIONS


@pytest.mark.parametrize("hurried", ["reminder", "transactional"])
async def test_what_is_more_urgent_does_not_wait_behind_a_broadcast(
    stage: Stage, hurried: Priority
) -> None:
    await provision(stage.client.jetstream(), [RING])
    ann = await stage.person("telegram")
    crowd = [await stage.person("telegram") for _ in range(CROWD)]
    async with running(settings(stage)):
        for person in crowd:
            await stage.send(person, priority="bulk")
        await crowd[0].hears()
        made = len(await stage.calls(method="sendMessage"))
        await stage.send(ann, priority=hurried)
        await ann.hears()
        calls = [call["person"] for call in await stage.calls(method="sendMessage")]
    assert len(calls) < CROWD, "most of the broadcast still waits"
    assert calls.index(ann.address.chat_id) - made <= RING.permits
