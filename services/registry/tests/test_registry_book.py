"""Random histories: whatever is said in whatever order, seats and the line stay in order."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_history import EVENT_ID, PEOPLE, SAID, Author, Step, World, random_steps
from registry_house import TICKETS

from contracts import ClaimSeat, PassOnSeats, WaitingListed
from contracts.commands import AboutEvent
from registry.audit_replay import rebuild
from registry.book import Book, Known
from registry.book_store import _seats_freed_max
from registry.results import Stored
from registry.rules import Event
from registry.seats import HOLDING, Seat

PICKS = st.integers(0, 63)
STEPS = st.builds(
    Step,
    say=st.sampled_from([*SAID, "call-off", "finish"]),
    person=st.integers(0, PEOPLE - 1),
    pick=PICKS,
    amount=PICKS,
    wait_minutes=st.sampled_from((0, 0, 0, 1, 20, 200, 900)),
)
HISTORIES = st.builds(
    lambda first, later: [first, *later],
    st.builds(lambda pick, amount: Step("create", pick=pick, amount=amount), PICKS, PICKS),
    st.lists(STEPS, min_size=10, max_size=60),
)


SEEDS = (*range(20), 108)
"""In the last one an offer runs out, and is made anew before the tick that ends it."""


def live(steps: Sequence[Step], *, asks_for_proof: bool = False) -> tuple[World, World]:
    """A history twice: command by command with all known, and in batches that know little."""
    alone, together = World(asks_for_proof), World(asks_for_proof)
    author = Author(alone)
    batch: list[AboutEvent] = []
    outcomes: list[Stored] = []
    seen: set[UUID] = set()
    for step in steps:
        if step.wait_minutes:
            assert together.carry_out(batch, as_read(together, batch)) == outcomes
            batch, outcomes = [], []
            alone.wait(step.wait_minutes)
            together.wait(step.wait_minutes)
        command = author.command(step)
        before = replace(alone, seats=dict(alone.seats))
        (stored,) = alone.carry_out([command])
        batch.append(command)
        outcomes.append(stored)
        check(before, alone, command, stored)
        ids = [said.id for said in stored.messages]
        assert seen.isdisjoint(ids), "a message that the stream takes for one it has"
        assert len(set(ids)) == len(ids)
        seen.update(ids)
    assert together.carry_out(batch, as_read(together, batch)) == outcomes
    return alone, together


def as_read(world: World, commands: Sequence[AboutEvent]) -> Known:
    """As little as is read from the database for these commands."""
    everything = world.known()
    if world.event is None:
        return Known(people=everything.people, with_proof=everything.with_proof)
    addresses = {address for one in commands if (address := getattr(one, "address", None))}
    people = {address: p for address, p in everything.people.items() if address in addresses}
    named = {getattr(one, "registration_id", None) for one in commands}
    seats = [
        seat
        for seat in everything.seats
        if seat.id in named or (seat.status != "cancelled" and seat.user_id in people.values())
    ]
    read = {seat.id for seat in seats}
    passes_on = any(isinstance(one, PassOnSeats) for one in commands)
    expired = everything.expired if passes_on else ()
    asked = {*people.values(), *(seat.user_id for seat in expired)}
    return replace(
        everything,
        people=people,
        seats=tuple(seats),
        line=everything.line[: _seats_freed_max(world.event, commands)],
        positions={key: at for key, at in everything.positions.items() if key in read},
        expired=expired,
        with_proof=None if everything.with_proof is None else everything.with_proof & asked,
    )


def check(before: World, after: World, command: AboutEvent, stored: Stored) -> None:
    """What no command may break, and what each one owes."""
    if after.event is None:
        return
    check_counters(after.event, list(after.seats.values()))
    check_rows(list(after.seats.values()))
    line, event = after.line(), after.event
    if event.status == "published" and event.starts_at > after.now:
        assert not (line and event.seats_left), "a free seat beside somebody who waits"
    check_order(before, after, command)
    if isinstance(stored.result, WaitingListed):
        card = stored.result.registration
        if card.status == "waiting":
            assert card.position == 1 + [seat.id for seat in line].index(card.id)
        assert card.event.waiting == len(line)
    check_notices(before, after, command, stored)
    # No event here has had more than five seats, of which a tenth is one.
    assert event.held <= (1 if after.asks_for_proof else 0)


def check_counters(event: Event, seats: Sequence[Seat]) -> None:
    statuses = [seat.status for seat in seats]
    assert event.taken == sum(status in HOLDING for status in statuses)
    assert event.offered == statuses.count("offered")
    assert event.held == statuses.count("held")
    assert event.waiting == statuses.count("waiting")
    assert event.checked_in == sum(seat.checked_in_at is not None for seat in seats)
    assert event.over_by == max(0, event.taken - event.max_participants)
    assert event.queue_last == max((seat.queue_number or 0 for seat in seats), default=0)


def check_rows(seats: Sequence[Seat]) -> None:
    active = [seat for seat in seats if seat.status != "cancelled"]
    assert len({seat.user_id for seat in active}) == len(active), "two registrations of one person"
    places = [seat.place for seat in active if seat.status == "waiting"]
    assert len(set(places)) == len(places), "two people in one place"
    for seat in seats:
        has_ticket = seat.status == "confirmed"
        assert seat.ticket == (TICKETS.issue(seat.id) if has_ticket else None)
        assert (seat.status == "offered") == (seat.offer_expires_at is not None)
        assert (seat.status == "held") == (seat.hold_expires_at is not None)
        assert (seat.status == "cancelled") == (seat.cancelled_at is not None)
        assert (seat.status == "cancelled") == (seat.end_reason is not None)
        assert (seat.transfer_to is None) == (seat.transfer_expires_at is None)
        assert seat.transfer_to is None or seat.status == "confirmed"
        assert seat.checked_in_at is None or seat.status == "confirmed"
        assert seat.status not in ("waiting", "offered") or seat.queue_number is not None


def check_order(before: World, after: World, command: AboutEvent) -> None:
    taken_before = before.event.taken if before.event else 0
    assert after.event is not None
    if after.event.taken > taken_before:
        assert after.event.over_by == 0, "one more at an event that is over its capacity"
    still_waiting = [
        seat for seat in after.line() if before.seats.get(seat.id, seat).status == "waiting"
    ]
    for seat in after.seats.values():
        was = before.seats.get(seat.id)
        if seat.status == "offered" and was is not None and was.status == "waiting":
            # Moved people stand where the command has put them.
            assert all(seat.place < other.place for other in still_waiting), "somebody was passed"
        newcomer = was is None and seat.status in ("confirmed", "held")
        if newcomer and isinstance(command, ClaimSeat):
            assert not still_waiting, "a newcomer passed the line"


def check_notices(before: World, after: World, command: AboutEvent, stored: Stored) -> None:
    said = [message.body for message in stored.messages if message.subject == "notice.due"]
    for seat in after.seats.values():
        was = before.seats.get(seat.id)
        owed = [body for body in said if str(seat.id) in body]
        if was is not None and was.status == "waiting" and seat.status == "offered":
            assert sum("seat-offered" in body for body in owed) == 1
        if was is not None and was.status != "cancelled" and seat.end_reason is not None:
            told = {"expired": "offer-expired", "organiser": "registration-cancelled"}
            told["transferred"] = "seat-transferred"
            if isinstance(command, PassOnSeats):
                # Who asks after their time was over is answered, and not told as well.
                told["unproven"] = "hold-expired"
            wanted = told.get(seat.end_reason)
            assert [wanted in body for body in owed if wanted] == ([True] if wanted else [])


@given(HISTORIES, st.booleans())
@settings(deadline=None)
def test_no_history_breaks_a_promise(steps: list[Step], asks_for_proof: bool) -> None:
    alone, together = live(steps, asks_for_proof=asks_for_proof)
    assert together.event == alone.event
    assert together.seats == alone.seats
    assert together.people == alone.people


def test_long_histories_break_no_promise_and_see_everything() -> None:
    actions: set[str] = set()
    for seed in SEEDS:
        alone, together = live(random_steps(seed, 250))
        assert together.event == alone.event
        assert together.seats == alone.seats
        actions |= {f"{change.action} {change.reason}" for change in alone.changes}
    assert actions >= {
        "event-created None",
        "event-changed None",
        "seat-claimed None",
        "registration-queued None",
        "registration-added None",
        "registration-moved a speaker",
        "registration-ended given-back",
        "registration-ended left",
        "registration-ended declined",
        "registration-ended no longer a member",
        "registration-ended transferred",
        "seat-offered None",
        "offer-accepted None",
        "offer-expired expired",
        "transfer-offered None",
        "transfer-dropped None",
        "seat-transferred None",
        "checked-in None",
        "check-in-undone wrong person",
    }


def test_long_histories_with_held_seats_break_no_promise_and_see_everything() -> None:
    actions: set[str] = set()
    for seed in SEEDS:
        alone, together = live(random_steps(seed, 250), asks_for_proof=True)
        assert together.event == alone.event
        assert together.seats == alone.seats
        actions |= {f"{change.action} {change.reason}" for change in alone.changes}
    assert actions >= {
        "seat-held None",
        "offer-held None",
        "hold-confirmed None",
        "hold-expired unproven",
        "registration-ended given-back",
        "registration-moved a speaker",
        "seat-claimed None",
        "offer-accepted None",
    }


@given(HISTORIES, st.booleans())
@settings(deadline=None, max_examples=50)
def test_the_audit_alone_says_how_everything_is(steps: list[Step], asks_for_proof: bool) -> None:
    alone, together = live(steps, asks_for_proof=asks_for_proof)
    for world in (alone, together):
        rebuilt = rebuild(world.audit)
        assert rebuilt.events.get(EVENT_ID) == world.event
        unnamed = {
            seat_id: replace(seat, name="", ticket=None) for seat_id, seat in world.seats.items()
        }
        assert rebuilt.registrations == unnamed


def test_the_check_sees_somebody_who_is_passed() -> None:
    """The negative control: a book that is told of a line in which the second comes first."""
    world = World()
    author = Author(world)
    for step in [Step("create", pick=1, amount=0), *(Step("claim", person) for person in range(3))]:
        world.carry_out([author.command(step)])
    first, second = world.line()
    before = replace(world, seats=dict(world.seats))
    command = author.command(Step("end", pick=0, amount=1))
    lying = replace(world.known(), line=(second,))
    (stored,) = world.carry_out([command], lying)
    assert world.seats[first.id].status == "waiting"
    with pytest.raises(AssertionError, match="passed"):
        check(before, world, command, stored)


def test_a_book_that_knows_nobody_who_waits_offers_nothing() -> None:
    """So that a line that was read in part can never be passed; the next tick goes on."""
    world = World()
    author = Author(world)
    for step in [Step("create", pick=1, amount=0), *(Step("claim", person) for person in range(3))]:
        world.carry_out([author.command(step)])
    book = Book(world.event, replace(world.known(), line=()), world.now, TICKETS)
    assert book.first_in_line() is None
