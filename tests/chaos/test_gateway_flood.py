"""A chat that brings a thousand webhooks is not felt by the others, and not stored in full."""

import os
import random
import statistics
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest

from devstack.gateway_rig import GatewayRig
from devstack.scan import leaks, secrets_of
from tests.chaos.gateway_flood import FLOOD_MESSAGES, Crossing, p99
from tests.chaos.gateway_judge import inbound
from tests.chaos.gateway_storm import SECRET_WORD, SURNAME

ROUNDS = 4
ROUNDS_LONG = 40
SLOWER_MAX = 1.1
"""Issue 5's limit, for the long form."""
SLOWER_MAX_SHORT = 3.0
NOISE_SECONDS = 0.05
"""With few phases on a busy machine the p99 is the scheduler's: this finds a standstill."""
ITEM_SECONDS_MAX = 0.001
"""Of the processor, for one webhook of a flood. Telegram has one of a chat in flight, so this is
what anybody else can have to wait for, whatever the clock on the wall says."""
AT_ONCE = 120
PER_SECOND = 2.0
"""The door's own numbers for one chat, said once more: a judge must not read them from it."""
FLOOD_SECONDS_MAX = 10.0


@dataclass
class Seen:
    """The p99 in seconds of each phase, and how much of each flood is stored."""

    calm: list[float] = field(default_factory=list)
    elsewhere: list[float] = field(default_factory=list)
    """While the same flood comes to another gateway of the same machine."""
    flooded: list[float] = field(default_factory=list)
    computed: dict[int | None, float] = field(default_factory=lambda: defaultdict(float))
    """Seconds of the gateway's processor, by which gateway was flooded."""
    stored: list[int] = field(default_factory=list)
    others_lost: int = 0
    leaked: list[str] = field(default_factory=list)

    @property
    def slower(self) -> float:
        """How much the p99 grows by sharing the door. Of each phase's p99 the median counts: what
        the rest of the machine does in one phase or another says nothing of the gateway.
        """
        return statistics.median(self.flooded) / statistics.median(self.elsewhere)

    @property
    def item_seconds(self) -> float:
        """What one webhook of a flood costs the gateway."""
        return (self.computed[1] - self.computed[None]) / (len(self.flooded) * FLOOD_MESSAGES)

    def __str__(self) -> str:
        def ms(phases: list[float]) -> str:
            low, median, high = statistics.quantiles(phases, n=4)
            return f"{median * 1000:.1f} ms ({low * 1000:.1f} to {high * 1000:.1f})"

        return (
            f"median p99 of {len(self.flooded)} phases, and their middle half: "
            f"{ms(self.flooded)} in a flood, {ms(self.elsewhere)} when it comes to another "
            f"gateway (x {self.slower:.2f}), {ms(self.calm)} without one; a webhook of the flood "
            f"takes {self.item_seconds * 1000:.2f} ms of the processor; stored of "
            f"{FLOOD_MESSAGES}: {min(self.stored)} to {max(self.stored)}; "
            f"load {os.getloadavg()[0]:.1f}"
        )


async def cross(*, rounds: int, guarantee_broken: str = "") -> Seen:
    """Calm and flood in turns, so that both see the same machine."""
    seen = Seen()
    environment = {"TURNOUT_BREAK": guarantee_broken} if guarantee_broken else {}
    async with GatewayRig(replicas=2, environment=environment) as rig, Crossing(rig) as crossing:
        await crossing.phase(flooded=None)  # the first requests pay for connections
        for _ in range(rounds):
            phases = [(seen.calm, None), (seen.flooded, 1), (seen.elsewhere, 2)]
            for p99s, flooded in random.sample(phases, len(phases)):
                before = rig.processor_seconds()
                p99s.append(p99(await crossing.phase(flooded=flooded)))
                seen.computed[flooded] += rig.processor_seconds() - before
        chats = Counter(str(body["address"]["chat_id"]) for body in await inbound(rig.nats_url))
        seen.stored = [chats.pop(chat, 0) for chat in crossing.floods]
        seen.others_lost = sum(chats[chat] == 0 for chat in crossing.others)
        words = {"a message": SECRET_WORD, "a name": SURNAME}
        seen.leaked = leaks(rig.logs, secrets_of(rig.values) | words)
    sys.stdout.write(f"\n{seen}\n")
    return seen


def check(seen: Seen, *, slower_max: float, noise_seconds: float) -> None:
    """What holds with the door's limit for one chat."""
    noise = noise_seconds / statistics.median(seen.elsewhere)
    assert seen.slower < slower_max + noise, seen
    assert seen.item_seconds < ITEM_SECONDS_MAX, seen
    assert min(seen.stored) >= AT_ONCE, seen
    assert max(seen.stored) <= AT_ONCE + PER_SECOND * FLOOD_SECONDS_MAX, seen
    assert seen.others_lost == 0, seen
    assert not seen.leaked, seen.leaked[:20]


@pytest.mark.timeout(120)
async def test_a_flood_at_the_door_is_not_felt_by_other_chats() -> None:
    seen = await cross(rounds=ROUNDS)
    check(seen, slower_max=SLOWER_MAX_SHORT, noise_seconds=NOISE_SECONDS)


@pytest.mark.timeout(120)
async def test_without_the_limit_of_a_chat_all_of_a_flood_is_stored() -> None:
    """The negative control."""
    seen = await cross(rounds=2, guarantee_broken="chat-limit")
    assert set(seen.stored) == {FLOOD_MESSAGES}


@pytest.mark.long
async def test_long_gateway_flood() -> None:
    check(await cross(rounds=ROUNDS_LONG), slower_max=SLOWER_MAX, noise_seconds=0.0)
