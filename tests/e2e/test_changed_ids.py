"""Somebody takes another number, and what they registered for is theirs as before."""

from typing import Literal
from uuid import uuid4

import pytest

from devstack.house import House
from tests.e2e.people import Heard, Organiser, Person, Simulator, registers

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_SECONDS = 3600

Shows = Literal["phone", "phone+bsuid", "bsuid+username"]


async def takes_another_number(house: House, person: Person) -> None:
    """WhatsApp tells it, and nothing of that is on its way any more."""
    new = f"4477{uuid4().int % 10**8:08d}"
    answer = await person.http.post(f"/sim/people/whatsapp/{person.id}/number", json={"new": new})
    assert answer.is_success, answer.text
    await house.quiet()


async def own_registrations(person: Person) -> Heard:
    await person.says("my registrations")
    return await person.hears()


@pytest.mark.parametrize("shows", ["phone", "phone+bsuid", "bsuid+username"])
async def test_who_takes_another_number_keeps_the_ticket_and_is_reminded_there(
    house: House, simulator: Simulator, organiser: Organiser, shows: Shows
) -> None:
    title = f"Moving {uuid4().hex[:6]}"
    await organiser.publishes(title, starts_in_seconds=26 * HOUR_SECONDS)
    ann = await simulator.person("whatsapp", identity=shows)
    assert (await registers(ann, title)).document is not None
    await takes_another_number(house, ann)
    assert title in (mine := await own_registrations(ann)).text + " ".join(mine.labels)
    await simulator.advance(2 * HOUR_SECONDS + 60)
    assert title in (await ann.hears()).text
    await ann.hears_nothing_more()


async def test_without_telling_the_registry_the_ticket_would_be_lost(
    house: House, simulator: Simulator, organiser: Organiser
) -> None:
    """The negative control of the test above."""
    title = f"Lost {uuid4().hex[:6]}"
    await organiser.publishes(title)
    ann = await simulator.person("whatsapp")
    assert (await registers(ann, title)).document is not None
    await house.restart("conversation", environment={"TURNOUT_BREAK": "following"})
    try:
        await takes_another_number(house, ann)
        assert title not in (mine := await own_registrations(ann)).text + " ".join(mine.labels)
    finally:
        await house.restart("conversation")
