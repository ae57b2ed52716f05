"""What one transaction must bear: changes that are each allowed and meet in one batch."""

import asyncio
from uuid import UUID, uuid4

from registry_house import House, chat, claim_seat, give_back

from contracts import (
    AcceptTransfer,
    Address,
    ChangeEvent,
    Command,
    EventDetails,
    OfferTransfer,
    RegistrationCard,
    RegistrationReleased,
    SeatClaimed,
    SeatTransferred,
    WaitingListed,
)

GIVER, RECEIVER = 1, 2


async def at_once(house: House, *commands: Command) -> None:
    """Deliver commands in one moment, and see that they were carried out in one transaction."""
    await asyncio.gather(*map(house.handlers.handle, commands))
    moments = await house.rows(
        "SELECT DISTINCT handled_at FROM handled_commands WHERE command_id = ANY($1)",
        [command.id for command in commands],
    )
    assert len(moments) == 1, "they were taken apart"


def offer_transfer(card: RegistrationCard, address: Address) -> OfferTransfer:
    return OfferTransfer(
        id=uuid4(),
        occurred_at=card.event.starts_at,
        correlation_id=uuid4(),
        event_id=card.event.id,
        registration_id=card.id,
        address=address,
        to_email="receiver@example.org",
    )


def accept_transfer(card: RegistrationCard, address: Address) -> AcceptTransfer:
    return AcceptTransfer(
        id=uuid4(),
        occurred_at=card.event.starts_at,
        correlation_id=uuid4(),
        event_id=card.event.id,
        registration_id=card.id,
        address=address,
    )


async def prove_address(house: House, person: int) -> None:
    """What linking with proof will do."""
    await house.rows(
        "UPDATE users SET email = 'receiver@example.org' WHERE telegram_id = $1",
        int(chat(person).chat_id),
    )


async def lower_capacity(house: House, event_id: UUID, seats: int) -> None:
    (row,) = await house.rows("SELECT * FROM events WHERE id = $1", event_id)
    await house.do(
        ChangeEvent(
            id=uuid4(),
            occurred_at=house.clock.now(),
            correlation_id=uuid4(),
            event_id=event_id,
            expected_version=row["version"],
            details=EventDetails(
                title=row["title"],
                starts_at=row["date_time"],
                timezone=row["timezone"],
                max_participants=seats,
                status="published",
            ),
        )
    )


async def test_a_seat_is_given_back_and_claimed_again_in_one_batch(house: House) -> None:
    event_id = await house.event(seats=2)
    card = await house.seat(event_id)
    back, again = give_back(card, chat(1)), claim_seat(event_id)
    await at_once(house, back, again)
    assert isinstance((await house.answer(back)).outcome, RegistrationReleased)
    assert isinstance((await house.answer(again)).outcome, SeatClaimed)


async def test_a_place_in_line_is_left_and_asked_for_again_in_one_batch(house: House) -> None:
    event_id = await house.event(seats=1)
    await house.seat(event_id)
    first = claim_seat(event_id, person=2)
    await house.do(first)
    waiting = (await house.answer(first)).outcome
    assert isinstance(waiting, WaitingListed)
    left, again = give_back(waiting.registration, chat(2)), claim_seat(event_id, person=2)
    await at_once(house, left, again)
    assert isinstance((await house.answer(left)).outcome, RegistrationReleased)
    assert isinstance((await house.answer(again)).outcome, WaitingListed)


async def test_a_seat_goes_to_somebody_who_waits_for_one(house: House) -> None:
    event_id = await house.event(seats=1)
    card = await house.seat(event_id, GIVER)
    await house.do(claim_seat(event_id, RECEIVER))
    await prove_address(house, RECEIVER)
    await house.do(offer_transfer(card, chat(GIVER)))
    accepted = accept_transfer(card, chat(RECEIVER))
    await house.do(accepted)
    assert isinstance((await house.answer(accepted)).outcome, SeatTransferred)
    (event,) = await house.rows("SELECT taken, waiting FROM events")
    assert tuple(event) == (1, 0)


async def test_a_seat_goes_to_another_person_at_an_event_that_is_over_its_capacity(
    house: House,
) -> None:
    event_id = await house.event(seats=3)
    card = await house.seat(event_id, GIVER)
    await house.seat(event_id, 3)
    await house.seat(event_id, 4)
    elsewhere = await house.event()
    await house.seat(elsewhere, RECEIVER)
    await prove_address(house, RECEIVER)
    await lower_capacity(house, event_id, 1)
    await house.do(offer_transfer(card, chat(GIVER)))
    accepted = accept_transfer(card, chat(RECEIVER))
    await house.do(accepted)
    assert isinstance((await house.answer(accepted)).outcome, SeatTransferred)
    (event,) = await house.rows("SELECT taken, over_by FROM events WHERE id = $1", event_id)
    assert tuple(event) == (3, 2)
