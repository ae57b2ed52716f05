"""One person on two messengers: proof of an address, held seats, links and their end."""

import pytest

from devstack.house import House
from tests.e2e.people import PLATFORMS, Organiser, Person, Platform, Simulator, registers
from tests.e2e.proving import mine
from tests.e2e.test_stories import unique

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOLD_SECONDS = 600
TICK_SECONDS = 60


async def test_registered_on_telegram_linked_from_whatsapp_shown_and_cancelled_there(
    simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Both"))
    ann = await simulator.person("telegram", name="Ann")
    ticket = await registers(ann, title)
    assert ticket.document is not None
    phone = await simulator.person("whatsapp", name="Ann")
    # Who asks for a ticket in a chat that nobody knows is led to the proof, and then has it.
    await phone.says("ticket")
    assert "e-mail address" in (await phone.hears()).text
    await phone.says(ann.email)
    assert ann.email in (await phone.hears()).text
    await phone.says(await ann.reads_the_code())
    shown = await phone.hears()
    while shown.document is None:
        shown = await phone.hears()
    assert title in shown.text
    assert "WhatsApp is connected" in (await ann.hears()).text
    assert title in await mine(ann)
    assert (await organiser.event(event["id"]))["confirmed"] == 1
    await phone.says("cancel")
    await phone.hears()
    await phone.taps("Yes")
    assert "cancelled" in (await phone.hears()).text.casefold()
    assert (await organiser.event(event["id"]))["confirmed"] == 0
    assert title not in await mine(ann)


async def asked_for_a_code(person: Person, title: str) -> None:
    """Register, up to the question for the code."""
    await person.opens_event(title)
    await person.taps("Register")
    await person.hears()
    await person.says(person.name)
    await person.hears()
    await person.says(person.email)
    await person.hears()
    await person.taps("Confirm")
    asked = await person.hears()
    assert person.email in asked.text
    assert asked.document is None


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_seat_is_held_until_the_code_comes_and_the_next_one_needs_none(
    house: House, simulator: Simulator, organiser: Organiser, platform: Platform
) -> None:
    event = await organiser.publishes(title := unique("Held"))
    second = await organiser.publishes(other := unique("Known"))
    ann = await simulator.person(platform, name="Ann")
    await asked_for_a_code(ann, title)
    await house.quiet()
    seen = await organiser.event(event["id"])
    assert (seen["held"], seen["confirmed"]) == (1, 0)
    ticket = await ann.proves()
    assert title in ticket.text
    assert ticket.document is not None
    seen = await organiser.event(event["id"])
    assert (seen["held"], seen["confirmed"]) == (0, 1)
    await ann.opens_event(other)
    await ann.taps("Register")
    await ann.hears()
    await ann.taps("Confirm")
    assert (await ann.hears()).document is not None
    assert (await organiser.event(second["id"]))["confirmed"] == 1


async def test_a_held_seat_that_nobody_proves_goes_to_who_waits(
    house: House, simulator: Simulator, organiser: Organiser
) -> None:
    event = await organiser.publishes(title := unique("Run out"), seats=1)
    ann = await simulator.person("telegram", name="Ann")
    bob = await simulator.person("whatsapp", name="Bob")
    await asked_for_a_code(ann, title)
    assert (await registers(bob, title)).place_in_line == 1
    await simulator.advance(HOLD_SECONDS + TICK_SECONDS)
    assert "free for you" in (await bob.hears()).text
    gone = await ann.hears()
    assert title in gone.text
    assert gone.label("Register again")
    # The code came too late for the seat.
    code = await ann.reads_the_code()
    await ann.says(code)
    assert (await ann.hears()).document is None
    await bob.taps("Take the seat")
    assert (await bob.hears_in_the_end()).document is not None
    await house.quiet()
    seen = await organiser.event(event["id"])
    assert (seen["confirmed"], seen["held"]) == (1, 0)


async def test_whoever_says_that_it_was_not_them_is_alone_again(
    house: House, simulator: Simulator, organiser: Organiser
) -> None:
    await organiser.publishes(title := unique("Mine"))
    await organiser.publishes(brought := unique("Brought"))
    ann = await simulator.person("telegram", name="Ann")
    other = await simulator.person("whatsapp", name="Otto")
    assert (await registers(ann, title)).document is not None
    assert (await registers(other, brought)).document is not None
    await other.says("русский")
    await other.hears()
    await other.says("/link")
    await other.hears()
    await other.says(ann.email)
    await other.hears()
    await other.says(await ann.reads_the_code())
    await house.quiet()
    await other.catches_up()
    assert "WhatsApp is connected" in (await ann.hears()).text
    assert brought in await mine(ann)
    await ann.taps("wasn't me")
    await house.quiet()
    await ann.taps("Yes, disconnect it")
    await house.quiet()
    await ann.catches_up()
    told = await other.catches_up()
    # In the language of that chat, which is not Ann's.
    assert any("больше не связан" in text for text in told), told
    shown = await mine(ann)
    assert title in shown
    assert brought not in shown
    shown = await mine(other)
    assert brought in shown
    assert title not in shown
