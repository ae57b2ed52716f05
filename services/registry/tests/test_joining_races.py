"""Persons become one while others write for them: whoever comes second looks again.

Each race is run in both orders. All have looked, and none has written, when the race begins.
"""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from link_house import (
    ANN,
    BEN,
    BEN_TELEGRAM,
    BEN_WHATSAPP,
    TELEGRAM,
    WHATSAPP,
    LinkHouse,
    at_once,
)
from registry_commands import promise, take_promised
from registry_house import QuietHouse, chat

from contracts import (
    ChangePreferences,
    ChatRevision,
    ChatState,
    CodeRefused,
    Command,
    EmailProven,
    ForgetPerson,
    SaveChatState,
    SeatTransferred,
)
from registry.chat_states import ChatStates

EVE = "eve@example.org"
BOTH_ORDERS = pytest.mark.parametrize("join_first", [True, False])


@pytest.fixture
def links(quiet_house: QuietHouse) -> LinkHouse:
    return LinkHouse(quiet_house)


async def race(
    links: LinkHouse, *commands: Command, first: bool = True, table: str = "identities"
) -> list[Any]:
    """The outcomes of commands that are carried out at once, in the order of the commands."""
    ordered = commands if first else tuple(reversed(commands))
    done = await at_once(links.house, table, *(links.does(one) for one in ordered))
    return done if first else done[::-1]


async def two_persons(links: LinkHouse) -> tuple[UUID, UUID]:
    """Ann on Telegram and Ben on WhatsApp, each with a seat at an event of their own."""
    events = []
    for address, email in ((TELEGRAM, ANN), (BEN_WHATSAPP, BEN)):
        events.append(await links.house.event())
        await links.proves(address, email)
        await links.claims(events[-1], address)
    return events[0], events[1]


async def is_one_person(links: LinkHouse, people: int = 1) -> UUID:
    """The one whom all chats speak for, and who has everything."""
    (person,) = set((await links.people()).values())
    assert {row["user_id"] for row in (await links.registrations()).values()} <= {person}
    assert len(await links.house.rows("SELECT FROM users")) == people
    await links.judge()
    return person


async def test_two_chats_join_the_same_person_at_once(links: LinkHouse) -> None:
    await two_persons(links)
    codes = [await links.code(TELEGRAM, BEN), await links.code(WHATSAPP, BEN)]
    results = await race(links, *codes)
    assert all(isinstance(result, EmailProven) for result in results)
    await is_one_person(links)
    assert len(await links.house.rows("SELECT FROM links WHERE ended_at IS NULL")) == 2


async def test_two_chats_of_one_person_join_two_others(links: LinkHouse) -> None:
    await two_persons(links)
    await links.proves(WHATSAPP, ANN)
    await links.proves(BEN_TELEGRAM, EVE)
    codes = [await links.code(TELEGRAM, BEN), await links.code(WHATSAPP, EVE)]
    results = await race(links, *codes)
    assert all(isinstance(result, EmailProven) for result in results)
    await is_one_person(links)


async def test_two_persons_join_each_other_crosswise(links: LinkHouse) -> None:
    await two_persons(links)
    codes = [await links.code(TELEGRAM, BEN), await links.code(BEN_WHATSAPP, ANN)]
    results = await race(links, *codes)
    assert all(isinstance(result, EmailProven) for result in results)
    await is_one_person(links)


async def test_one_chat_with_two_codes_uses_one(links: LinkHouse) -> None:
    await two_persons(links)
    codes = [await links.code(WHATSAPP, ANN), await links.code(WHATSAPP, BEN)]
    results = await race(links, *codes)
    assert sorted(result.kind for result in results) == ["code-refused", "email-proven"]
    assert len({*(await links.people()).values()}) == 2
    await links.judge()


async def test_a_proof_that_two_replicas_are_given_counts_once(links: LinkHouse) -> None:
    await two_persons(links)
    code = await links.code(TELEGRAM, BEN)
    replica = links.house.replica()
    again = links.house.carry_out(code, replica)
    first, second = await at_once(links.house, "identities", links.does(code), again)
    assert first == second.result
    assert len(await links.house.rows("SELECT FROM links")) == 1
    await is_one_person(links)


@BOTH_ORDERS
@pytest.mark.parametrize("which", ["another event", "an event of one", "an event of both"])
async def test_a_claim_beside_a_join_is_of_who_they_are_then(
    links: LinkHouse, join_first: bool, which: str
) -> None:
    first, second = await two_persons(links)
    event = {"another event": await links.house.event(), "an event of one": second}.get(which)
    if event is None:
        event = await links.house.event()
        await links.claims(event, BEN_WHATSAPP)
    code = await links.code(TELEGRAM, BEN)
    _, claimed = await race(links, code, links.claim(event, TELEGRAM), first=join_first)
    assert claimed.kind == "seat-claimed"
    await is_one_person(links)
    active = await links.house.rows(
        "SELECT event_id FROM event_registrations WHERE status = 'confirmed'"
    )
    assert sorted(row["event_id"] for row in active) == sorted({first, second, event})


@BOTH_ORDERS
async def test_a_first_claim_beside_the_chat_s_first_proof_makes_one_person(
    links: LinkHouse, join_first: bool
) -> None:
    event = await links.house.event()
    code = await links.code(TELEGRAM, ANN)
    await race(links, code, links.claim(event, TELEGRAM), first=join_first)
    (row,) = await links.house.rows("SELECT email FROM users")
    assert row["email"] == ANN
    await is_one_person(links)


