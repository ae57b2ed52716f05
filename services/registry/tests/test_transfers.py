"""A seat changes hands: only to who has proven an address and says yes, and never after entry."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from registry_commands import change, check_in, drop, enter, new, promise, prove, take_promised
from registry_house import TICKETS, QuietHouse, chat, claim_seat, give_back

from contracts import (
    CancelEvent,
    FindNotice,
    NoticeDue,
    RegistrationReleased,
    SeatClaimed,
    SeatTransferred,
    TransferDropped,
    TransferOffered,
    TransferRefused,
)
from contracts.cards import RegistrationCard
from registry.queries import Queries
from registry.results import CheckedIn, Stored, WriteRefused
from registry.seats import TRANSFER_HOURS_MAX
from registry.sweep import sweep

ANN, BEN, CLEO, DORA = range(4)
BENS_ADDRESS = "ben@example.org"
FAR = timedelta(days=30)


async def anns_seat(house: QuietHouse, seats: int = 2) -> RegistrationCard:
    """Ann has a seat; Ben is known from another event and has proven his address."""
    await enter(house, await house.event(), BEN)
    await enter(house, await house.event(), CLEO)
    await prove(house, BEN, BENS_ADDRESS)
    await prove(house, CLEO, "cleo@example.org")
    return await enter(house, await house.event(seats, starts_in=FAR), ANN)


def due(stored: Stored) -> list[tuple[str, UUID]]:
    notices = [
        NoticeDue.model_validate_json(said.body)
        for said in stored.messages
        if said.subject == "notice.due"
    ]
    return [(notice.kind, notice.registration_id) for notice in notices]


async def told_to(house: QuietHouse, stored: Stored, kind: str) -> str | None:
    """The chat that a notice goes to; None when it is no longer true."""
    bodies = [said.body for said in stored.messages if said.subject == "notice.due"]
    (notice,) = [
        one for body in bodies if (one := NoticeDue.model_validate_json(body)).kind == kind
    ]
    answer = await Queries(database=house.databases[0], clock=house.clock).find_notice(
        FindNotice(
            kind=notice.kind,
            registration_id=notice.registration_id,
            event_version=notice.event_version,
        )
    )
    return answer.address.chat_id if answer.address else None


async def reason(house: QuietHouse, command: object) -> str:
    result = (await house.carry_out(command)).result  # type: ignore[arg-type]
    assert isinstance(result, TransferRefused)
    return result.reason


async def is_promised_to(house: QuietHouse, card: RegistrationCard) -> bool:
    rows = await house.rows(
        "SELECT 1 FROM event_registrations WHERE id = $1 AND transfer_to IS NOT NULL", card.id
    )
    return bool(rows)


async def test_a_seat_goes_to_who_says_yes_and_the_old_ticket_is_dead_at_once(
    quiet_house: QuietHouse,
) -> None:
    card = await anns_seat(quiet_house)
    offered = await quiet_house.carry_out(promise(card, ANN, " Ben@Example.ORG "))
    assert isinstance(offered.result, TransferOffered)
    assert due(offered) == [("transfer-offered", card.id)]
    assert await told_to(quiet_house, offered, "transfer-offered") == chat(BEN).chat_id
    taken = await quiet_house.carry_out(take_promised(card, BEN))
    assert isinstance(taken.result, SeatTransferred)
    bens = taken.result.registration
    assert bens.id != card.id
    assert bens.ticket is not None
    assert TICKETS.check(bens.ticket) == bens.id
    assert due(taken) == [("seat-transferred", card.id)]
    assert await told_to(quiet_house, taken, "seat-transferred") == chat(ANN).chat_id
    # At the door: the old one lets nobody in, the new one does.
    old = (await quiet_house.carry_out(check_in(card))).result
    assert old == WriteRefused(reason="not-confirmed")
    assert isinstance((await quiet_house.carry_out(check_in(bens))).result, CheckedIn)
    rows = await quiet_house.rows("SELECT taken FROM events WHERE id = $1", card.event.id)
    assert [row["taken"] for row in rows] == [1]
    assert set((await quiet_house.databases[0].run(sweep)).values()) == {0}


async def test_whether_an_address_is_known_is_not_told(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    unknown = await quiet_house.carry_out(promise(card, ANN, "nobody@example.org"))
    own = await quiet_house.carry_out(promise(card, ANN, "ann@example.org"))
    known = await quiet_house.carry_out(promise(card, ANN, BENS_ADDRESS))
    for stored in (unknown, own):
        assert isinstance(stored.result, TransferOffered)
        assert isinstance(known.result, TransferOffered)
        assert stored.result.registration == known.result.registration
        assert due(stored) == []
    assert due(known) == [("transfer-offered", card.id)]
    # What somebody merely typed when they registered proves nothing.
    claimed = await quiet_house.rows("SELECT 1 FROM users WHERE email_claimed = 'ann@example.org'")
    assert claimed


async def test_a_corrected_address_takes_the_first_promise_back(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    await quiet_house.do(promise(card, ANN, "bem@example.org"))
    assert await reason(quiet_house, take_promised(card, BEN)) == "not-offered"
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    await quiet_house.do(promise(card, ANN, "cleo@example.org"))
    assert await reason(quiet_house, take_promised(card, BEN)) == "not-offered"
    taken = (await quiet_house.carry_out(take_promised(card, CLEO))).result
    assert isinstance(taken, SeatTransferred)


async def test_strangers_learn_nothing(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    nowhere = card.model_copy(update={"id": uuid4()})
    for command in (
        take_promised(card, CLEO),
        take_promised(card, DORA),
        take_promised(nowhere, BEN),
        drop(card, CLEO),
        drop(nowhere, ANN),
    ):
        assert await reason(quiet_house, command) == "not-offered"
    for theft in (promise(card, CLEO, BENS_ADDRESS), promise(nowhere, ANN, BENS_ADDRESS)):
        assert await reason(quiet_house, theft) == "not-yours"
    assert await is_promised_to(quiet_house, card)


@pytest.mark.parametrize("who", [ANN, BEN])
async def test_either_of_the_two_may_drop_it(quiet_house: QuietHouse, who: int) -> None:
    card = await anns_seat(quiet_house)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    dropped = await quiet_house.carry_out(drop(card, who))
    assert isinstance(dropped.result, TransferDropped)
    # Whoever drops it knows; the owner hears of the receiver's no.
    assert due(dropped) == ([("transfer-declined", card.id)] if who == BEN else [])
    assert await reason(quiet_house, take_promised(card, BEN)) == "not-offered"
    again = await enter(quiet_house, card.event.id, ANN)
    assert (again.id, again.ticket) == (card.id, card.ticket)


async def test_a_promise_runs_out(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    quiet_house.clock.advance(timedelta(hours=TRANSFER_HOURS_MAX, seconds=1))
    assert await reason(quiet_house, take_promised(card, BEN)) == "not-offered"
    assert (await enter(quiet_house, card.event.id, ANN)).id == card.id
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    taken = (await quiet_house.carry_out(take_promised(card, BEN))).result
    assert isinstance(taken, SeatTransferred)


async def test_nothing_changes_hands_after_entry(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    await quiet_house.do(check_in(card))
    assert await reason(quiet_house, promise(card, ANN, "cleo@example.org")) == "checked-in"
    assert await reason(quiet_house, take_promised(card, BEN)) == "checked-in"


async def test_nothing_changes_hands_after_the_start(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    quiet_house.clock.advance(FAR - timedelta(hours=1))
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    quiet_house.clock.advance(timedelta(hours=2))
    assert await reason(quiet_house, promise(card, ANN, "cleo@example.org")) == "started"
    # The promise itself has ended with the start.
    assert await reason(quiet_house, take_promised(card, BEN)) == "not-offered"


async def test_nothing_changes_hands_at_an_event_that_is_off(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    offered = await quiet_house.carry_out(promise(card, ANN, BENS_ADDRESS))
    await quiet_house.do(CancelEvent(**new(), event_id=card.event.id))
    assert await told_to(quiet_house, offered, "transfer-offered") is None
    assert await reason(quiet_house, take_promised(card, BEN)) == "cancelled"


async def test_one_person_never_has_two_seats(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    await enter(quiet_house, card.event.id, BEN)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    assert await reason(quiet_house, take_promised(card, BEN)) == "has-seat"


async def test_a_receiver_who_waited_leaves_the_line(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house, seats=1)
    bens, doras = [await enter(quiet_house, card.event.id, person) for person in (BEN, DORA)]
    assert (bens.position, doras.position) == (1, 2)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    taken = (await quiet_house.carry_out(take_promised(card, BEN))).result
    assert isinstance(taken, SeatTransferred)
    assert taken.registration.event.waiting == 1
    assert (await enter(quiet_house, card.event.id, DORA)).position == 1
    (row,) = await quiet_house.rows(
        "SELECT end_reason FROM event_registrations WHERE id = $1", bens.id
    )
    assert row["end_reason"] == "left"


async def test_a_receiver_who_had_an_offer_frees_it_for_the_next(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house, seats=1)
    event_id = card.event.id
    _, doras = [await enter(quiet_house, event_id, person) for person in (BEN, DORA)]
    await quiet_house.do(await change(quiet_house, event_id, max_participants=2))
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    taken = await quiet_house.carry_out(take_promised(card, BEN))
    assert isinstance(taken.result, SeatTransferred)
    assert ("seat-offered", doras.id) in due(taken)


async def test_whoever_gave_a_seat_away_may_come_back(quiet_house: QuietHouse) -> None:
    card = await anns_seat(quiet_house)
    await quiet_house.do(promise(card, ANN, BENS_ADDRESS))
    await quiet_house.do(take_promised(card, BEN))
    released = (await quiet_house.carry_out(give_back(card, chat(ANN)))).result
    assert isinstance(released, RegistrationReleased)
    assert released.already
    back = (await quiet_house.carry_out(claim_seat(card.event.id, ANN))).result
    assert isinstance(back, SeatClaimed)
    assert not back.already
    assert back.registration.id != card.id
