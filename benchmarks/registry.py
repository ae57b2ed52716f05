"""The registry: claims that wait together are taken together, and nothing slows with its size.

Every ratio is against a yardstick of the same run, in rounds that take turns, on a PostgreSQL
that writes to the disk.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

import httpx

from benchmarks.claims import Load, claims
from benchmarks.registry_tables import add_events, add_registrations, taken
from benchmarks.results import Comparison
from contracts import ListEvents
from contracts.topology import COMMANDS_FETCHED_MAX
from devstack.rig import RegistryRig

ROUNDS = 3
WARM_UP_CLAIMS = 300
CLAIMS_BATCHED = 3_000
CLAIMS_ONE_BY_ONE = 600
"""Per round; both take a few seconds."""
SPREAD_EVENTS = 200
CLAIMS_SPREAD = 1_000
CLAIMS_PER_SECOND = 100.0
CLAIMS_TIMED = 400
P99_MILLISECONDS_MAX = 500.0
REGISTERED_BEFORE = 20_000
EVENTS = 100_000
REGISTRATIONS_PER_EVENT = 10
PEOPLE = 200_000
READS = 40
"""Per round and kind, one after another."""
PAGE_ROWS = 500
"""More registrations than a page shows."""
UNSLOWED = 1 / 1.2
"""Nothing takes more than 20 % longer."""


class Side:
    """A registry with servers of its own, and a load for it."""

    def __init__(self, rig: RegistryRig, load: Load) -> None:
        self.rig = rig
        self.load = load

    async def new_event(self) -> UUID:
        """Nobody has registered for it."""
        return (await add_events(self.rig.database_url, 1))[0]

    async def filled_event(self, registrations: int) -> UUID:
        """So many have registered for it."""
        event_id = await self.new_event()
        await add_registrations(
            self.rig.database_url, [event_id], people=registrations, per_event=registrations
        )
        return event_id

    async def rate(self, event_id: UUID, count: int) -> float:
        """Claims per second for one event; each must have got a seat."""
        before, _ = await taken(self.rig.database_url, event_id)
        rate = await self.load.rate(claims([event_id], count))
        counter, rows = await taken(self.rig.database_url, event_id)
        assert counter == rows == before + count, f"{before} + {count} claims: {counter}, {rows}"
        return rate

    async def hot(self, count: int) -> float:
        """Claims per second for a new event."""
        return await self.rate(await self.new_event(), count)

    async def spread(self, events: list[UUID]) -> float:
        """Claims per second, the events taking turns."""
        return await self.load.rate(claims(events, CLAIMS_SPREAD))

    async def answers(self) -> float:
        """How often per second a chat gets its list of events."""
        return await _per_second(lambda: self.load.ask(ListEvents()))

    async def pages(self, path: str) -> float:
        """How often per second an organiser gets a page of the API."""
        async with httpx.AsyncClient(
            base_url=self.rig.url(), headers=self.rig.admin, trust_env=False
        ) as client:

            async def page() -> None:
                (await client.get(path)).raise_for_status()

            return await _per_second(page)


async def _per_second(read: Callable[[], Awaitable[object]]) -> float:
    # The first one pays for its connection.
    await read()
    started = time.perf_counter()
    for _ in range(READS):
        await read()
    return READS / (time.perf_counter() - started)


async def run() -> list[Comparison]:
    """Everything, within a few minutes."""
    async with AsyncExitStack() as stack:

        async def side(batch_max: int) -> Side:
            rig = RegistryRig(environment={"COMMANDS_PER_BATCH_MAX": str(batch_max)})
            await stack.enter_async_context(rig)
            load = await stack.enter_async_context(Load(rig.nats_url))
            one = Side(rig, load)
            await one.hot(WARM_UP_CLAIMS)
            return one

        together, one_by_one = await side(COMMANDS_FETCHED_MAX), await side(1)
        return [
            *await _whole_service(together, one_by_one),
            await _filled(together),
            await _tail(together),
            *await _large(together, one_by_one),
        ]


async def _whole_service(together: Side, one_by_one: Side) -> list[Comparison]:
    hot = Comparison(
        "registry: command in the stream → COMMIT → outcome in the stream, one hot event",
        "registrations/s",
        "the same service, one command per transaction",
        aim=4.0,
    )
    spread = Comparison(
        f"registry: the same, {SPREAD_EVENTS} events taking turns",
        "registrations/s",
        "one hot event, one command per transaction",
        aim=1.0,
    )
    events = await add_events(together.rig.database_url, SPREAD_EVENTS)
    for _ in range(ROUNDS):
        hot.ours.append(await together.hot(CLAIMS_BATCHED))
        yardstick = await one_by_one.hot(CLAIMS_ONE_BY_ONE)
        spread.ours.append(await together.spread(events))
        hot.yardstick.append(yardstick)
        spread.yardstick.append(yardstick)
    return [hot, spread]


async def _filled(side: Side) -> Comparison:
    comparison = Comparison(
        f"registry: a hot event with {REGISTERED_BEFORE:,} registered before",
        "registrations/s",
        "a new one",
        aim=0.8,
    )
    filled = await side.filled_event(REGISTERED_BEFORE)
    for _ in range(ROUNDS):
        comparison.ours.append(await side.rate(filled, CLAIMS_BATCHED))
        comparison.yardstick.append(await side.hot(CLAIMS_BATCHED))
    return comparison


async def _tail(side: Side) -> Comparison:
    """Not against another measurement, but against what field.md promises."""
    comparison = Comparison(
        f"registry: p99 of a claim at {CLAIMS_PER_SECOND:.0f}/s, one hot event",
        "ms",
        "the most it may be",
    )
    for _ in range(ROUNDS):
        wanted = claims([await side.new_event()], CLAIMS_TIMED)
        comparison.ours.append(await side.load.p99_seconds(wanted, CLAIMS_PER_SECOND) * 1000)
        comparison.yardstick.append(P99_MILLISECONDS_MAX)
    return comparison


async def _large(small: Side, large: Side) -> list[Comparison]:
    """A large database beside one that holds next to nothing; both take claims together."""
    await large.rig.halt()
    await large.rig.start(environment={"COMMANDS_PER_BATCH_MAX": str(COMMANDS_FETCHED_MAX)})
    events = await add_events(large.rig.database_url, EVENTS)
    await add_registrations(
        large.rig.database_url, events, people=PEOPLE, per_event=REGISTRATIONS_PER_EVENT
    )
    await large.hot(WARM_UP_CLAIMS)
    size = f"{EVENTS:,} events, {EVENTS * REGISTRATIONS_PER_EVENT:,} registrations"

    def comparison(what: str, unit: str) -> Comparison:
        return Comparison(f"{what} among {size}", unit, "in a small database", aim=UNSLOWED)

    rate = comparison("registry: a hot event", "registrations/s")
    listed = comparison("registry: the chats' list of events", "answers/s")
    events_page = comparison("registry: GET /api/events", "pages/s")
    registrations_page = comparison("registry: GET /api/events/{id}/registrations", "pages/s")
    pages = {side: await side.filled_event(PAGE_ROWS) for side in (small, large)}
    for _ in range(ROUNDS):
        for side, event_id in pages.items():
            for into, measured in (
                (rate, await side.hot(CLAIMS_BATCHED)),
                (listed, await side.answers()),
                (events_page, await side.pages("/api/events")),
                (registrations_page, await side.pages(f"/api/events/{event_id}/registrations")),
            ):
                (into.ours if side is large else into.yardstick).append(measured)
    return [rate, listed, events_page, registrations_page]
