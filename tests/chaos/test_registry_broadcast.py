"""A message to many, while the parts that write, say and send it die: nobody gets it twice, and of
everybody it is known what became of it.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import httpx
import pytest

from devstack.house import House
from devstack.rig import RegistryRig
from runtime.testing import eventually
from tests.chaos.broadcast_audience import WORDS, Audience, Verdict, an_event
from tests.chaos.broadcast_feeding import Feeding

PEOPLE, BLOCKED = 300, 10
DYING = (("registry", 1), ("conversation", 1), ("notifier", 1), ("notifier", 2))
ROUNDS = 2
AFTER_CALL = "notifier.after-call:1"
GAP_SECONDS = (0.5, 2.0)
DONE_SECONDS_MAX = 280.0
"""Everything that dies has to start again, beside whatever else the machine does."""
LOOK_SECONDS = 0.25
OVER = ("finished", "cancelled")


class Organiser:
    """Somebody at the desk who looks again and again, whatever does not answer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def asks(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """The answer, as soon as there is one."""
        async with asyncio.timeout(DONE_SECONDS_MAX):
            while True:
                with suppress(httpx.HTTPError):
                    answer = await self._http.request(method, path, **arguments)
                    if answer.status_code < 500:
                        body: dict[str, Any] = answer.raise_for_status().json()
                        return body
                await asyncio.sleep(LOOK_SECONDS)

    async def sees(self, path: str) -> dict[str, Any]:
        """The answer of this moment, whatever it is."""
        body: dict[str, Any] = (await self._http.get(path)).json()
        return body

    async def until_over(self, message_id: str) -> dict[str, Any]:
        """Look until the message is over; when it has stopped by itself, go on."""
        seen: dict[str, Any] = {}
        try:
            async with asyncio.timeout(DONE_SECONDS_MAX):
                while True:
                    seen = await self.asks("GET", f"/api/messages/{message_id}")
                    if seen["status"] in OVER:
                        return seen
                    if seen["status"] == "paused":
                        await self.asks("POST", f"/api/messages/{message_id}/resume")
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it does not end: {seen}") from None


async def dies_now_and_then(house: House, chance: random.Random, died: Counter[str]) -> None:
    """Each part dies in every round, in another order; what died before is not back by then."""
    for _ in range(ROUNDS):
        for name, replica in chance.sample(DYING, len(DYING)):
            await asyncio.sleep(chance.uniform(*GAP_SECONDS))
            with suppress(LookupError):  # it is just being started
                await house.kill(name, replica)
                died[name] += 1
        for name, replica in DYING:
            await house.ready(name, replica)


@asynccontextmanager
async def open_house(**environment: str) -> AsyncIterator[tuple[House, Organiser, Audience]]:
    """An installation whose parts come back a second after they died, with people at an event."""
    async with (
        House(replicas={"notifier": 2}, environment=environment) as house,
        httpx.AsyncClient(base_url=house.simulator, timeout=30) as simulator,
        httpx.AsyncClient(base_url=house.registry, timeout=10, headers=house.admin) as desk,
    ):
        audience = Audience(simulator, house.database_url)
        await audience.arrives(PEOPLE)
        await house.quiet(DONE_SECONDS_MAX)
        yield house, Organiser(desk), audience


async def broadcast(*, broken: str = "") -> tuple[Verdict, Counter[str]]:
    """One message to everybody, and what became of it."""
    seed = int(os.environ.get("PROOF_SEED", "1"))
    died: Counter[str] = Counter()
    environment = {"TURNOUT_BREAK": broken} if broken else {}
    async with open_house(**environment) as (house, organiser, audience):
        event = await organiser.asks("POST", "/api/events", json=an_event(PEOPLE))
        await audience.takes_seats(UUID(event["id"]))
        await audience.blocks(BLOCKED)
        await house.quiet(DONE_SECONDS_MAX)
        # One dies at the worst moment: the platform has it, and nothing says so yet.
        await house.restart("notifier", environment={"TURNOUT_CRASH_AT": AFTER_CALL})
        doomed = house.pid("notifier")
        written = await organiser.asks(
            "POST",
            f"/api/events/{event['id']}/messages",
            json={"audience": "confirmed", "text": WORDS},
            headers={"Idempotency-Key": "one message"},
        )
        await eventually(lambda: house.pid("notifier") != doomed, DONE_SECONDS_MAX)
        died["notifier"] += 1
        chance = random.Random(seed)
        killing = asyncio.create_task(dies_now_and_then(house, chance, died))
        try:
            seen = await organiser.until_over(written["id"])
        finally:
            killing.cancel()
            await asyncio.wait([killing])
        for name, replica in DYING:
            await house.ready(name, replica)
        await house.quiet(DONE_SECONDS_MAX)
        verdict = await audience.judge(written["id"])
        assert seen["progress"]["recipients"] == PEOPLE, seen
    sys.stdout.write(
        f"\nPROOF_SEED={seed}: {dict(died)} died; {dict(verdict.states)}; "
        f"twice: {len(verdict.twice)}; faults: {verdict.faults}\n"
    )
    return verdict, died


@pytest.mark.timeout(900)
async def test_a_message_to_many_reaches_nobody_twice_whoever_dies() -> None:
    verdict, died = await broadcast()
    assert not verdict.faults, verdict
    assert not verdict.twice, verdict
    assert verdict.states.total() == PEOPLE
    assert verdict.states["accepted"] >= PEOPLE * 0.8
    assert set(died) == {name for name, _ in DYING}


@pytest.mark.timeout(900)
@pytest.mark.long
async def test_long_registry_broadcast_without_the_ledger_somebody_gets_it_twice() -> None:
    verdict, _ = await broadcast(broken="ledger")
    assert verdict.twice


@pytest.mark.timeout(1200)
@pytest.mark.long
async def test_long_registry_broadcast_to_100_000() -> None:
    """How long the registry alone needs; the platforms would need more than an hour."""
    people = int(os.environ.get("PROOF_PEOPLE", "100000"))
    async with (
        RegistryRig() as rig,
        Feeding(rig.nats_url, rig.database_url) as feeding,
        httpx.AsyncClient(base_url=rig.url(), timeout=30, headers=rig.admin) as desk,
    ):
        organiser = Organiser(desk)
        event = await organiser.asks("POST", "/api/events", json=an_event(people))
        await feeding.crowd(UUID(event["id"]), people)
        started = time.monotonic()
        path, body = f"/api/events/{event['id']}/messages", {"audience": "all", "text": WORDS}
        written = await organiser.asks("POST", path, json=body)
        while "recipients" not in (await organiser.sees(f"/api/messages/{written['id']}")).get(
            "progress", {}
        ):
            await asyncio.sleep(LOOK_SECONDS)
        prepared = time.monotonic()
        await feeding.feed(UUID(written["id"]), people)
        fed = time.monotonic()
        looked = await organiser.asks("GET", f"/api/messages/{written['id']}")
        seconds = time.monotonic() - fed
    sys.stdout.write(
        f"\n{people} recipients: written down in {prepared - started:.1f} s, handed over with "
        f"their results in {fed - prepared:.0f} s ({people / (fed - prepared):.0f}/s, slowest tick "
        f"{feeding.slowest_tick_seconds:.2f} s), looked at in {seconds:.2f} s\n"
    )
    assert (looked["status"], looked["progress"]["accepted"]) == ("finished", people)


def test_the_judge_sees_what_is_doubled_lost_or_said_wrongly() -> None:
    states = {"ann": "accepted", "ben": "accepted", "cid": "suppressed", "dan": None, "eve": "sent"}
    verdict = Verdict.on(states, {"ann": 2, "cid": 1, "eve": 1, "fay": 1})
    assert verdict.twice == ["ann"]
    assert sorted(fault.split()[0] for fault in verdict.faults) == ["ben", "cid", "dan", "fay"]
