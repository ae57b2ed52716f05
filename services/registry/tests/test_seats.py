"""Seats: never too many, never two for one, and every command answered once."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from registry_house import TICKETS, House, chat, claim_seat, give_back

from contracts import (
    CancellationRefused,
    ClaimRefused,
    CommandFailed,
    ListRegistrations,
    RegistrationReleased,
    SeatClaimed,
    WaitingListed,
    derived_id,
)
from registry.carrying_out import decode
from registry.journal import remember
from registry.queries import Queries
from registry.results import Stored
from runtime import faults
from runtime.failures import Retry
from runtime.provision import provision
from runtime.settings import ServiceSettings

SEATS, PEOPLE, REPLICAS = 20, 100, 4


@pytest.fixture
def without_lock() -> None:
    """The negative control: no row lock, and the counter read before it is written."""
    faults.plant(ServiceSettings(turnout_test=True, turnout_break="row-lock"))


async def rush(house: House) -> tuple[int, int, int]:
    """Many people at once over several replicas: (seats given, people told so, counter)."""
    event_id = await house.event(SEATS)
    replicas = [house.replica() for _ in range(REPLICAS)]
    await asyncio.gather(
        *(
            house.do(claim_seat(event_id, person), replicas[person % REPLICAS])
            for person in range(PEOPLE)
        )
    )
    rows = await house.rows("SELECT 1 FROM event_registrations WHERE status = 'confirmed'")
    taken = (await house.rows("SELECT taken FROM events"))[0]["taken"]
    outcomes = [answer.outcome for answer in await house.answers()]
    assert len(outcomes) == PEOPLE
    assert all(isinstance(outcome, SeatClaimed | WaitingListed) for outcome in outcomes)
    return len(rows), sum(isinstance(outcome, SeatClaimed) for outcome in outcomes), taken


async def test_a_rush_on_the_last_seats_gives_away_exactly_what_there_is(house: House) -> None:
    assert await rush(house) == (SEATS, SEATS, SEATS)


async def test_without_the_row_lock_the_same_rush_sells_too_many(
    house: House, without_lock: None
) -> None:
    given, told, _ = await rush(house)
    assert given > SEATS
    assert told == given


async def test_the_database_itself_refuses_a_seat_too_many(house: House) -> None:
    event_id = await house.event(1)
    await house.seat(event_id)
    with pytest.raises(Exception, match="taken_within_capacity"):
        await house.rows("UPDATE events SET taken = taken + 1")


async def test_the_same_command_ten_times_at_once_is_carried_out_once(house: House) -> None:
    command = claim_seat(await house.event())
    replicas = [house.replica() for _ in range(3)]
    await asyncio.gather(*(house.do(command, replicas[n % 3]) for n in range(10)))
    assert len(await house.rows("SELECT 1 FROM event_registrations")) == 1
    assert len(await house.rows("SELECT 1 FROM audit WHERE action = 'seat-claimed'")) == 1
    # The stream knows the answer by its id, so ten publishes are one message.
    outcome = (await house.answer(command)).outcome
    assert isinstance(outcome, SeatClaimed)
    assert not outcome.already
    assert TICKETS.check(outcome.registration.ticket or "") == outcome.registration.id


async def test_a_repeated_command_is_answered_to_the_letter(house: House) -> None:
    """As after a crash between COMMIT and publish: the stream has nothing, the database has it."""
    event_id = await house.event(5)
    command = claim_seat(event_id)
    await house.do(command)
    before = await house.answer(command)
    await house.seat(event_id, 2)
    # Deleted and not purged, so that the memory of message ids is gone as well.
    await house.broker.jetstream.delete_stream("INBOUND")
    await provision(house.broker.jetstream, [])
    await house.do(command)
    assert await house.answer(command) == before


async def test_one_person_has_one_seat_and_sees_the_ticket_again(house: House) -> None:
    event_id = await house.event()
    first = await house.seat(event_id)
    again = claim_seat(event_id)
    await house.do(again)
    outcome = (await house.answer(again)).outcome
    assert isinstance(outcome, SeatClaimed)
    assert outcome.already
    assert outcome.registration.ticket == first.ticket
    assert outcome.registration.event.seats_left == 1


async def test_an_outcome_is_never_written_over_by_another(house: House) -> None:
    command = claim_seat(await house.event())
    await house.do(command)
    other = Stored(result=CommandFailed())
    with pytest.raises(Retry):
        await house.databases[0].run(
            lambda connection: remember(connection, [(command, other)], house.clock.now())
        )
    assert (await house.answer(command)).outcome.kind == "seat-claimed"


async def test_a_hundred_confirmations_of_one_person_are_one_seat(house: House) -> None:
    event_id = await house.event(50)
    replicas = [house.replica() for _ in range(REPLICAS)]
    await asyncio.gather(
        *(house.do(claim_seat(event_id, 1), replicas[n % REPLICAS]) for n in range(100))
    )
    answers = [answer.outcome for answer in await house.answers()]
    assert sum(isinstance(one, SeatClaimed) and not one.already for one in answers) == 1
    assert len(answers) == 100
    assert len(await house.rows("SELECT 1 FROM users")) == 1


async def test_one_new_chat_at_two_events_at_once_is_one_person(house: House) -> None:
    events = [await house.event() for _ in range(6)]
    await asyncio.gather(*(house.do(claim_seat(event_id)) for event_id in events))
    assert len(await house.rows("SELECT 1 FROM users")) == 1
    assert len(await house.rows("SELECT 1 FROM event_registrations")) == 6


async def test_the_same_address_typed_in_two_chats_joins_nobody(house: House) -> None:
    event_id = await house.event()
    await house.do(claim_seat(event_id, 1))
    await house.do(claim_seat(event_id, 1, platform="whatsapp", phone="16505551234"))
    people = await house.rows("SELECT * FROM users ORDER BY telegram_id NULLS LAST")
    assert [person["telegram_id"] for person in people] == [5_000_001, None]
    assert [person["whatsapp_phone"] for person in people] == [None, "+16505551234"]
    assert {person["email"] for person in people} == {None}


async def test_refusals_say_why(house: House) -> None:
    started = await house.event(starts_in=timedelta(minutes=1))
    draft = await house.event(status="draft")
    house.clock.advance(timedelta(minutes=2))
    reasons = []
    for event_id in (started, draft, uuid4()):
        command = claim_seat(event_id)
        await house.do(command)
        outcome = (await house.answer(command)).outcome
        assert isinstance(outcome, ClaimRefused)
        reasons.append((outcome.reason, outcome.event is not None))
    assert reasons == [
        ("started", True),
        ("draft", False),
        ("unknown-event", False),
    ]
    # Nobody is written down for a seat that they did not get.
    assert await house.rows("SELECT 1 FROM users") == []


async def test_a_seat_given_back_is_free_and_may_be_taken_again(house: House) -> None:
    event_id = await house.event(1)
    seat = await house.seat(event_id)
    command = give_back(seat, chat(1))
    await house.do(command)
    outcome = (await house.answer(command)).outcome
    assert isinstance(outcome, RegistrationReleased)
    assert outcome.event.seats_left == 1
    again = await house.seat(event_id)
    assert again.id != seat.id
    assert [subject for subject, _ in await house.facts()].count("registration.cancelled") == 1


async def test_only_the_chat_that_owns_a_seat_gives_it_back(house: House) -> None:
    seat = await house.seat(await house.event(starts_in=timedelta(hours=2)))
    theft = give_back(seat, chat(2))
    await house.do(theft)
    outcome = (await house.answer(theft)).outcome
    assert isinstance(outcome, CancellationRefused)
    assert (outcome.reason, outcome.event) == ("not-yours", None)
    house.clock.advance(timedelta(hours=3))
    late = give_back(seat, chat(1))
    await house.do(late)
    outcome = (await house.answer(late)).outcome
    assert isinstance(outcome, CancellationRefused)
    assert outcome.reason == "started"


async def test_giving_back_twice_frees_one_seat(house: House) -> None:
    event_id = await house.event(2)
    seat = await house.seat(event_id)
    await house.seat(event_id, 2)
    await asyncio.gather(*(house.do(give_back(seat, chat(1))) for _ in range(5)))
    assert (await house.rows("SELECT taken FROM events"))[0]["taken"] == 1


async def test_a_command_that_dies_answers_its_chat_and_may_be_sent_again(house: House) -> None:
    command = claim_seat(await house.event())
    await house.handlers.give_up(command, "bug: ZeroDivisionError")
    answer = await house.answer(command)
    assert isinstance(answer.outcome, CommandFailed)
    assert answer.id == derived_id(command.id, "failed")
    await house.do(command)
    outcomes = [answer.outcome.kind for answer in await house.answers()]
    assert outcomes == ["command-failed", "seat-claimed"]
    await house.handlers.give_up(command, "only the telling went wrong")
    assert len(await house.answers()) == 2


async def test_a_name_that_the_database_cannot_keep_is_kept_without_that_sign(
    house: House,
) -> None:
    said = claim_seat(await house.event(), name="An\0n Lee")
    command = decode(said.route(), said.model_dump_json().encode())
    await house.do(command)
    outcome = (await house.answer(command)).outcome
    assert isinstance(outcome, SeatClaimed)
    assert outcome.registration.name == "Ann Lee"


async def test_every_change_is_noted_without_a_name(house: House) -> None:
    seat = await house.seat(await house.event())
    await house.do(give_back(seat, chat(1)))
    notes = await house.rows("SELECT * FROM audit ORDER BY id")
    assert [(note["action"], note["actor"], note["channel"]) for note in notes] == [
        ("event-created", "organiser", "api"),
        ("seat-claimed", "participant", "telegram"),
        ("registration-ended", "participant", "telegram"),
    ]
    assert "Ann" not in str(notes)
    assert "example.org" not in str(notes)


async def test_my_registrations_are_those_of_my_chat(house: House) -> None:
    soon, later = await house.event(starts_in=timedelta(days=1)), await house.event()
    await house.seat(later)
    await house.seat(soon)
    await house.seat(soon, 2)
    queries = Queries(database=house.databases[0], clock=house.clock)
    mine = await queries.list_registrations(ListRegistrations(address=chat(1)))
    assert [card.event.id for card in mine.registrations] == [soon, later]
    house.clock.advance(timedelta(days=2, hours=1))
    mine = await queries.list_registrations(ListRegistrations(address=chat(1)))
    assert [card.event.id for card in mine.registrations] == [later]


def test_a_command_is_known_by_its_subject() -> None:
    command = claim_seat(uuid4())
    assert decode(command.route(), command.model_dump_json().encode()) == command
    with pytest.raises(ValueError, match="no such command"):
        decode("command.paint-it-black.x", b"{}")
    with pytest.raises(ValueError, match="validation"):
        decode(command.route(), b"{}")
