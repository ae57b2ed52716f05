"""The independent judge of the door: INBOUND as it is stored, against what was said.

It imports nothing of the gateway: it must not share its mistakes.
"""

import asyncio
import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import nats

from tests.chaos.gateway_storm import SECRET_WORD, Said

READ_AT_ONCE = 64
READ_SECONDS_MAX = 10.0


@dataclass
class Verdict:
    """What went wrong, by name; all zero is a pass."""

    lost: int = 0
    """Said, and not in the stream."""
    doubled: int = 0
    """In the stream beyond the first time."""
    inverted: int = 0
    """Telegram: stored behind something that the same person said later."""
    misplaced: int = 0
    """Stored in somebody else's chat."""
    strange: int = 0
    """In the stream, and never said."""
    dead: int = 0
    """Set aside as unreadable."""

    @property
    def faults(self) -> dict[str, int]:
        """Every count that is not zero."""
        return {name: count for name, count in vars(self).items() if count}


async def judge_gateway(nats_url: str, said: Iterable[Said]) -> Verdict:
    """Compare what was said with what the streams hold; nobody may read INBOUND meanwhile."""
    verdict = Verdict()
    known = {one.n: one for one in said}
    stored = [_number(body) for body in await inbound(nats_url)]
    counted = Counter(n for n, _ in stored)
    verdict.strange = sum(count for n, count in counted.items() if n not in known)
    verdict.lost = sum(n not in counted for n in known)
    verdict.doubled = sum(count - 1 for n, count in counted.items() if n in known)
    order: dict[str, list[int]] = defaultdict(list)
    chats: dict[str, set[str]] = defaultdict(set)
    for n, chat in stored:
        if n in known:
            chats[known[n].person].add(chat)
            if known[n].platform == "telegram":
                order[known[n].person].append(n)
    verdict.inverted = sum(b < a for numbers in order.values() for a, b in pairwise(numbers))
    verdict.misplaced = sum(len(places) - 1 for places in chats.values())
    verdict.dead = await _dead(nats_url)
    return verdict


async def inbound(nats_url: str) -> list[dict[str, Any]]:
    """Every message of INBOUND, in the stream's order."""
    client = await nats.connect(nats_url)
    gate = asyncio.Semaphore(READ_AT_ONCE)

    async def one(sequence: int) -> dict[str, Any]:
        async with gate:
            answer = await client.request(
                "$JS.API.STREAM.MSG.GET.INBOUND",
                json.dumps({"seq": sequence}).encode(),
                timeout=READ_SECONDS_MAX,
            )
        found = json.loads(answer.data)
        body: dict[str, Any] = json.loads(base64.b64decode(found["message"]["data"]))
        return body

    try:
        state = (await client.jetstream().stream_info("INBOUND")).state
        # A message each, so none was taken out: the books balance or the rest would be wrong.
        assert state.messages == state.last_seq, "somebody reads INBOUND"
        return list(await asyncio.gather(*map(one, range(1, state.last_seq + 1))))
    finally:
        await client.close()


def numbers_of(bodies: Iterable[dict[str, Any]]) -> list[int]:
    """Which messages these are, in the stream's order; -1 for what nobody said."""
    return [_number(body)[0] for body in bodies]


async def _dead(nats_url: str) -> int:
    client = await nats.connect(nats_url)
    try:
        return (await client.jetstream().stream_info("DEAD")).state.messages
    finally:
        await client.close()


def _number(body: dict[str, Any]) -> tuple[int, str]:
    """Which of all that was said this is, -1 for something else; and in which chat it is."""
    word, _, n = str(body.get("content", {}).get("text", "")).rpartition(" ")
    address = body["address"]
    return int(n) if word == SECRET_WORD else -1, f"{address['platform']}.{address['chat_id']}"
