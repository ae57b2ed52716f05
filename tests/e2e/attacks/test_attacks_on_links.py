"""Attacks on the link between a chat and a person: none has success, and the honest way works."""

import asyncio

import asyncpg
import pytest

from devstack.house import House
from tests.e2e.attacks.forging import taps_anything
from tests.e2e.attacks.victim import Victim, registered, stranger, user_of
from tests.e2e.people import PLATFORMS, Organiser, Platform, Simulator, registers
from tests.e2e.proving import asks_to_link, links, mine

pytestmark = pytest.mark.asyncio(loop_scope="session")

RACES = 5
LINK_OF = "SELECT id FROM links WHERE user_id = $1 AND ended_at IS NULL"
SEATS = """
SELECT r.id, r.user_id FROM event_registrations r JOIN events e ON e.id = r.event_id
WHERE e.title = $1 AND r.status = 'confirmed'
"""


async def rows(house: House, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(house.database_url)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        return found
    finally:
        await connection.close()


async def test_two_chats_that_link_at_once_are_one_person_with_one_seat(
    house: House, simulator: Simulator, organiser: Organiser
) -> None:
    for _ in range(RACES):
        victim = await registered(house, simulator, organiser)
        # One has a seat at the same event, under an address of their own; the other has none.
        phones = [await stranger(simulator), await stranger(simulator, "telegram")]
        assert (await registers(phones[0], victim.title)).document is not None
        codes = []
        for phone in phones:
            await phone.says("/link")
            await phone.hears()
            await phone.says(victim.email)
            await phone.hears()
            codes.append(await victim.person.reads_the_code())
        await asyncio.gather(*(one.says(code) for one, code in zip(phones, codes, strict=True)))
        await house.quiet()
        owner = await victim.user()
        assert [await user_of(house, phone) for phone in phones] == [owner, owner]
        assert [row["user_id"] for row in await rows(house, SEATS, victim.title)] == [owner]


async def test_the_same_code_typed_twice_at_once_links_once(
    house: House, simulator: Simulator, victim: Victim
) -> None:
    phone = await stranger(simulator)
    await asks_to_link(phone, victim.email)
    code = await victim.person.reads_the_code()
    await asyncio.gather(*(phone.says(code) for _ in range(4)))
    await house.quiet()
    owner = await victim.user()
    assert await user_of(house, phone) == owner
    assert len(await rows(house, LINK_OF, owner)) == 1


async def test_who_links_to_somebody_that_was_merged_meanwhile_joins_who_they_are_now(
    house: House, simulator: Simulator, organiser: Organiser, victim: Victim
) -> None:
    # The person of this chat goes up in the victim while the code is on its way.
    other = await registered(house, simulator, organiser, "telegram")
    late = await stranger(simulator)
    await asks_to_link(late, other.email)
    code = await other.person.reads_the_code()
    await other.person.says("/link")
    await other.person.hears()
    await other.person.says(victim.email)
    await other.person.hears()
    await other.person.says(await victim.person.reads_the_code())
    await house.quiet()
    owner = await victim.user()
    assert await user_of(house, other.person) == owner
    await late.says(code)
    await house.quiet()
    # Whoever reads that mailbox is the one behind it, whatever has become of them; but it is no
    # way to the address that it was merged into.
    assert await user_of(house, late) not in (None, owner)
    await late.catches_up()
    assert victim.title not in await mine(late)


async def test_who_links_to_somebody_that_was_deleted_meanwhile_finds_nobody(
    house: House, simulator: Simulator, victim: Victim
) -> None:
    late = await stranger(simulator)
    await asks_to_link(late, victim.email)
    code = await victim.person.reads_the_code()
    gone = await victim.user()
    await victim.person.says("/forget")
    await victim.person.hears()
    await victim.person.says("FORGET")
    await victim.person.hears()
    await house.quiet()
    await late.says(code)
    await house.quiet()
    assert await user_of(house, late) != gone
    await late.catches_up()
    assert victim.title not in await mine(late)
    assert victim.person.name not in str(await late.chat())


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_the_contact_card_of_somebody_else_links_nobody(
    house: House, simulator: Simulator, organiser: Organiser, platform: Platform
) -> None:
    victim = await registered(house, simulator, organiser, platform)
    thief = await stranger(simulator, platform)
    await thief.says("/link")
    await thief.hears()
    # WhatsApp forwards a card as it is; Telegram gives the number and no id of the person.
    await thief.sends("contact", phone=victim.person.id)
    await thief.hears()
    await mine(thief)
    await victim.lost_nothing(thief)
    # Not even one's own: a number is no proof.
    await thief.sends("contact")
    await thief.hears()
    await victim.lost_nothing(thief)
    await thief.catches_up()
    await thief.says(victim.email)
    await thief.hears()
    await thief.says(await victim.person.reads_the_code())
    await house.quiet()
    assert await user_of(house, thief) == await victim.user()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_stranger_cannot_part_other_peoples_chats(
    house: House, simulator: Simulator, victim: Victim, platform: Platform
) -> None:
    phone = await stranger(simulator)
    await links(phone, victim.person)
    await house.quiet()
    await victim.person.catches_up()
    owner = await victim.user()
    (link,) = await rows(house, LINK_OF, owner)
    victim.rows = await victim.own_rows()
    thief, known_thief = await stranger(simulator, platform), await stranger(simulator, platform)
    assert (await registers(known_thief, victim.title)).document is not None
    known_thief_chat = await known_thief.chat()
    (verb,) = {
        choice["data"].partition(":")[0]
        for entry in await victim.person.chat()
        for choice in entry["choices"]
        if "wasn't me" in choice["label"]
    }
    for one in (thief, known_thief):
        await one.says("/help")
        await one.hears()
        await taps_anything(house, one, f"{verb}:{link['id']}")
        await house.quiet()
        # And once more, to whatever was asked.
        await one.says("yes")
        await house.quiet()
    await victim.lost_nothing(thief)
    assert await user_of(house, known_thief) != owner
    assert len(known_thief_chat) < len(await known_thief.chat())
    # The control: the victim can.
    await victim.person.taps("wasn't me")
    await house.quiet()
    if await user_of(house, phone) == owner:
        await victim.person.says("yes")
        await house.quiet()
    assert await user_of(house, phone) not in (None, owner)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_tapped_ids_of_other_peoples_seats_do_nothing(
    house: House, simulator: Simulator, victim: Victim, platform: Platform
) -> None:
    thief = await stranger(simulator, platform)
    await thief.says("/help")
    await thief.hears()
    registration = (
        await rows(
            house, "SELECT id FROM event_registrations WHERE user_id = $1", await victim.user()
        )
    )[0]["id"]
    for verb in ("ticket", "mine", "drop", "drop-now", "coming", "calendar", "take", "xtake"):
        await taps_anything(house, thief, f"{verb}:{registration}")
        await house.quiet()
    await thief.says("yes")
    await victim.lost_nothing(thief)
    # The control: the victim's own tap is obeyed.
    await taps_anything(house, victim.person, f"drop:{registration}")
    await house.quiet()
    await victim.person.says("yes")
    await house.quiet()
    assert await victim.own_rows() != victim.rows