@BOTH_ORDERS
async def test_two_chats_prove_an_address_at_once_that_nobody_had(
    links: LinkHouse, join_first: bool
) -> None:
    codes = [await links.code(TELEGRAM, ANN), await links.code(WHATSAPP, ANN)]
    results = await race(links, *codes, first=join_first)
    assert all(isinstance(result, EmailProven) for result in results)
    await is_one_person(links)


@BOTH_ORDERS
async def test_a_seat_promised_meanwhile_is_promised_to_who_they_are(
    links: LinkHouse, join_first: bool
) -> None:
    await two_persons(links)
    await links.proves(chat(3), EVE)
    seat = await links.claims(await links.house.event(), chat(3))
    code = await links.code(TELEGRAM, BEN)
    await race(links, code, promise(seat, 3, ANN), first=join_first, table="users")
    row = (await links.registrations())[seat.id]
    people = await links.people()
    # After the join nobody has that address any more, so nobody is promised anything.
    assert row["transfer_to"] in (people[TELEGRAM], None)
    await links.judge()


@BOTH_ORDERS
async def test_a_promised_seat_that_is_taken_meanwhile_is_theirs(
    links: LinkHouse, join_first: bool
) -> None:
    await two_persons(links)
    await links.proves(chat(3), EVE)
    seat = await links.claims(await links.house.event(), chat(3))
    await links.does(promise(seat, 3, ANN))
    code = await links.code(TELEGRAM, BEN)
    # A seat that is taken comes to its new owner's row, and to no chat's.
    _, taken = await race(links, code, take_promised(seat, 1), first=join_first, table="users")
    assert isinstance(taken, SeatTransferred)
    people = await links.people()
    assert await links.owners(taken.registration.id) == [people[BEN_WHATSAPP]]
    await links.judge()


@BOTH_ORDERS
async def test_a_stop_that_is_said_meanwhile_is_kept(links: LinkHouse, join_first: bool) -> None:
    await two_persons(links)
    stop = ChangePreferences(**links.now(), chat=TELEGRAM, muted=True)
    code = await links.code(TELEGRAM, BEN)
    await race(links, code, stop, first=join_first, table="users")
    assert [row["muted"] for row in await links.house.rows("SELECT muted FROM users")] == [True]
    await is_one_person(links)


@BOTH_ORDERS
async def test_a_chat_s_state_that_is_kept_meanwhile_is_of_who_they_are(
    links: LinkHouse, join_first: bool
) -> None:
    await two_persons(links)
    states = ChatStates(database=links.house.databases[-1], clock=links.house.clock)
    state = ChatState(
        revision=ChatRevision(epoch=1, n=1, stamp="a" * 16), stage="start", document="{}"
    )
    kept = states.save(SaveChatState(address=TELEGRAM, state=state, base=None))
    code = await links.code(TELEGRAM, BEN)
    work = [links.does(code), kept]
    await at_once(links.house, "user_states", *(work if join_first else reversed(work)))
    person = await is_one_person(links)
    (row,) = await links.house.rows("SELECT user_id FROM user_states")
    assert row["user_id"] == person


@BOTH_ORDERS
async def test_somebody_is_forgotten_while_a_chat_joins_them(
    links: LinkHouse, join_first: bool
) -> None:
    await two_persons(links)
    code = await links.code(TELEGRAM, BEN)
    forget = ForgetPerson(**links.now(), address=BEN_WHATSAPP)
    await race(links, code, forget, first=join_first)
    people = await links.people()
    # Either the chat had joined them, and was forgotten with them, or it proved an empty mailbox.
    assert set(people) in ({TELEGRAM}, set())
    await links.judge()


async def test_a_code_for_somebody_who_is_forgotten_leads_to_nobody(links: LinkHouse) -> None:
    await two_persons(links)
    code = await links.code(TELEGRAM, BEN, by="messenger")
    await links.does(ForgetPerson(**links.now(), address=BEN_WHATSAPP))
    refused = await links.does(code)
    assert isinstance(refused, CodeRefused)
    people = await links.people()
    assert set(people) == {TELEGRAM}
    await links.judge()


async def test_a_code_for_somebody_who_is_part_of_another_leads_to_the_other(
    links: LinkHouse,
) -> None:
    await two_persons(links)
    code = await links.code(WHATSAPP, BEN, by="messenger")
    await links.proves(BEN_WHATSAPP, ANN)
    proven = await links.does(code)
    assert isinstance(proven, EmailProven)
    people = await links.people()
    assert people[WHATSAPP] == people[TELEGRAM] == people[BEN_WHATSAPP]
    await is_one_person(links)


async def test_many_chats_prove_each_other_s_addresses_at_once(links: LinkHouse) -> None:
    event = await links.house.event(seats=3)
    emails = [f"person{n}@example.org" for n in range(6)]
    for n, email in enumerate(emails):
        await links.proves(chat(n + 1), email)
        await links.claims(event, chat(n + 1))
    codes = [await links.code(chat(n + 1), emails[(n + 1) % 6]) for n in range(6)]
    results = await asyncio.gather(*(links.does(code) for code in codes))
    assert all(isinstance(result, EmailProven) for result in results)
    # Whose address went with them when they became another's is nobody's: how many are left is
    # for the order to say, and that each has one seat or place, and each address one owner.
    assert len(await links.people()) == 6
    await links.judge()
