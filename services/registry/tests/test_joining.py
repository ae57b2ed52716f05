"""Whoever has proven an address is one person, on whatever messenger, and loses nothing by it."""

import pytest
from link_house import (
    ANN,
    BEN,
    BEN_TELEGRAM,
    TELEGRAM,
    WHATSAPP,
    LinkHouse,
)
from registry_commands import promise
from registry_house import QuietHouse, chat

from contracts import (
    ChangePreferences,
    EmailProven,
    ListRegistrations,
)
from registry.queries import Queries


@pytest.fixture
def links(quiet_house: QuietHouse) -> LinkHouse:
    return LinkHouse(quiet_house)


async def test_a_held_seat_is_confirmed_by_the_code(links: LinkHouse) -> None:
    event = await links.house.event()
    held = await links.claims(event, TELEGRAM)
    assert held.status == "held"
    proven = await links.proves(TELEGRAM, ANN)
    (card,) = proven.registrations
    assert (card.id, card.status, card.ticket is not None) == (held.id, "confirmed", True)
    assert (proven.link_id, proven.messengers) == (None, ())
    assert (await links.claims(await links.house.event(), TELEGRAM)).status == "confirmed"
    await links.judge()


async def test_a_new_chat_that_proves_an_address_nobody_has_is_a_new_person(
    links: LinkHouse,
) -> None:
    proven = await links.proves(WHATSAPP, ANN)
    assert (proven.name, proven.link_id) == ("Ann Lee", None)
    (row,) = await links.house.rows("SELECT email, name FROM users")
    assert (row["email"], row["name"]) == (ANN, "Ann Lee")
    assert list(await links.people()) == [WHATSAPP]


async def test_a_new_chat_joins_whoever_has_proven_the_address(links: LinkHouse) -> None:
    event = await links.house.event()
    await links.claims(event, TELEGRAM)
    await links.proves(TELEGRAM, ANN)
    stored = await links.house.carry_out(await links.code(WHATSAPP, ANN))
    assert isinstance(stored.result, EmailProven)
    assert stored.result.messengers == ("telegram",)
    people = await links.people()
    assert people[TELEGRAM] == people[WHATSAPP]
    (told,) = await links.told(stored)
    assert told.recipient is not None
    assert told.recipient.address == TELEGRAM
    assert (told.messenger, told.link_id) == ("whatsapp", stored.result.link_id)
    queries = Queries(database=links.house.databases[0], clock=links.house.clock)
    seen = await queries.list_registrations(ListRegistrations(address=WHATSAPP))
    assert [card.event.id for card in seen.registrations] == [event]
    await links.judge()


async def test_two_persons_become_one_with_everything_they_had(links: LinkHouse) -> None:
    mine, other, both = [await links.house.event() for _ in range(3)]
    await links.claims(mine, TELEGRAM)
    await links.proves(TELEGRAM, ANN)
    first = await links.claims(both, TELEGRAM)
    await links.claims(other, WHATSAPP)
    await links.proves(WHATSAPP, BEN)
    second = await links.claims(both, WHATSAPP)
    proven = await links.proves(WHATSAPP, ANN)
    assert proven.freed == 1
    assert await links.statuses(first, second) == ["confirmed", "merged"]
    people = await links.people()
    assert set(await links.owners(*await links.registrations())) == {people[TELEGRAM]}
    assert people[TELEGRAM] == people[WHATSAPP]
    assert len(await links.house.rows("SELECT FROM users")) == 1
    await links.judge()


async def test_the_freed_seat_is_offered_to_who_waits_first(links: LinkHouse) -> None:
    event = await links.house.event(seats=20)
    waiting = []
    for person, address in ((1, TELEGRAM), (2, WHATSAPP)):
        await links.proves(address, f"{person}@example.org")
        await links.claims(event, address)
    for person in range(3, 24):
        await links.proves(chat(person), f"{person}@example.org")
        waiting.append(await links.claims(event, chat(person)))
    proven = await links.proves(WHATSAPP, "1@example.org")
    assert proven.freed == 1
    assert (await links.statuses(*waiting[-3:])) == ["offered", "waiting", "waiting"]
    await links.judge()


async def test_whoever_said_stop_on_one_messenger_said_it_to_us(links: LinkHouse) -> None:
    await links.proves(TELEGRAM, ANN)
    await links.proves(WHATSAPP, BEN)
    await links.does(ChangePreferences(**links.now(), chat=WHATSAPP, muted=True))
    await links.proves(WHATSAPP, ANN)
    (row,) = await links.house.rows("SELECT muted, email FROM users")
    assert (row["muted"], row["email"]) == (True, ANN)


async def test_a_seat_that_was_promised_is_promised_to_who_they_are_now(links: LinkHouse) -> None:
    event = await links.house.event()
    for address, email in ((TELEGRAM, ANN), (WHATSAPP, BEN), (chat(3), "eve@example.org")):
        await links.proves(address, email)
    seat = await links.claims(event, chat(3))
    await links.does(promise(seat, 3, BEN))
    await links.proves(WHATSAPP, ANN)
    people = await links.people()
    found = (await links.registrations())[seat.id]
    assert found["transfer_to"] == people[TELEGRAM]
    await links.judge()


async def test_nobody_hands_a_seat_on_to_themselves(links: LinkHouse) -> None:
    event = await links.house.event()
    await links.proves(BEN_TELEGRAM, BEN)
    await links.proves(WHATSAPP, ANN)
    seat = await links.claims(event, BEN_TELEGRAM)
    await links.does(promise(seat, 2, ANN))
    await links.proves(WHATSAPP, BEN)
    assert (await links.registrations())[seat.id]["transfer_to"] is None
    await links.judge()
