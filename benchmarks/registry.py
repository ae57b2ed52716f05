"""The registry: claims that wait together are taken together, and nothing slows with its size.

Every ratio is against a yardstick of the same run, in rounds that take turns, on a PostgreSQL
that writes to the disk.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

import httpx

from benchmarks import registry_database
from benchmarks.claims import Load, claims
from benchmarks.registry_tables import add_events, add_registrations, taken
from benchmarks.results import Comparison, rounds
from contracts import ListEvents
from contracts.topology import COMMANDS_FETCHED_MAX
from devstack.rig import RegistryRig

ROUNDS = 5
SECONDS_MAX = 15.0
"""Per comparison; then no further round begins."""
WARM_UP_CLAIMS = 200
CLAIMS_BATCHED = 1_000
CLAIMS_ONE_BY_ONE = 200
"""Per round. Many short rounds that take turns: others use this machine as well."""
SPREAD_EVENTS = 200
CLAIMS_SPREAD = 400
CLAIMS_PER_SECOND = 100.0
CLAIMS_TIMED = 200
P99_MILLISECONDS_MAX = 500.0
REGISTERED_BEFORE = 20_000
EVENTS = 100_000
REGISTRATIONS_PER_EVENT = 10
PEOPLE = 100_000
READ_ROUNDS = 20
READS = 10
"""Per round and kind, one after another."""
PAGE_ROWS = 500
"""More registrations than a page shows."""
UNSLOWED = 1 / 1.2
"""Nothing takes more than 20 % longer."""

Read = Callable[[], Awaitable[None]]


class Side:
    """A registry with servers of its own, and a load for it."""

    def __init__(self, rig: RegistryRig, load: Load, api: httpx.AsyncClient) -> None:
        self.rig = rig
        self.load = load
        self.api = api

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

    async def ask(self) -> None:
        """A chat gets its list of events."""
        await self.load.ask(ListEvents())

    async def page(self, path: str) -> None:
        """An organiser gets a page of the API."""
        (await self.api.get(path)).raise_for_status()


async def run() -> list[Comparison]:
    """Everything, within a few minutes."""
    async with AsyncExitStack() as stack:

        async def side(batch_max: int) -> Side:
            rig = RegistryRig(
                environment={"COMMANDS_PER_BATCH_MAX": str(batch_max)}, monitored=False
            )
            await stack.enter_async_context(rig)
            load = await stack.enter_async_context(Load(rig.nats_url))
            api = httpx.AsyncClient(base_url=rig.url(), headers=rig.admin, trust_env=False)
            one = Side(rig, load, await stack.enter_async_context(api))
            await one.hot(WARM_UP_CLAIMS)
            return one

        together, one_by_one = await side(COMMANDS_FETCHED_MAX), await side(1)
        return [
            *await _whole_service(together, one_by_one),
            *await registry_database.compare(
                together.rig.database_url, rounds(ROUNDS, SECONDS_MAX)
            ),
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
    for _ in rounds(ROUNDS, SECONDS_MAX):
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
    for _ in rounds(ROUNDS, SECONDS_MAX):
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
    for _ in rounds(ROUNDS, SECONDS_MAX):
        wanted = claims([await side.new_event()], CLAIMS_TIMED)
        comparison.ours.append(await side.load.p99_seconds(wanted, CLAIMS_PER_SECOND) * 1000)
        comparison.yardstick.append(P99_MILLISECONDS_MAX)
    return comparison


async def _large(small: Side, large: Side) -> list[Comparison]:
    """A large database beside one that holds next to nothing; both take claims together."""
    for side in (small, large):
        # Both, for a process that has just begun is another one than one that has worked.
        await side.rig.halt()
        await side.rig.start(environment={"COMMANDS_PER_BATCH_MAX": str(COMMANDS_FETCHED_MAX)})
    events = await add_events(large.rig.database_url, EVENTS)
    await add_registrations(
        large.rig.database_url, events, people=PEOPLE, per_event=REGISTRATIONS_PER_EVENT
    )
    for side in (small, large):
        await side.hot(WARM_UP_CLAIMS)
    size = f"{EVENTS:,} events, {EVENTS * REGISTRATIONS_PER_EVENT:,} registrations"

    def comparison(what: str, unit: str) -> Comparison:
        return Comparison(f"{what} among {size}", unit, "in a small database", aim=UNSLOWED)

    rate = comparison("registry: a hot event", "registrations/s")
    for _ in rounds(ROUNDS, SECONDS_MAX):
        rate.yardstick.append(await small.hot(CLAIMS_BATCHED))
        rate.ours.append(await large.hot(CLAIMS_BATCHED))
    small_event, large_event = [await side.filled_event(PAGE_ROWS) for side in (small, large)]
    reads: list[tuple[Comparison, Read, Read]] = [
        (comparison("registry: the chats' list of events", "answers/s"), small.ask, large.ask),
        (
            comparison("registry: GET /api/events", "pages/s"),
            lambda: small.page("/api/events"),
            lambda: large.page("/api/events"),
        ),
        (
            comparison("registry: GET /api/events/{id}/registrations", "pages/s"),
            lambda: small.page(f"/api/events/{small_event}/registrations"),
            lambda: large.page(f"/api/events/{large_event}/registrations"),
        ),
    ]
    for read, in_small, in_large in reads:
        for _ in rounds(READ_ROUNDS, SECONDS_MAX):
            read.yardstick.append(await _per_second(in_small))
            read.ours.append(await _per_second(in_large))
    return [rate, *(read for read, _, _ in reads)]


async def _per_second(read: Read) -> float:
    # The first one may pay for its connection.
    await read()
    started = time.perf_counter()
    for _ in range(READS):
        await read()
    return READS / (time.perf_counter() - started)
