"""Who has proven no address gets a seat for ten minutes, and together they get a tenth of them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from proof_house import MINUTE, ProofHouse
from registry_commands import (
    accept,
    check_in,
    move,
    new,
    pass_on,
    promise,
    prove,
    tend,
)
from registry_house import House, QuietHouse, chat, claim_seat, give_back
from sqlalchemy import select
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    CancelRegistration,
    ClaimRefused,
    CreateEvent,
    EmailProven,
    EventDetails,
    FindNotice,
    ListRegistrations,
    NoticeDue,
    OfferRefused,
    RegistrationCard,
    RegistrationReleased,
    ResendTicket,
    SeatClaimed,
    SeatHeld,
    TransferRefused,
    WaitingListed,
)
from registry.event_store import EVENT_COLUMNS, as_event
from registry.queries import Queries
from registry.results import RegistrationWritten, Result, Stored, WriteRefused
from registry.rules import Event
from registry.sweep import sweep
from registry.tables import EventRow

FAR = timedelta(days=30)
EMAIL = "ann.lee@example.org"


@pytest.fixture
def house(quiet_house: QuietHouse) -> QuietHouse:
    """With a mail server."""
    quiet_house.ask_for_proof()
    return quiet_house


async def claim(house: QuietHouse, event_id: UUID, person: int = 1) -> Result:
    return (await house.carry_out(claim_seat(event_id, person))).result


async def hold(house: QuietHouse, event_id: UUID, person: int = 1) -> RegistrationCard:
    """A seat that is held for this person from now on."""
    result = await claim(house, event_id, person)
    assert isinstance(result, SeatHeld), result
    assert not result.already
    return result.registration


async def figures(house: House) -> dict[str, int]:
    (row,) = await house.rows("SELECT taken, held, offered, waiting FROM events")
    return dict(row)


async def statuses(house: House) -> list[str]:
    rows = await house.rows("SELECT status FROM event_registrations ORDER BY created_at")
    return [row["status"] for row in rows]


def notices(stored: Stored) -> list[tuple[str, UUID]]:
    due = [
        NoticeDue.model_validate_json(said.body)
        for said in stored.messages
        if said.subject == "notice.due"
    ]
    return [(notice.kind, notice.registration_id) for notice in due]


async def assert_no_drift(house: House) -> None:
    drift = await house.databases[0].run(sweep)
    assert set(drift.values()) == {0}, drift


def counts(**some: int) -> dict[str, int]:
    return {"taken": 0, "held": 0, "offered": 0, "waiting": 0} | some


async def test_a_seat_is_held_and_is_no_seat_yet(house: QuietHouse) -> None:
    event_id = await house.event(20)
    before = house.clock.now()
    card = await hold(house, event_id)
    assert (card.status, card.ticket, card.event.seats_left) == ("held", None, 19)
    assert card.hold_expires_at is not None
    assert before + 10 * MINUTE <= card.hold_expires_at <= house.clock.now() + 10 * MINUTE
    assert await figures(house) == counts(taken=1, held=1)
    assert await house.rows("SELECT 1 FROM notices") == []
    # Nobody is told of a seat that may be gone in ten minutes.
    assert [name for name, _ in await house.facts() if name.startswith("registration")] == []
    again = await claim(house, event_id)
    assert again == SeatHeld(registration=card, already=True)
    await assert_no_drift(house)


async def test_who_has_proven_an_address_gets_a_seat_at_once_at_every_event(
    house: QuietHouse,
) -> None:
    people = ProofHouse(house)
    code = await people.asks(chat(1), EMAIL)
    assert isinstance(await people.types(chat(1), code), EmailProven)
    for _ in range(2):
        assert isinstance(await claim(house, await house.event(20)), SeatClaimed)
    assert await house.rows("SELECT 1 FROM event_registrations WHERE status = 'held'") == []


async def test_without_a_mail_server_nobody_is_asked_for_proof(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event(20)
    assert isinstance(await claim(quiet_house, event_id), SeatClaimed)
    (row,) = await quiet_house.rows("SELECT email FROM users")
    assert row["email"] is None


async def test_a_tenth_is_held_and_who_comes_next_proves_first(house: QuietHouse) -> None:
    event_id = await house.event(20)
    for person in (1, 2):
        await hold(house, event_id, person)
    refused = await claim(house, event_id, 3)
    assert isinstance(refused, ClaimRefused)
    assert (refused.reason, refused.event and refused.event.seats_left) == ("proof-first", 18)
    assert await figures(house) == counts(taken=2, held=2)
    # Not even who they are is written down.
    assert len(await house.rows("SELECT 1 FROM users")) == 2
    people = ProofHouse(house)
    code = await people.asks(chat(3), EMAIL)
    proven = await people.types(chat(3), code)
    assert isinstance(proven, EmailProven)
    assert proven.registrations == ()
    assert isinstance(await claim(house, event_id, 3), SeatClaimed)
    assert await figures(house) == counts(taken=3, held=2)


@pytest.mark.parametrize(("seats", "held"), [(1, 1), (5, 1), (19, 1), (20, 2)])
async def test_one_seat_may_always_be_held(house: QuietHouse, seats: int, held: int) -> None:
    event_id = await house.event(seats)
    for person in range(held):
        await hold(house, event_id, person)
    last = await claim(house, event_id, held)
    if seats == 1:
        assert isinstance(last, WaitingListed)
    else:
        assert isinstance(last, ClaimRefused)


async def test_proof_makes_a_held_seat_ones_own(house: QuietHouse) -> None:
    card = await hold(house, await house.event(20))
    people = ProofHouse(house)
    stored = await house.carry_out(people.typed(chat(1), await people.asks(chat(1), EMAIL)))
    assert isinstance(stored.result, EmailProven)
    (confirmed,) = stored.result.registrations
    assert (confirmed.id, confirmed.status) == (card.id, "confirmed")
    assert confirmed.ticket is not None
    assert await figures(house) == counts(taken=1)
    kinds = {row["kind"] for row in await house.rows("SELECT kind FROM notices")}
    assert kinds == {"reminder-24h", "reminder-1h"}
    await assert_no_drift(house)


async def test_a_hold_that_runs_out_goes_to_who_waits(house: QuietHouse) -> None:
    event_id = await house.event(1, starts_in=FAR)
    card = await hold(house, event_id, 1)
    assert isinstance(await claim(house, event_id, 2), WaitingListed)
    house.clock.advance(9 * MINUTE)
    assert await tend(house) == []
    house.clock.advance(2 * MINUTE)
    stored = await house.carry_out(pass_on(event_id))
    kinds = [kind for kind, _ in notices(stored)]
    assert kinds == ["hold-expired", "seat-offered"]
    assert notices(stored)[0][1] == card.id
    assert await statuses(house) == ["cancelled", "offered"]
    assert await figures(house) == counts(taken=1, offered=1)
    queries = Queries(database=house.databases[0], clock=house.clock)
    told = await queries.find_notice(
        FindNotice(kind="hold-expired", registration_id=card.id, event_version=1)
    )
    assert (told.address, told.expires_at) == (chat(1), None)
    assert told.registration is not None
    assert (told.registration.status, told.registration.ticket) == ("cancelled", None)
    (row,) = await house.rows("SELECT * FROM audit WHERE action = 'hold-expired'")
    assert (row["actor"], row["channel"], row["reason"]) == ("system", "clock", "unproven")
    await assert_no_drift(house)


async def test_the_tick_finds_what_ran_out(house: QuietHouse) -> None:
    event_id = await house.event(20)
    await hold(house, event_id)
    house.clock.advance(10 * MINUTE)
    assert await tend(house) == ["pass-on-seats"]
    assert await tend(house) == []
    assert await figures(house) == counts()
    # Whoever comes again gets another one, like anybody.
    card = await hold(house, event_id)
    assert await statuses(house) == ["cancelled", "held"]
    assert card.event.seats_left == 19


async def test_who_asks_again_before_the_tick_stands_at_the_end(house: QuietHouse) -> None:
    event_id = await house.event(1, starts_in=FAR)
    await hold(house, event_id, 1)
    await claim(house, event_id, 2)
    house.clock.advance(10 * MINUTE)
    stored = await house.carry_out(claim_seat(event_id, 1))
    assert isinstance(stored.result, WaitingListed)
    # They are answered, and not told as well.
    assert [kind for kind, _ in notices(stored)] == ["seat-offered"]
    assert await statuses(house) == ["cancelled", "offered", "waiting"]
    await assert_no_drift(house)


async def test_no_hold_lasts_beyond_the_start(house: QuietHouse) -> None:
    event_id = await house.event(20, starts_in=4 * MINUTE)
    card = await hold(house, event_id)
    assert card.hold_expires_at == card.event.starts_at
    house.clock.advance(5 * MINUTE)
    assert "pass-on-seats" in await tend(house)
    assert await statuses(house) == ["cancelled"]
    # "Register again" would be no help.
    assert isinstance(await claim(house, event_id), ClaimRefused)


async def offered(house: QuietHouse, seats: int = 1) -> tuple[UUID, RegistrationCard]:
    """Person 1 has proven nothing and is offered the seat that person 0 gave back."""
    event_id = await house.event(seats, starts_in=FAR)
    await prove_person(house, 0)
    first = await claim(house, event_id, 0)
    assert isinstance(first, SeatClaimed)
    # Others who have proven something have the other seats.
    for person in range(100, 99 + seats):
        await prove_person(house, person)
        assert isinstance(await claim(house, event_id, person), SeatClaimed)
    waits = await claim(house, event_id, 1)
    assert isinstance(waits, WaitingListed)
    await house.carry_out(give_back(first.registration, chat(0)))
    return event_id, waits.registration


async def prove_person(house: QuietHouse, person: int) -> None:
    people = ProofHouse(house)
    code = await people.asks(chat(person), f"{person}@example.org")
    assert isinstance(await people.types(chat(person), code), EmailProven)


@pytest.mark.parametrize("again", [False, True])
async def test_an_offer_that_is_taken_without_proof_is_held(house: QuietHouse, again: bool) -> None:
    """By a yes, or by claiming again."""
    event_id, card = await offered(house)
    command = claim_seat(event_id, 1) if again else accept(card, 1)
    result = (await house.carry_out(command)).result
    assert isinstance(result, SeatHeld)
    assert (result.registration.id, result.registration.offer_expires_at) == (card.id, None)
    assert result.registration.hold_expires_at is not None
    assert await figures(house) == counts(taken=1, held=1)
    await assert_no_drift(house)
    house.clock.advance(11 * MINUTE)
    late = (await house.carry_out(accept(card, 1))).result
    assert isinstance(late, OfferRefused)
    assert late.reason == "expired"
    assert await figures(house) == counts()


@pytest.mark.parametrize("again", [False, True])
async def test_an_offer_stays_open_while_too_many_seats_are_held(
    house: QuietHouse, again: bool
) -> None:
    event_id, card = await offered(house, 2)
    (seat,) = await house.rows("SELECT id FROM event_registrations WHERE status = 'confirmed'")
    (event,) = await house.rows("SELECT id FROM events")
    # Another one is held: the seat of person 100, given back, offered to person 2, taken by them.
    assert isinstance(await claim(house, event_id, 2), WaitingListed)
    await house.carry_out(
        CancelRegistration(
            **new(), event_id=event["id"], registration_id=seat["id"], address=chat(100)
        )
    )
    assert isinstance(await claim(house, event_id, 2), SeatHeld)
    command = claim_seat(event_id, 1) if again else accept(card, 1)
    result = (await house.carry_out(command)).result
    assert isinstance(result, ClaimRefused | OfferRefused)
    assert result.reason == "proof-first"
    assert await figures(house) == counts(taken=2, held=1, offered=1)
    await prove_person(house, 1)
    taken = (await house.carry_out(accept(card, 1))).result
    assert isinstance(taken, SeatClaimed)
    assert taken.registration.id == card.id
    await assert_no_drift(house)


async def test_proof_in_the_same_moment_as_the_claim_is_proof(house: QuietHouse) -> None:
    """The seat was put aside by a transaction that did not see the proof yet."""
    event_id = await house.event(20)
    for person in (1, 2):
        await hold(house, event_id, person)
        await prove(house, person, f"{person}@example.org")
    claimed = await claim(house, event_id, 1)
    assert isinstance(claimed, SeatClaimed)
    assert not claimed.already
    house.clock.advance(11 * MINUTE)
    stored = await house.carry_out(pass_on(event_id))
    assert [kind for kind, _ in notices(stored)] == ["seat-confirmed"]
    assert await statuses(house) == ["confirmed", "confirmed"]
    assert await figures(house) == counts(taken=2)
    await assert_no_drift(house)


async def test_a_held_seat_that_is_given_back_goes_to_who_waits(house: QuietHouse) -> None:
    event_id = await house.event(1, starts_in=FAR)
    card = await hold(house, event_id, 1)
    await claim(house, event_id, 2)
    result = (await house.carry_out(give_back(card, chat(1)))).result
    assert isinstance(result, RegistrationReleased)
    assert result.was == "held"
    assert await statuses(house) == ["cancelled", "offered"]
    assert await figures(house) == counts(taken=1, offered=1)


async def test_a_held_seat_lets_nobody_in_and_is_not_handed_on(house: QuietHouse) -> None:
    card = await hold(house, await house.event(20))
    assert (await house.carry_out(check_in(card))).result == WriteRefused(reason="not-confirmed")
    handed = (await house.carry_out(promise(card, 1, EMAIL))).result
    assert handed == TransferRefused(reason="not-yours")
    about: dict[str, Any] = {"event_id": card.event.id, "registration_id": card.id}
    resent = (await house.carry_out(ResendTicket(**new(), **about))).result
    assert resent == WriteRefused(reason="not-confirmed")
    assert await statuses(house) == ["held"]


async def test_an_organiser_may_vouch_for_somebody_or_let_them_wait(house: QuietHouse) -> None:
    event_id = await house.event(20)
    cards = [await hold(house, event_id, person) for person in (1, 2)]
    for command in (move(cards[0], "confirmed"), move(cards[1], "waiting")):
        assert isinstance((await house.carry_out(command)).result, RegistrationWritten)
    # A seat is free, so who was put in line is offered one.
    assert await statuses(house) == ["confirmed", "offered"]
    assert await figures(house) == counts(taken=2, offered=1)
    rows = await house.rows("SELECT 1 FROM event_registrations WHERE ticket IS NOT NULL")
    assert len(rows) == 1
    await assert_no_drift(house)


async def claims_at_once(house: QuietHouse, event_id: UUID, count: int) -> list[Result]:
    replicas = [house.replica() for _ in range(3)]
    stored = await asyncio.gather(
        *(
            house.carry_out(claim_seat(event_id, person), replicas[person % 3])
            for person in range(count)
        )
    )
    return [one.result for one in stored]


async def test_no_more_than_the_share_is_held_when_all_claim_at_once(house: QuietHouse) -> None:
    event_id = await house.event(50)
    found = await claims_at_once(house, event_id, 40)
    assert sum(isinstance(one, SeatHeld) for one in found) == 5
    assert sum(isinstance(one, ClaimRefused) for one in found) == 35
    assert await figures(house) == counts(taken=5, held=5)
    await assert_no_drift(house)


async def test_without_the_events_lock_more_would_be_held(
    house: QuietHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test before."""
    event_id = await house.event(50)
    everybody = asyncio.Barrier(9)

    async def look_only(connection: AsyncConnection, wanted: UUID) -> Event:
        rows = await connection.execute(select(*EVENT_COLUMNS).where(EventRow.id == wanted))
        event = as_event(rows.mappings().one())
        await everybody.wait()
        return event

    monkeypatch.setattr("registry.carrying_out.lock_event", look_only)
    found = await claims_at_once(house, event_id, 9)
    assert sum(isinstance(one, SeatHeld) for one in found) == 9


