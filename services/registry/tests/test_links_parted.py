"""A chat is parted from its person: with what it brought, and with nothing of anybody else's."""

from typing import Any

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
    platforms,
)
from registry_commands import new
from registry_house import QuietHouse, chat

from contracts import (
    Address,
    CodeRefused,
    DisownRefused,
    EmailProven,
    LinkDisowned,
    MoveIdentity,
    RegistrationCard,
    Unlinked,
    UnlinkRefused,
)

BOTH_ORDERS = pytest.mark.parametrize("parted_first", [True, False])


@pytest.fixture
def links(quiet_house: QuietHouse) -> LinkHouse:
    return LinkHouse(quiet_house)


async def joined(
    links: LinkHouse,
) -> tuple[EmailProven, dict[str, RegistrationCard]]:
    """Ben's WhatsApp, with a seat of its own, has joined Ann on Telegram."""
    cards = {}
    for name, address, email in (("Ann Lee", TELEGRAM, ANN), ("Ben Roe", BEN_WHATSAPP, BEN)):
        await links.proves(address, email)
        cards[name] = await links.claims(await links.house.event(), address, name)
    both = await links.house.event()
    cards["kept"] = await links.claims(both, TELEGRAM)
    cards["ended"] = await links.claims(both, BEN_WHATSAPP, "Ben Roe")
    return await links.proves(BEN_WHATSAPP, ANN), cards


async def test_a_chat_that_is_disowned_takes_exactly_what_it_brought(links: LinkHouse) -> None:
    proven, cards = await joined(links)
    later = await links.claims(await links.house.event(), BEN_WHATSAPP)
    stored = await links.house.carry_out(links.disown(TELEGRAM, proven.link_id))
    assert stored.result == LinkDisowned(messenger="whatsapp")
    people = await links.people()
    ann, ben = people[TELEGRAM], people[BEN_WHATSAPP]
    assert ann != ben
    assert await links.owners(cards["Ben Roe"].id, cards["ended"].id) == [ben, ben]
    assert await links.owners(cards["Ann Lee"].id, cards["kept"].id, later.id) == [ann] * 3
    rows = {row["id"]: row for row in await links.house.rows("SELECT * FROM users")}
    assert (rows[ben]["name"], rows[ben]["email"], rows[ben]["telegram_id"]) == (
        "Ben Roe",
        None,
        None,
    )
    assert (rows[ann]["email"], rows[ann]["telegram_id"]) == (ANN, int(TELEGRAM.chat_id))
    assert platforms(await links.told(stored)) == ["whatsapp"]
    await links.judge()


async def test_a_disowned_chat_is_barred_and_others_are_not(links: LinkHouse) -> None:
    proven, _ = await joined(links)
    await links.does(links.disown(TELEGRAM, proven.link_id))
    refused = await links.does(await links.code(BEN_WHATSAPP, ANN))
    assert refused == CodeRefused(reason="barred")
    await links.forget_limits()
    assert isinstance(await links.proves(WHATSAPP, ANN), EmailProven)
    await links.judge()


async def test_a_chat_that_parts_itself_may_join_again(links: LinkHouse) -> None:
    proven, cards = await joined(links)
    stored = await links.house.carry_out(links.disown(BEN_WHATSAPP, proven.link_id))
    assert stored.result == LinkDisowned(messenger="whatsapp")
    assert platforms(await links.told(stored)) == ["telegram"]
    assert (await links.people())[BEN_WHATSAPP] != (await links.people())[TELEGRAM]
    again = await links.proves(BEN_WHATSAPP, ANN)
    assert again.link_id != proven.link_id
    people = await links.people()
    assert await links.owners(cards["Ben Roe"].id) == [people[TELEGRAM]]
    await links.judge()


async def test_disowning_again_changes_nothing(links: LinkHouse) -> None:
    proven, _ = await joined(links)
    await links.does(links.disown(TELEGRAM, proven.link_id))
    before = await links.people()
    result = await links.does(links.disown(TELEGRAM, proven.link_id))
    assert result == LinkDisowned(messenger="whatsapp", already=True)
    assert await links.people() == before
    await links.judge()


async def test_nobody_else_can_disown(links: LinkHouse) -> None:
    proven, _ = await joined(links)
    await links.proves(chat(3), "eve@example.org")
    before = await links.people()
    for stranger in (chat(3), chat(4)):
        assert await links.does(links.disown(stranger, proven.link_id)) == DisownRefused()
    assert await links.does(links.disown(TELEGRAM, new()["id"])) == DisownRefused()
    assert await links.people() == before


async def test_a_chat_s_other_chats_came_along_and_go_along(links: LinkHouse) -> None:
    await links.proves(TELEGRAM, ANN)
    await links.proves(BEN_WHATSAPP, BEN)
    first = await links.proves(BEN_TELEGRAM, BEN)
    card = await links.claims(await links.house.event(), BEN_TELEGRAM)
    proven = await links.proves(BEN_WHATSAPP, ANN)
    assert len({*(await links.people()).values()}) == 1
    await links.does(links.disown(TELEGRAM, proven.link_id))
    people = await links.people()
    assert people[BEN_WHATSAPP] == people[BEN_TELEGRAM] != people[TELEGRAM]
    assert await links.owners(card.id) == [people[BEN_TELEGRAM]]
    # Neither of them gets back in, and that one had joined the other is as it was before.
    assert await links.does(await links.code(BEN_TELEGRAM, ANN)) == CodeRefused(reason="barred")
    assert (await links.does(links.disown(BEN_WHATSAPP, first.link_id))).kind == "link-disowned"
    people = await links.people()
    assert len({people[BEN_WHATSAPP], people[BEN_TELEGRAM], people[TELEGRAM]}) == 3
    await links.judge()


