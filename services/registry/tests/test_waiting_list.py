"""The waiting list: strict order, and every freed seat goes to who waits first."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from registry_commands import accept, change, enter, move, new, pass_on, tend
from registry_house import House, QuietHouse, chat, claim_seat, give_back

from contracts import (
    AddRegistration,
    ClaimRefused,
    NoticeDue,
    OfferRefused,
    RegistrationReleased,
    SeatClaimed,
    WaitingListed,
)
from contracts.cards import RegistrationCard
from registry.line import OFFERS_PER_COMMAND_MAX
from registry.offers import offer_expires_at
from registry.results import Stored
from registry.seats import WAITING_MAX
from registry.sweep import sweep

HOUR = timedelta(hours=1)
FAR = timedelta(days=30)


async def line_of(house: QuietHouse, waiting: int, seats: int = 1) -> list[RegistrationCard]:
    """A full event: those with a seat first, then those who wait, as persons 0, 1, 2 …"""
    event_id = await house.event(seats, starts_in=FAR)
    return [await enter(house, event_id, person) for person in range(seats + waiting)]


async def statuses(house: House) -> list[str]:
    rows = await house.rows("SELECT status FROM event_registrations ORDER BY created_at")
    return [row["status"] for row in rows]


async def figures(house: House) -> dict[str, int]:
    (row,) = await house.rows("SELECT * FROM events")
    return {name: row[name] for name in ("taken", "offered", "waiting", "over_by")}


async def assert_no_drift(house: House) -> None:
    drift = await house.databases[0].run(sweep)
    assert set(drift.values()) == {0}, drift


def notices(stored: Stored) -> list[tuple[str, UUID]]:
    due = [
        NoticeDue.model_validate_json(said.body)
        for said in stored.messages
        if said.subject == "notice.due"
    ]
    return [(notice.kind, notice.registration_id) for notice in due]


async def deadline(house: House) -> datetime:
    """When the only offer ends."""
    (row,) = await house.rows(
        "SELECT offer_expires_at FROM event_registrations WHERE status = 'offered'"
    )
    ends_at: datetime = row["offer_expires_at"]
    return ends_at


async def wait_until(house: House, moment: datetime) -> None:
    house.clock.advance(moment - house.clock.now() + timedelta(seconds=1))


async def test_a_full_event_tells_each_newcomer_their_number(quiet_house: QuietHouse) -> None:
    cards = await line_of(quiet_house, 3)
    assert [card.status for card in cards] == ["confirmed", "waiting", "waiting", "waiting"]
    assert [card.position for card in cards] == [None, 1, 2, 3]
    assert [card.event.waiting for card in cards] == [0, 1, 2, 3]
    assert [card.ticket is None for card in cards] == [False, True, True, True]
    again = await enter(quiet_house, cards[0].event.id, 2)
    assert (again.id, again.position) == (cards[2].id, 2)


async def test_the_first_in_line_gets_a_freed_seat_in_the_same_transaction(
    quiet_house: QuietHouse,
) -> None:
    ann, ben, cleo = await line_of(quiet_house, 2)
    stored = await quiet_house.carry_out(give_back(ann, chat(0)))
    assert isinstance(stored.result, RegistrationReleased)
    assert notices(stored) == [("seat-offered", ben.id)]
    assert await statuses(quiet_house) == ["cancelled", "offered", "waiting"]
    assert await figures(quiet_house) == {"taken": 1, "offered": 1, "waiting": 1, "over_by": 0}
    xmins = await quiet_house.rows(
        "SELECT DISTINCT xmin::text FROM event_registrations WHERE id <> $1 "
        "UNION SELECT xmin::text FROM events",
        cleo.id,
    )
    assert len(xmins) == 1
    ends_at = await deadline(quiet_house)
    assert ends_at == offer_expires_at(
        await handled_at(quiet_house), ben.event.starts_at, "Europe/Berlin"
    )
    told = [one.expires_at for one in await quiet_house.notices()]
    assert told == [ends_at]


async def handled_at(house: House) -> datetime:
    (row,) = await house.rows("SELECT max(handled_at) AS at FROM handled_commands")
    at: datetime = row["at"]
    return at


async def test_whoever_comes_while_a_seat_is_offered_waits_behind(quiet_house: QuietHouse) -> None:
    ann, ben = await line_of(quiet_house, 1)
    await quiet_house.do(give_back(ann, chat(0)))
    late = await enter(quiet_house, ann.event.id, 5)
    assert (late.status, late.position, late.event.seats_left) == ("waiting", 1, 0)
    assert await statuses(quiet_house) == ["cancelled", "offered", "waiting"]
    assert ben.status == "waiting"


async def test_an_offer_that_is_taken_is_a_seat_with_a_ticket(quiet_house: QuietHouse) -> None:
    ann, ben = await line_of(quiet_house, 1)
    await quiet_house.do(give_back(ann, chat(0)))
    theft = (await quiet_house.carry_out(accept(ben, 0))).result
    assert theft == OfferRefused(reason="not-yours", event=None)
    for already in (False, True):
        result = (await quiet_house.carry_out(accept(ben, 1))).result
        assert isinstance(result, SeatClaimed)
        assert (result.already, result.registration.id) == (already, ben.id)
        assert result.registration.ticket is not None
    assert await figures(quiet_house) == {"taken": 1, "offered": 0, "waiting": 0, "over_by": 0}


async def test_claiming_again_is_another_way_to_take_an_offer(quiet_house: QuietHouse) -> None:
    ann, ben = await line_of(quiet_house, 1)
    await quiet_house.do(give_back(ann, chat(0)))
    card = await enter(quiet_house, ann.event.id, 1)
    assert (card.id, card.status) == (ben.id, "confirmed")


async def test_a_declined_offer_goes_to_the_next_at_once(quiet_house: QuietHouse) -> None:
    ann, ben, cleo = await line_of(quiet_house, 2)
    await quiet_house.do(give_back(ann, chat(0)))
    stored = await quiet_house.carry_out(give_back(ben, chat(1)))
    assert isinstance(stored.result, RegistrationReleased)
    assert stored.result.was == "offered"
    assert notices(stored) == [("seat-offered", cleo.id)]
    assert await statuses(quiet_house) == ["cancelled", "cancelled", "offered"]


async def test_an_offer_that_nobody_answers_is_passed_on_by_the_tick(
    quiet_house: QuietHouse,
) -> None:
    ann, ben, cleo = await line_of(quiet_house, 2)
    await quiet_house.do(give_back(ann, chat(0)))
    assert await tend(quiet_house) == []
    await wait_until(quiet_house, await deadline(quiet_house))
    assert await tend(quiet_house) == ["pass-on-seats"]
    assert await statuses(quiet_house) == ["cancelled", "cancelled", "offered"]
    said = [(one.kind, one.registration_id) for one in await quiet_house.notices()]
    assert said == [("seat-offered", ben.id), ("offer-expired", ben.id), ("seat-offered", cleo.id)]
    assert await tend(quiet_house) == []
    await assert_no_drift(quiet_house)


async def test_a_late_yes_is_told_the_truth_and_the_seat_goes_on_at_once(
    quiet_house: QuietHouse,
) -> None:
    ann, ben, cleo = await line_of(quiet_house, 2)
    await quiet_house.do(give_back(ann, chat(0)))
    await wait_until(quiet_house, await deadline(quiet_house))
    stored = await quiet_house.carry_out(accept(ben, 1))
    assert isinstance(stored.result, OfferRefused)
    assert stored.result.reason == "expired"
    assert notices(stored) == [("offer-expired", ben.id), ("seat-offered", cleo.id)]
    again = (await quiet_house.carry_out(accept(ben, 1))).result
    assert isinstance(again, OfferRefused)
    assert again.reason == "expired"


async def test_whoever_was_too_late_may_wait_again_at_the_end(quiet_house: QuietHouse) -> None:
    ann, ben, cleo, dora = await line_of(quiet_house, 3)
    await quiet_house.do(give_back(ann, chat(0)))
    await wait_until(quiet_house, await deadline(quiet_house))
    again = await enter(quiet_house, ann.event.id, 1)
    assert again.id != ben.id
    assert (again.status, again.position) == ("waiting", 2)
    rows = await quiet_house.rows(
        "SELECT id, status FROM event_registrations WHERE NOT id = $1", ann.id
    )
    found = {row["id"]: row["status"] for row in rows}
    assert found == {
        ben.id: "cancelled",
        cleo.id: "offered",
        dora.id: "waiting",
        again.id: "waiting",
    }


async def test_leaving_the_line_moves_all_behind_one_place_up(quiet_house: QuietHouse) -> None:
    _, ben, cleo, dora = await line_of(quiet_house, 3)
    released = (await quiet_house.carry_out(give_back(ben, chat(1)))).result
    assert isinstance(released, RegistrationReleased)
    assert (released.was, released.event.waiting) == ("waiting", 2)
    for person, card, place in ((2, cleo, 1), (3, dora, 2)):
        seen = await enter(quiet_house, card.event.id, person)
        assert (seen.id, seen.position) == (card.id, place)


async def test_organisers_move_people_to_the_front_the_end_and_into_seats(
    quiet_house: QuietHouse,
) -> None:
    ann, ben, cleo, dora = await line_of(quiet_house, 3)
    event_id = ann.event.id
    await quiet_house.do(move(dora, "waiting", "front"))
    await quiet_house.do(move(ben, "waiting", "end"))
    places = [(await enter(quiet_house, event_id, person)).position for person in (3, 2, 1)]
    assert places == [1, 2, 3]
    refused = (await quiet_house.carry_out(move(ben, "confirmed"))).result
    assert getattr(refused, "reason", None) == "no-seat-left"
    stored = await quiet_house.carry_out(move(ann, "waiting"))
    assert notices(stored) == [("place-in-line", ann.id), ("seat-offered", dora.id)]
    await quiet_house.do(move(dora, "confirmed"))
    assert (await enter(quiet_house, event_id, 3)).status == "confirmed"
    assert (await enter(quiet_house, event_id, 0)).position == 3
    assert cleo.position == 2
    await assert_no_drift(quiet_house)


async def test_new_seats_go_to_those_who_wait(quiet_house: QuietHouse) -> None:
    cards = await line_of(quiet_house, 4)
    event_id = cards[0].event.id
    stored = await quiet_house.carry_out(await change(quiet_house, event_id, max_participants=3))
    assert notices(stored) == [("seat-offered", card.id) for card in cards[1:3]]
    assert await figures(quiet_house) == {"taken": 3, "offered": 2, "waiting": 2, "over_by": 0}


async def test_fewer_seats_drop_nobody_and_close_the_door(quiet_house: QuietHouse) -> None:
    event_id = await quiet_house.event(3, starts_in=FAR)
    cards = [await enter(quiet_house, event_id, person) for person in range(3)]
    await quiet_house.do(await change(quiet_house, event_id, max_participants=1))
    assert await figures(quiet_house) == {"taken": 3, "offered": 0, "waiting": 0, "over_by": 2}
    late = await enter(quiet_house, event_id, 3)
    assert (late.status, late.position) == ("waiting", 1)
    for person, over_by in ((0, 1), (1, 0)):
        stored = await quiet_house.carry_out(give_back(cards[person], chat(person)))
        assert notices(stored) == []
        assert (await figures(quiet_house))["over_by"] == over_by
    stored = await quiet_house.carry_out(give_back(cards[2], chat(2)))
    assert notices(stored) == [("seat-offered", late.id)]
    await assert_no_drift(quiet_house)


async def test_a_lost_trigger_is_repaired_by_the_next_tick(quiet_house: QuietHouse) -> None:
    _, ben, _ = await line_of(quiet_house, 2)
    # As if a seat had been freed and nobody had thought of those who wait.
    await quiet_house.rows(
        "UPDATE event_registrations SET status = 'cancelled', cancelled_at = now(), "
        "ticket = NULL WHERE status = 'confirmed'"
    )
    await quiet_house.rows("UPDATE events SET taken = 0")
    newcomer = await enter(quiet_house, ben.event.id, 9)
    assert (newcomer.status, newcomer.position) == ("waiting", 3)
    assert await tend(quiet_house) == ["pass-on-seats"]
    assert await statuses(quiet_house) == ["cancelled", "offered", "waiting", "waiting"]
    assert await tend(quiet_house) == []


async def test_nothing_is_offered_once_the_event_has_begun(quiet_house: QuietHouse) -> None:
    ann, ben, _ = await line_of(quiet_house, 2)
    house = quiet_house
    await house.do(give_back(ann, chat(0)))
    await wait_until(house, ann.event.starts_at)
    late = (await house.carry_out(accept(ben, 1))).result
    assert isinstance(late, OfferRefused)
    assert late.reason == "started"
    assert await tend(house) == ["pass-on-seats"]
    assert await statuses(house) == ["cancelled", "cancelled", "waiting"]
    assert await tend(house) == []


async def test_a_full_line_is_full_for_everybody(quiet_house: QuietHouse) -> None:
    ann, _ = await line_of(quiet_house, 1)
    await quiet_house.rows("UPDATE events SET waiting = $1", WAITING_MAX)
    refused = (await quiet_house.carry_out(claim_seat(ann.event.id, 7))).result
    assert isinstance(refused, ClaimRefused)
    assert (refused.reason, refused.event and refused.event.waiting) == ("full", WAITING_MAX)
    by_hand = AddRegistration(**new(), event_id=ann.event.id, name="Ben Roe")
    added = (await quiet_house.carry_out(by_hand)).result
    assert getattr(added, "reason", None) == "line-full"


async def test_many_freed_seats_go_out_over_several_ticks(quiet_house: QuietHouse) -> None:
    count = 2 * OFFERS_PER_COMMAND_MAX + 30
    event_id = await quiet_house.event(1, starts_in=FAR)
    await enter(quiet_house, event_id, 0)
    await many_waiting(quiet_house, event_id, count)
    await quiet_house.do(await change(quiet_house, event_id, max_participants=1_000))
    offered = [(await figures(quiet_house))["offered"]]
    while await tend(quiet_house):
        offered.append((await figures(quiet_house))["offered"])
    assert offered == [OFFERS_PER_COMMAND_MAX, 2 * OFFERS_PER_COMMAND_MAX, count]
    numbers = await quiet_house.rows(
        "SELECT queue_number FROM event_registrations WHERE status = 'offered' "
        "ORDER BY (SELECT min(id) FROM audit WHERE registration_id = event_registrations.id)"
    )
    assert [row["queue_number"] for row in numbers] == list(range(1, count + 1))
    # All of them sleep: as many offers end over several ticks, too.
    (last,) = await quiet_house.rows("SELECT max(offer_expires_at) AS at FROM event_registrations")
    await wait_until(quiet_house, last["at"])
    while await tend(quiet_house):
        pass
    assert await figures(quiet_house) == {"taken": 1, "offered": 0, "waiting": 0, "over_by": 0}


async def many_waiting(house: House, event_id: UUID, count: int) -> None:
    await house.rows(
        """WITH people AS (
             INSERT INTO users (id, name, language, created_at, updated_at)
             SELECT gen_random_uuid(), 'Ann', 'en', now(), now() FROM generate_series(1, $1)
             RETURNING id)
           INSERT INTO event_registrations
             (id, user_id, event_id, registered_via, status, name, created_at, queue_number)
           SELECT gen_random_uuid(), id, $2, 'telegram', 'waiting', 'Ann', now(),
             row_number() OVER () FROM people""",
        count,
        event_id,
    )
    await house.rows("UPDATE events SET waiting = $1::int, queue_last = $1::int", count)


@pytest.mark.parametrize("turn", range(5))
async def test_the_first_in_line_beats_a_hundred_newcomers(house: House, turn: int) -> None:
    """Ten wait, one seat is given back, a hundred others claim it in the same moment."""
    event_id = await house.event(1, starts_in=FAR)
    ann = await house.seat(event_id, 0)
    await asyncio.gather(*(house.do(claim_seat(event_id, person)) for person in range(1, 11)))
    (first,) = await house.rows(
        "SELECT id FROM event_registrations WHERE status = 'waiting' ORDER BY queue_number LIMIT 1"
    )
    replicas = [house.replica() for _ in range(3)]
    commands: list[Any] = [claim_seat(event_id, person) for person in range(100, 200)]
    commands.insert(20 * turn, give_back(ann, chat(0)))
    await asyncio.gather(
        *(house.do(command, replicas[n % 3]) for n, command in enumerate(commands))
    )
    offered = await house.rows("SELECT id FROM event_registrations WHERE status = 'offered'")
    assert [row["id"] for row in offered] == [first["id"]]
    due = [(one.kind, one.registration_id) for one in await house.notices()]
    assert due == [("seat-offered", first["id"])]
    told = [answer.outcome for answer in await house.answers()]
    waits = [one.registration.position for one in told if isinstance(one, WaitingListed)]
    assert len(waits) == 110
    # Ten and a hundred numbers; those who came after the seat was passed on are told one less.
    assert set(waits) in (set(range(1, 110)), set(range(1, 111)))
    await assert_no_drift(house)


async def test_a_yes_and_the_end_of_the_offer_at_once_give_the_seat_to_one(
    quiet_house: QuietHouse,
) -> None:
    house = quiet_house
    replicas = [house.replica(), house.replica()]
    for round_ in range(10):
        event_id = await house.event(1, starts_in=FAR)
        cards = [await enter(house, event_id, 3 * round_ + person) for person in range(3)]
        await house.do(give_back(cards[0], chat(3 * round_)))
        (row,) = await house.rows(
            "SELECT offer_expires_at AS at FROM event_registrations WHERE id = $1", cards[1].id
        )
        # Some of the rounds begin before the offer ends, so that either may come first.
        house.clock.advance(row["at"] - house.clock.now() - timedelta(milliseconds=2 * round_))
        yes, _ = await asyncio.gather(
            house.carry_out(accept(cards[1], 3 * round_ + 1), replicas[0]),
            house.carry_out(pass_on(event_id), replicas[1]),
        )
        rows = await house.rows(
            "SELECT id, status FROM event_registrations WHERE event_id = $1", event_id
        )
        found = {row["id"]: row["status"] for row in rows}
        if isinstance(yes.result, SeatClaimed):
            assert (found[cards[1].id], found[cards[2].id]) == ("confirmed", "waiting")
        else:
            assert isinstance(yes.result, OfferRefused)
            assert (found[cards[1].id], found[cards[2].id]) == ("cancelled", "offered")
    await assert_no_drift(house)


async def test_an_offer_to_nobody_is_refused_without_a_word(quiet_house: QuietHouse) -> None:
    ann, ben = await line_of(quiet_house, 1)
    early = (await quiet_house.carry_out(accept(ben, 1))).result
    assert isinstance(early, OfferRefused)
    assert early.reason == "not-offered"
    nowhere = ben.model_copy(update={"id": uuid4()})
    unknown = (await quiet_house.carry_out(accept(nowhere, 1))).result
    assert unknown == OfferRefused(reason="not-yours", event=None)
    elsewhere = ann.event.model_copy(update={"id": uuid4()})
    nowhere = ben.model_copy(update={"event": elsewhere})
    unknown = (await quiet_house.carry_out(accept(nowhere, 1))).result
    assert unknown == OfferRefused(reason="not-yours", event=None)