async def test_who_claims_in_the_batch_that_adds_the_event_is_asked_for_proof_too(
    house: QuietHouse,
) -> None:
    create = CreateEvent(
        **new(),
        event_id=UUID(int=5),
        details=EventDetails(
            title="PyCon",
            starts_at=house.clock.now() + FAR,
            timezone="Europe/Berlin",
            max_participants=5,
            status="published",
        ),
    )
    claims = [claim_seat(UUID(int=5), person) for person in (1, 2)]
    done = await house.handlers.carry_out([create, *claims])
    assert isinstance(done[1].stored.result, SeatHeld)
    assert isinstance(done[2].stored.result, ClaimRefused)


async def test_a_chat_sees_its_held_seat_and_whether_it_is_known(house: QuietHouse) -> None:
    card = await hold(house, await house.event(20))
    queries = Queries(database=house.databases[0], clock=house.clock, proof_by_email=True)
    own = await queries.list_registrations(ListRegistrations(address=chat(1)))
    assert own.registrations == (card,)
    assert (own.known, own.proof_by_email) == (True, True)
    stranger = await queries.list_registrations(ListRegistrations(address=chat(2)))
    assert (stranger.registrations, stranger.known) == ((), False)
    without = Queries(database=house.databases[0], clock=house.clock)
    assert not (await without.list_registrations(ListRegistrations(address=chat(1)))).proof_by_email


