"""What we hold of somebody, as they get it, and that it is gone when they wish."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import httpx
import pytest
import pytest_asyncio

from devstack.house import House
from devstack.redis_server import redis_url
from tests.e2e.people import (
    PLATFORMS,
    Organiser,
    Person,
    Platform,
    Simulator,
    own_address,
    registers,
)
from tests.e2e.proving import links
from tests.e2e.test_stories import unique
from tests.e2e.traces import traces

pytestmark = pytest.mark.asyncio(loop_scope="session")

MYDATA_SECONDS_MAX = 60.0
FORGOTTEN_SECONDS = 24 * 3600
PURGED_SECONDS_MAX = 60.0
"""A tick comes every 10 seconds, and there are two more purges."""
TO_PURGE = "SELECT count(*) FROM forgettings"


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_we_hold_comes_as_a_file_that_people_and_programs_read(
    simulator: Simulator, organiser: Organiser, platform: Platform
) -> None:
    await organiser.publishes(title := unique("Export"))
    ann = await simulator.person(platform, name="Ann Xerxes")
    assert (await registers(ann, title)).document is not None
    await ann.says("/mydata")
    heard = await ann.hears(MYDATA_SECONDS_MAX)
    while heard.document is None:
        heard = await ann.hears(MYDATA_SECONDS_MAX)
    file = await ann.http.get(heard.document["url"])
    text = file.raise_for_status().content.decode()
    for known in (ann.name, ann.email, title):
        assert known in text
    begins = text.index("\n{") + 1
    summary, data = text[:begins], json.JSONDecoder().raw_decode(text[begins:])[0]
    assert title in summary
    assert ann.email in json.dumps(data, ensure_ascii=False)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def redis_house() -> AsyncIterator[House]:
    """An installation with states in Redis."""
    async with House(environment={"STATE_STORE": "redis"}) as house:
        yield house


async def forgets(person: Person) -> None:
    """Wish to be forgotten, and mean it."""
    await person.says("/forget")
    await person.hears()
    await person.says("FORGET")
    await person.hears()


async def purged(house: House) -> None:
    """Wait until the last of what was on its way is gone as well."""
    connection = await asyncpg.connect(house.database_url)
    try:
        async with asyncio.timeout(PURGED_SECONDS_MAX):
            while await connection.fetchval(TO_PURGE):
                await asyncio.sleep(0.1)
    finally:
        await connection.close()
    await house.quiet()


async def leaves_no_trace(house: House, store: str | None) -> None:
    """Somebody registers on one messenger, links the other, is forgotten, and was never here."""
    async with AsyncExitStack() as stack:
        phones = await stack.enter_async_context(httpx.AsyncClient(base_url=house.simulator))
        desk = await stack.enter_async_context(
            httpx.AsyncClient(base_url=house.registry, headers=house.admin)
        )
        simulator = Simulator(phones)
        organiser = Organiser(desk, simulator)
        event = await organiser.publishes(title := unique("Nobody"), seats=1)
        name = "Ottokar " + own_address().partition("@")[0].capitalize()
        marked = await simulator.person("whatsapp", name=name, identity="phone+bsuid")
        witness = await simulator.person("telegram", name="Witness")
        assert (await registers(marked, title)).document is not None
        assert (await registers(witness, title)).place_in_line == 1
        second = await simulator.person("telegram", name=name)
        await links(second, marked)
        await house.quiet()
        # What is kept aside is looked through as well.
        await marked.says("Is there a cloakroom? " + marked.email)
        await house.quiet()
        words = {"name": name.split()[1], "e-mail": marked.email, "phone": marked.id}
        before = await traces(house, words, redis_url=store)
        assert {place.partition(" in ")[0] for place in before} == set(words), before
        await marked.catches_up()
        await forgets(marked)
        await house.quiet()
        assert "free for you" in (await witness.hears()).text
        await simulator.advance(FORGOTTEN_SECONDS)
        await purged(house)
        assert await traces(house, words, redis_url=store) == {}
        kept = await organiser.event(event["id"])
        assert kept["offered"] + kept["confirmed"] + kept["waiting"] <= 1


async def test_whoever_is_forgotten_leaves_no_trace_anywhere(house: House) -> None:
    await leaves_no_trace(house, None)


async def test_nor_in_redis(redis_house: House) -> None:
    await leaves_no_trace(redis_house, redis_url(redis_house.ports))
