"""The independent judge: what people saw, what the registry holds, what the notifier admitted.

It reads the simulator's ledger, the organiser's API and the DELIVERY stream, and imports none of
the services: it must not share their mistakes.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import nats
import nats.errors

from devstack.house import House
from tests.e2e.people import ASKS_TO_REPEAT, LAST_KNOWN

READ_BATCH = 500
SENDS = frozenset({"sendmessage", "sendphoto", "senddocument", "messages"})
"""Calls that put a message on a person's phone, in lower case as the platforms compare them."""


@dataclass
class Verdict:
    """What went wrong, by name; all zero is a pass."""

    silent: int = 0
    """Dialogues that ended without an answer."""
    indefinite: int = 0
    """Dialogues that ended with an answer, but neither with a seat nor with a place in line."""
    doubled: int = 0
    """Messages that came twice and were not admitted as repeated after an unknown result."""
    admitted: int = 0
    """Messages sent once more after an unknown result: said so, so no fault."""
    oversold: int = 0
    tickets_without_a_seat: int = 0
    seats_without_a_ticket: int = 0
    places_not_in_line: int = 0
    """Places that people were told of and the registry does not hold, or the other way round."""
    dead: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, int]:
        """Every count that has to be zero and is not."""
        return {
            name: count
            for name, count in vars(self).items()
            if isinstance(count, int) and name != "admitted" and count
        }


async def judge(house: House, outcomes: list[Any], events: list[dict[str, Any]]) -> Verdict:
    """Compare all records once everything is quiet."""
    verdict = Verdict(
        silent=sum(outcome.silent for outcome in outcomes),
        indefinite=sum(
            not (outcome.silent or outcome.ticket or outcome.in_line) for outcome in outcomes
        ),
    )
    delivered = await stream(house.nats_url, "DELIVERY")
    verdict.admitted = len({one["outbound_id"] for one in delivered if one.get("repeated")})
    verdict.doubled = max(0, await doubled(house) - verdict.admitted)
    verdict.dead = len(await stream(house.nats_url, "DEAD", parsed=False))
    tickets = sum(outcome.ticket for outcome in outcomes)
    confirmed = waiting = 0
    async with httpx.AsyncClient(base_url=house.registry, headers=house.admin) as http:
        for event in events:
            seen = (await http.get(f"/api/events/{event['id']}")).raise_for_status().json()
            confirmed += seen["confirmed"]
            waiting += seen["waiting"]
            verdict.oversold += max(0, seen["confirmed"] - seen["max_participants"])
    verdict.tickets_without_a_seat = max(0, tickets - confirmed)
    verdict.seats_without_a_ticket = max(0, confirmed - tickets)
    in_line = sum(outcome.in_line for outcome in outcomes)
    verdict.places_not_in_line = abs(waiting - in_line)
    verdict.notes.append(
        f"{len(outcomes)} dialogues, {confirmed} seats, {waiting} in line, {len(delivered)} results"
    )
    return verdict


async def doubled(house: House) -> int:
    """How often a phone got the same text again although its owner had said nothing between.

    In these dialogues no two answers in a row are alike, so a repeated text is a repeated send;
    but for the plea to try again, and a list or card of which it is said that it may be old: they
    are heard as often as somebody tries too early.
    """
    async with httpx.AsyncClient(base_url=house.simulator, timeout=60) as http:
        ledger = (await http.get("/sim/ledger")).raise_for_status().text.splitlines()
    sent: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in ledger:
        entry = json.loads(line)
        key = (entry["platform"], str(entry["person"]))
        if (
            entry["direction"] == "call"
            and entry["method"].lower() in SENDS
            and entry["outcome"] == "accepted"
            and not any(said in entry["text"] for said in (ASKS_TO_REPEAT, LAST_KNOWN))
        ):
            sent[key].append(entry["text"])
    return sum(sum(one == other for one, other in pairwise(texts)) for texts in sent.values())


async def stream(nats_url: str, name: str, *, parsed: bool = True) -> list[Any]:
    """Everything that a stream holds."""
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        left = (await jetstream.stream_info(name)).state.messages
        reader = await jetstream.pull_subscribe(">", stream=name)
        found: list[Any] = []
        while len(found) < left:
            try:
                batch = await reader.fetch(READ_BATCH, timeout=2)
            except nats.errors.TimeoutError:
                break
            for one in batch:
                found.append(json.loads(one.data) if parsed else one.subject)
                # A consumer stops handing out at a thousand that nobody acknowledged.
                await one.ack()
        assert len(found) >= left, f"{name} was read in part only"
        return found
    finally:
        await client.close()


def seen_by(outcomes: list[Any]) -> Counter[str]:
    """How the dialogues ended, for the report."""
    return Counter(
        "silent" if one.silent else "ticket" if one.ticket else "line" if one.in_line else "other"
        for one in outcomes
    )