async def test_organisers_see_until_when_a_seat_is_held(
    api: AsyncClient, house: QuietHouse
) -> None:
    event_id = await house.event(20)
    card = await hold(house, event_id)
    url = f"/api/events/{event_id}/registrations"
    (shown,) = (await api.get(url, params={"status": "held"})).json()["registrations"]
    assert (shown["id"], shown["status"], shown["email_proven"]) == (str(card.id), "held", False)
    assert datetime.fromisoformat(shown["hold_expires_at"]) == card.hold_expires_at
    assert (await api.get(f"/api/events/{event_id}")).json()["held"] == 1
    csv = (await api.get(f"{url}.csv")).text
    assert "hold_expires_at" in csv.splitlines()[0]


async def statements(house: QuietHouse, event_id: UUID) -> list[str]:
    """What is asked of PostgreSQL when somebody who is known claims a seat."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    engine = house.databases[-1]._engine.sync_engine
    listen(engine, "before_cursor_execute", note)
    await house.carry_out(claim_seat(event_id))
    remove(engine, "before_cursor_execute", note)
    return asked


async def test_who_is_asked_for_no_proof_is_looked_up_no_more_than_before(
    quiet_house: QuietHouse,
) -> None:
    """With a mail server it is one statement more for the whole batch."""
    await claim(quiet_house, await quiet_house.event(20))
    without = await statements(quiet_house, await quiet_house.event(20))
    quiet_house.ask_for_proof()
    with_proof = await statements(quiet_house, await quiet_house.event(20))
    (more,) = [one for one in with_proof if "users.email IS NOT NULL" in one]
    assert [one for one in without if "users.email" in one] == []
    # A held seat has no reminders yet, which is one statement less.
    planned = [one for one in without if "INTO notices" in one]
    assert len(with_proof) - len([more]) == len(without) - len(planned)
