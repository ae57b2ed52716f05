"""One hot event never holds up others: told by the order in which people are answered."""

import sys
from collections import defaultdict
from uuid import UUID

import nats
import pytest

from contracts import ClaimSeat
from devstack.rig import RegistryRig
from tests.chaos.registry_crowd import Crowd
from tests.chaos.registry_desk import Desk

EVENTS = 20
"""More than there are lanes, so that two of them share one."""
FLOOD = 4000
SHARE_AHEAD_MAX = 0.35
"""Of the flood, what may be answered before a claim that came after all of it: a process begins
with one lane after the other, and some hundred claims are answered until it has begun with all."""


async def lanes(nats_url: str) -> dict[UUID, str]:
    """The lane of each event, as the stream has stored its first claim."""
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        state = (await jetstream.stream_info("COMMANDS")).state
        stored = [
            (await jetstream.get_msg("COMMANDS", seq)).subject or ""
            for seq in range(state.first_seq, state.last_seq + 1)
        ]
    finally:
        await client.close()
    return {UUID(subject.split(".")[3]): subject.split(".")[2] for subject in stored}


def answered_before(crowd: Crowd, one: ClaimSeat, flood: list[ClaimSeat]) -> float:
    """Which share of the flood was answered before this claim."""
    sequence = crowd.answer(one).sequence
    return sum(crowd.answer(other).sequence < sequence for other in flood) / len(flood)


@pytest.mark.timeout(90)
async def test_a_flood_for_one_event_does_not_hold_up_the_others() -> None:
    async with (
        RegistryRig(processes=2) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        events = [await desk.publishes(f"Event {n}", seats=50) for n in range(EVENTS)]
        # Nobody works while the flood rises, so that its order is the only one there is.
        await rig.halt_all()
        firsts = [crowd.claim(event_id, number) for number, event_id in enumerate(events)]
        await crowd.send_all(firsts)
        by_lane = defaultdict(list)
        for event_id, lane in (await lanes(rig.nats_url)).items():
            by_lane[lane].append(event_id)
        shared = next(lane for lane, events in by_lane.items() if len(events) > 1)
        hot, neighbour = by_lane[shared][:2]
        flood = [crowd.claim(hot, EVENTS + number) for number in range(FLOOD)]
        middle = crowd.claim(neighbour, EVENTS)
        await crowd.send_all(flood[: FLOOD // 2])
        await crowd.send(middle)
        await crowd.send_all(flood[FLOOD // 2 :])
        elsewhere = [
            crowd.claim(event_id, EVENTS + 1)
            for lane, events in by_lane.items()
            if lane != shared
            for event_id in events
        ]
        await crowd.send_all(elsewhere)
        await rig.start_all()
        await crowd.settled()
        others = max(answered_before(crowd, one, flood) for one in elsewhere)
        beside = answered_before(crowd, middle, flood)
        sys.stdout.write(
            f"\nanswered before: {others:.1%} of the flood in other lanes, "
            f"{beside:.1%} in the same lane, where half of it came before\n"
        )
        assert others < SHARE_AHEAD_MAX
        # Whoever shares the lane waits for its turn there, and not for the end of the flood.
        assert beside < 0.5 + SHARE_AHEAD_MAX