async def test_a_disowned_chat_stays_barred_under_another_id(links: LinkHouse) -> None:
    proven, _ = await joined(links)
    await links.does(links.disown(TELEGRAM, proven.link_id))
    moved = BEN_WHATSAPP.model_copy(update={"chat_id": "US.999"})
    await links.does(
        MoveIdentity(
            **links.now(),
            chat=moved,
            previous=BEN_WHATSAPP.chat_id,
            at=links.house.clock.now(),
            number_changed=False,
            phone=None,
        )
    )
    assert await links.does(await links.code(moved, ANN)) == CodeRefused(reason="barred")
    await links.judge()


async def test_an_unlinked_chat_speaks_for_nobody_and_the_seats_stay(links: LinkHouse) -> None:
    _, cards = await joined(links)
    stored = await links.house.carry_out(links.unlink(BEN_WHATSAPP))
    assert stored.result == Unlinked(messengers=("telegram",))
    assert platforms(await links.told(stored)) == ["telegram"]
    people = await links.people()
    assert set(people) == {TELEGRAM}
    assert await links.owners(cards["Ben Roe"].id) == [people[TELEGRAM]]
    assert await links.does(links.unlink(BEN_WHATSAPP)) == UnlinkRefused(reason="unknown")
    assert isinstance(await links.proves(BEN_WHATSAPP, ANN), EmailProven)
    await links.judge()


async def test_the_first_chat_can_be_unlinked_as_well(links: LinkHouse) -> None:
    await joined(links)
    stored = await links.house.carry_out(links.unlink(TELEGRAM))
    assert stored.result == Unlinked(messengers=("whatsapp",))
    assert platforms(await links.told(stored)) == ["whatsapp"]
    (row,) = await links.house.rows("SELECT telegram_id FROM users")
    assert row["telegram_id"] is None
    await links.judge()


async def test_the_only_way_to_a_person_is_not_unlinked(links: LinkHouse) -> None:
    await links.claims(await links.house.event(), TELEGRAM)
    assert await links.does(links.unlink(TELEGRAM)) == UnlinkRefused(reason="only-way")
    assert set(await links.people()) == {TELEGRAM}
    await links.proves(TELEGRAM, ANN)
    # From here on the mailbox leads back.
    assert await links.does(links.unlink(TELEGRAM)) == Unlinked()
    assert (await links.proves(TELEGRAM, ANN)).name == "Ann Lee"


async def test_whom_an_organiser_added_is_claimed_by_proof_of_the_address(
    links: LinkHouse,
) -> None:
    first, second = await links.house.event(), await links.house.event()
    added = [await links.adds(first, ANN), await links.adds(second, ANN)]
    claimed = await links.claims(first, TELEGRAM)
    proven = await links.proves(TELEGRAM, ANN)
    assert (proven.link_id, proven.freed, proven.messengers) == (None, 1, ())
    people = await links.people()
    assert set(await links.owners(*added, claimed.id)) == {people[TELEGRAM]}
    # The organiser's was confirmed while the person's own was only held.
    rows = await links.registrations()
    assert [rows[key]["status"] for key in (*added, claimed.id)] == [
        "confirmed",
        "confirmed",
        "cancelled",
    ]
    assert len(await links.house.rows("SELECT FROM users")) == 1
    await links.judge()


async def test_whom_an_organiser_added_is_nobody_s_who_only_typed_the_address(
    links: LinkHouse,
) -> None:
    added = await links.adds(await links.house.event(), "ann@example.org")
    await links.claims(await links.house.event(), TELEGRAM)
    await links.proves(TELEGRAM, BEN)
    assert await links.owners(added) != [(await links.people())[TELEGRAM]]


async def race(links: LinkHouse, first: bool, *commands: Any) -> list[Any]:
    ordered = commands if first else commands[::-1]
    done = await at_once(links.house, "identities", *(links.does(one) for one in ordered))
    return done if first else done[::-1]


@BOTH_ORDERS
@pytest.mark.parametrize("how", ["unlink", "disown"])
async def test_a_claim_beside_a_parting_is_of_one_of_the_two(
    links: LinkHouse, how: str, parted_first: bool
) -> None:
    proven, _ = await joined(links)
    parting: Any = links.unlink(BEN_WHATSAPP)
    if how == "disown":
        parting = links.disown(TELEGRAM, proven.link_id)
    event = await links.house.event()
    _, claimed = await race(links, parted_first, parting, links.claim(event, BEN_WHATSAPP))
    people = await links.people()
    (owner,) = await links.owners(claimed.registration.id)
    if owner == people[TELEGRAM]:
        # Said while it still was theirs; the chat has not come back in by it.
        assert people.get(BEN_WHATSAPP) != owner
    else:
        assert people[BEN_WHATSAPP] == owner
    await links.judge()


@BOTH_ORDERS
async def test_a_chat_that_is_disowned_while_it_joins_somebody_else(
    links: LinkHouse, parted_first: bool
) -> None:
    proven, _ = await joined(links)
    await links.proves(chat(3), "eve@example.org")
    code = await links.code(BEN_WHATSAPP, "eve@example.org")
    await race(links, parted_first, links.disown(TELEGRAM, proven.link_id), code)
    people: dict[Address, Any] = await links.people()
    assert people[BEN_WHATSAPP] is not None
    await links.judge()
