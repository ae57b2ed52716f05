"""A chat that writes a thousand messages at once is not felt by the others."""

import sys

import pytest

from benchmarks.flood import Crossing, p99
from devstack.conversation_rig import ConversationRig
from tests.chaos.test_conversation_order import open_event

ROUNDS = 3
SLOWER_MAX = 1.5
"""The exact figure is the benchmark's; here other processes disturb both phases."""
NOISE_SECONDS = 0.03
"""What a shared machine adds to one of some hundred answers."""


@pytest.mark.timeout(180)
async def test_a_flood_of_a_thousand_messages_is_not_felt_by_other_chats() -> None:
    calm: list[float] = []
    flooded: list[float] = []
    longest_read = 0.0
    async with ConversationRig(replicas=2) as rig:
        code = await open_event(rig)
        async with Crossing(rig.nats_url, code) as crossing:
            for _ in range(ROUNDS):
                calm += await crossing.phase(flood=False)
                flooded += await crossing.phase(flood=True)
            # The control: where all of it is read and answered, the chats of its lane must wait.
            longest_read = max(await crossing.phase(flood=True, read=True))
    seen = (
        f"p99 {p99(calm) * 1000:.1f} ms calm, {p99(flooded) * 1000:.1f} ms in a flood; "
        f"at most {max(flooded) * 1000:.0f} ms, and {longest_read * 1000:.0f} ms if it is read"
    )
    sys.stdout.write(f"\n{seen}\n")
    assert p99(flooded) < p99(calm) * SLOWER_MAX + NOISE_SECONDS, seen
    assert max(flooded) < longest_read, seen
