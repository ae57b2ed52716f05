"""The booking system is down, and nobody is left without a word."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from devstack.house import House
from tests.e2e.people import (
    ANSWERS_LATER,
    ASKS_TO_REPEAT,
    LAST_KNOWN,
    Organiser,
    Person,
    Simulator,
    whole_way,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST_IS_FRESH_SECONDS = 0.5
"""A list this young is told without a mark."""
NOTICED_SECONDS_MAX = 60.0
"""An outage is one after 5 s and over after 15; the machine may be busy."""


@pytest_asyncio.fixture(loop_scope="session")
async def admin(house: House, simulator: Simulator) -> AsyncIterator[Person]:
    """The admin, who has said hello to the bot as one must to be written to."""
    admin = await simulator.person("telegram", name="Admin")
    await admin.says("/start")
    await admin.hears()
    await house.restart("conversation", environment={"ADMIN_TELEGRAM_CHAT": admin.id})
    yield admin
    await house.restart("conversation")


async def test_while_the_registry_is_down_wishes_are_kept_and_the_admin_hears_of_it_once(
    house: House, simulator: Simulator, organiser: Organiser, admin: Person
) -> None:
    event = await organiser.publishes(title := f"Silence {uuid4().hex[:6]}")
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    *asked, confirm = whole_way(ann, title)
    for step in asked:
        await step()
        await ann.hears()
    await asyncio.sleep(LIST_IS_FRESH_SECONDS)
    await house.halt("registry")

    await bob.says("Hello")
    listed = await bob.hears()
    assert LAST_KNOWN in listed.text
    assert title in listed.text
    await bob.taps(title)
    card = await bob.hears()
    assert LAST_KNOWN in card.text
    assert "10 seats left" in card.text
    await bob.says("my registrations")
    mine = await bob.hears()
    assert ASKS_TO_REPEAT in mine.text
    assert mine.label("Try again")

    await confirm()
    assert ANSWERS_LATER in (await ann.hears()).text
    await ann.says("/help")
    assert "Your request is safe" in (await ann.hears()).text

    assert "has not answered since" in (await admin.hears(NOTICED_SECONDS_MAX)).text
    await house.start("registry")
    ticket = await ann.hears_in_the_end()
    assert ticket.document is not None
    assert title in ticket.text
    assert "answers again" in (await admin.hears(NOTICED_SECONDS_MAX)).text
    await bob.taps("Try again")
    assert ASKS_TO_REPEAT not in (await bob.hears()).text
    await house.quiet()
    for person in (admin, ann, bob):
        await person.hears_nothing_more()
    assert (await organiser.event(event["id"]))["confirmed"] == 1
