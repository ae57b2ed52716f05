"""Who may have a seat, wait for one, hand it on or come in, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from contracts import EndReason, NoticeKind, RegistrationStatus
from registry import seats
from registry.rules import Event
from registry.seats import TRANSFER_HOURS_MAX, WAITING_MAX, Seat

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)
ANN, BEN, CLEO = UUID(int=1), UUID(int=2), UUID(int=3)
EVENT = Event(
    id=UUID(int=9),
    code="ABC234",
    title="PyCon",
    description="",
    starts_at=NOW + 48 * HOUR,
    timezone="Europe/Berlin",
    location="",
    max_participants=10,
    status="published",
    version=4,
    start_version=2,
    taken=3,
)
FULL = replace(EVENT, taken=10)
OVER = replace(EVENT, max_participants=2, over_by=1)
WAITED_FOR = replace(FULL, waiting=2)
FREE_AND_WAITED_FOR = replace(EVENT, waiting=2)
LINE_FULL = replace(FULL, waiting=WAITING_MAX)
DRAFT = replace(EVENT, status="draft")
STARTED = replace(EVENT, starts_at=NOW)
CANCELLED = replace(EVENT, status="cancelled")
FINISHED = replace(EVENT, status="finished")

CONFIRMED = Seat(
    id=UUID(int=5),
    user_id=ANN,
    status="confirmed",
    name="Ann",
    registered_via="telegram",
    created_at=NOW - HOUR,
    ticket="T1.x",
)
HELD = replace(CONFIRMED, status="held", ticket=None, hold_expires_at=NOW + INSTANT)
UNHELD = replace(HELD, hold_expires_at=NOW)
WAITING = replace(CONFIRMED, status="waiting", ticket=None, queue_number=7)
OFFERED = replace(WAITING, status="offered", offer_expires_at=NOW + INSTANT)
RAN_OUT = replace(OFFERED, offer_expires_at=NOW)
CHECKED_IN = replace(CONFIRMED, checked_in_at=NOW - HOUR, checked_in_by="door 2")
PROMISED = replace(CONFIRMED, transfer_to=BEN, transfer_expires_at=NOW + INSTANT)
BENS = replace(CONFIRMED, id=UUID(int=6), user_id=BEN)


def ended(reason: EndReason) -> Seat:
    return replace(
        CONFIRMED, status="cancelled", ticket=None, cancelled_at=NOW - HOUR, end_reason=reason
    )


@pytest.mark.parametrize(
    ("event", "own", "decision"),
    [
        (EVENT, None, "seat"),
        (replace(EVENT, taken=9), None, "seat"),
        (FULL, None, "wait"),
        (OVER, None, "wait"),
        (WAITED_FOR, None, "wait"),
        (FREE_AND_WAITED_FOR, None, "wait"),
        (LINE_FULL, None, "full"),
        (replace(LINE_FULL, waiting=WAITING_MAX - 1), None, "wait"),
        (replace(LINE_FULL, taken=3), None, "full"),
        (EVENT, CONFIRMED, "already"),
        (EVENT, HELD, "take-held"),
        (STARTED, HELD, "started"),
        (FULL, CONFIRMED, "already"),
        (STARTED, CONFIRMED, "already"),
        (DRAFT, CONFIRMED, "already"),
        (WAITED_FOR, WAITING, "already-waiting"),
        (LINE_FULL, WAITING, "already-waiting"),
        (FULL, OFFERED, "take-offer"),
        (FULL, RAN_OUT, "already-waiting"),
        (DRAFT, None, "draft"),
        (STARTED, None, "started"),
        (STARTED, WAITING, "started"),
        (STARTED, OFFERED, "started"),
        (FINISHED, None, "started"),
        (CANCELLED, None, "cancelled"),
        (CANCELLED, CONFIRMED, "cancelled"),
        (CANCELLED, OFFERED, "cancelled"),
    ],
)
def test_a_claim_is_decided_by_the_event_and_what_the_person_has(
    event: Event, own: Seat | None, decision: str
) -> None:
    assert seats.claim(event, own, NOW) == decision


ONE_HELD = replace(EVENT, held=1)
TWO_MAY_BE_HELD = replace(ONE_HELD, max_participants=20)


@pytest.mark.parametrize(
    ("event", "own", "decision"),
    [
        (EVENT, None, "hold"),
        (ONE_HELD, None, "proof-first"),
        (TWO_MAY_BE_HELD, None, "hold"),
        (replace(TWO_MAY_BE_HELD, held=2), None, "proof-first"),
        # Who waits takes nothing away from anybody.
        (replace(FULL, held=1), None, "wait"),
        (WAITED_FOR, WAITING, "already-waiting"),
        (FULL, OFFERED, "hold-offer"),
        (replace(FULL, held=1), OFFERED, "proof-first"),
        (ONE_HELD, HELD, "already-held"),
        (ONE_HELD, CONFIRMED, "already"),
        (replace(ONE_HELD, status="cancelled"), HELD, "cancelled"),
        (STARTED, None, "started"),
        (DRAFT, None, "draft"),
    ],
)
def test_who_has_proven_nothing_gets_a_seat_for_a_while_and_only_so_many_do(
    event: Event, own: Seat | None, decision: str
) -> None:
    assert seats.claim(event, own, NOW, is_proven=False) == decision


@pytest.mark.parametrize(
    ("event", "seat", "decision"),
    [
        (FULL, OFFERED, "hold"),
        (replace(FULL, held=1), OFFERED, "proof-first"),
        (replace(FULL, held=1), HELD, "already-held"),
        (replace(FULL, held=1), UNHELD, "expired"),
        (FULL, CONFIRMED, "already"),
        (FULL, RAN_OUT, "expired"),
        (CANCELLED, HELD, "cancelled"),
    ],
)
def test_an_offer_is_held_for_who_has_proven_nothing(
    event: Event, seat: Seat, decision: str
) -> None:
    assert seats.accept(event, seat, ANN, NOW, is_proven=False) == decision


@pytest.mark.parametrize(
    ("capacity", "held_max"), [(1, 1), (9, 1), (10, 1), (19, 1), (20, 2), (30, 3), (1_005, 100)]
)
def test_a_tenth_of_the_seats_may_be_held_and_one_always(capacity: int, held_max: int) -> None:
    assert seats.held_max(capacity) == held_max


def test_no_share_is_a_seat_short_through_rounding() -> None:
    assert all(seats.held_max(10 * tenth) == tenth for tenth in range(1, 10_001))


def test_a_seat_is_held_for_ten_minutes_and_never_beyond_the_start() -> None:
    assert seats.hold_expires_at(EVENT, NOW) == NOW + timedelta(minutes=10)
    soon = replace(EVENT, starts_at=NOW + timedelta(minutes=4))
    assert seats.hold_expires_at(soon, NOW) == soon.starts_at


@pytest.mark.parametrize(
    ("opens_in", "closes_in", "decision"),
    [
        (None, None, "seat"),
        (-HOUR, None, "seat"),
        (timedelta(0), None, "seat"),
        (INSTANT, None, "not-yet-open"),
        (None, INSTANT, "seat"),
        (None, timedelta(0), "closed"),
        (-2 * HOUR, -HOUR, "closed"),
        (-HOUR, HOUR, "seat"),
        (HOUR, 2 * HOUR, "not-yet-open"),
    ],
)
def test_registration_is_open_from_one_instant_until_before_another(
    opens_in: timedelta | None, closes_in: timedelta | None, decision: str
) -> None:
    event = replace(
        EVENT,
        registration_opens_at=None if opens_in is None else NOW + opens_in,
        registration_closes_at=None if closes_in is None else NOW + closes_in,
    )
    assert seats.claim(event, None, NOW) == decision
    # Whoever is in stays in, and an offer made in time is good after registration has closed.
    assert seats.claim(event, CONFIRMED, NOW) == "already"
    assert seats.claim(event, OFFERED, NOW) == "take-offer"
    assert seats.claim(event, WAITING, NOW) == "already-waiting"


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk"])
def test_a_window_in_the_hour_that_comes_twice_opens_once(zone: str, fold: int) -> None:
    """Clocks are turned back: the wall shows each of these times twice, the instant is one."""
    turned_back = {
        "Europe/Berlin": "2026-10-25T02:30",
        "Australia/Lord_Howe": "2026-04-05T01:45",
        "America/Nuuk": "2026-10-24T23:30",
    }[zone]
    wall = datetime.fromisoformat(turned_back)
    on_the_wall = wall.replace(tzinfo=ZoneInfo(zone), fold=fold)
    opens_at = on_the_wall.astimezone(UTC)
    event = replace(
        EVENT, starts_at=opens_at + 48 * HOUR, timezone=zone, registration_opens_at=opens_at
    )
    assert opens_at != on_the_wall.replace(fold=1 - fold).astimezone(UTC)
    assert seats.claim(event, None, opens_at - INSTANT) == "not-yet-open"
    assert seats.claim(event, None, opens_at) == "seat"
    assert seats.claim(event, None, opens_at.astimezone(ZoneInfo(zone))) == "seat"


@pytest.mark.parametrize(
    ("event", "seat", "asker", "decision"),
    [
        (EVENT, CONFIRMED, ANN, "release"),
        (EVENT, HELD, ANN, "release"),
        (EVENT, WAITING, ANN, "release"),
        (EVENT, OFFERED, ANN, "release"),
        (EVENT, RAN_OUT, ANN, "release"),
        (EVENT, CONFIRMED, BEN, "not-yours"),
        (EVENT, PROMISED, BEN, "not-yours"),
        (EVENT, CONFIRMED, None, "not-yours"),
        (EVENT, CONFIRMED, "organiser", "release"),
        (EVENT, None, ANN, "not-yours"),
        (EVENT, None, None, "not-yours"),
        (EVENT, None, "organiser", "not-yours"),
        (EVENT, ended("given-back"), ANN, "already"),
        (EVENT, ended("given-back"), BEN, "not-yours"),
        (EVENT, CHECKED_IN, ANN, "checked-in"),
        (EVENT, CHECKED_IN, "organiser", "checked-in"),
        (STARTED, CHECKED_IN, ANN, "checked-in"),
        (EVENT, CHECKED_IN, BEN, "not-yours"),
        (STARTED, CONFIRMED, ANN, "started"),
        (STARTED, HELD, ANN, "started"),
        (STARTED, WAITING, ANN, "release"),
        (STARTED, OFFERED, ANN, "release"),
        (STARTED, CONFIRMED, "organiser", "release"),
        (STARTED, ended("given-back"), ANN, "already"),
        (FINISHED, CONFIRMED, ANN, "started"),
        (CANCELLED, CONFIRMED, ANN, "release"),
    ],
)
def test_a_registration_is_ended_by_its_owner_in_time(
    event: Event, seat: Seat | None, asker: UUID | Literal["organiser"] | None, decision: str
) -> None:
    assert seats.release(event, seat, asker, NOW) == decision


@pytest.mark.parametrize(
    ("event", "seat", "asker", "decision"),
    [
        (FULL, OFFERED, ANN, "seat"),
        (FULL, RAN_OUT, ANN, "expired"),
        (FULL, ended("expired"), ANN, "expired"),
        (FULL, ended("declined"), ANN, "not-offered"),
        (FULL, WAITING, ANN, "not-offered"),
        (FULL, CONFIRMED, ANN, "already"),
        (FULL, HELD, ANN, "seat"),
        (FULL, UNHELD, ANN, "expired"),
        (FULL, ended("unproven"), ANN, "expired"),
        (FULL, OFFERED, BEN, "not-yours"),
        (FULL, OFFERED, None, "not-yours"),
        (FULL, None, ANN, "not-yours"),
        (CANCELLED, OFFERED, ANN, "cancelled"),
        (CANCELLED, OFFERED, BEN, "not-yours"),
        (STARTED, OFFERED, ANN, "started"),
        (STARTED, CONFIRMED, ANN, "already"),
        (FINISHED, OFFERED, ANN, "started"),
        (replace(OVER, registration_closes_at=NOW), OFFERED, ANN, "seat"),
    ],
)
def test_an_offer_is_taken_by_whom_it_was_made_to_until_it_ends(
    event: Event, seat: Seat | None, asker: UUID | None, decision: str
) -> None:
    assert seats.accept(event, seat, asker, NOW) == decision


@pytest.mark.parametrize(
    ("event", "seat", "asker", "decision"),
    [
        (EVENT, CONFIRMED, ANN, "transfer"),
        (OVER, CONFIRMED, ANN, "transfer"),
        (EVENT, PROMISED, ANN, "transfer"),
        (EVENT, CONFIRMED, BEN, "not-yours"),
        (EVENT, CONFIRMED, None, "not-yours"),
        (EVENT, None, ANN, "not-yours"),
        (EVENT, WAITING, ANN, "not-yours"),
        (EVENT, OFFERED, ANN, "not-yours"),
        (EVENT, ended("given-back"), ANN, "not-yours"),
        (EVENT, CHECKED_IN, ANN, "checked-in"),
        (STARTED, CONFIRMED, ANN, "started"),
        (FINISHED, CONFIRMED, ANN, "started"),
        (CANCELLED, CONFIRMED, ANN, "cancelled"),
    ],
)
def test_only_a_seat_of_one_s_own_is_promised_to_another(
    event: Event, seat: Seat | None, asker: UUID | None, decision: str
) -> None:
    assert seats.offer_transfer(event, seat, asker, NOW) == decision


@pytest.mark.parametrize(
    ("event", "seat", "asker", "own", "decision"),
    [
        (EVENT, PROMISED, BEN, None, "transfer"),
        (EVENT, PROMISED, BEN, replace(WAITING, user_id=BEN), "transfer"),
        (EVENT, PROMISED, BEN, replace(OFFERED, user_id=BEN), "transfer"),
        (EVENT, PROMISED, BEN, BENS, "has-seat"),
        (EVENT, PROMISED, CLEO, None, "not-offered"),
        (EVENT, PROMISED, ANN, CONFIRMED, "not-offered"),
        (EVENT, PROMISED, None, None, "not-offered"),
        (EVENT, CONFIRMED, BEN, None, "not-offered"),
        (EVENT, CONFIRMED, None, None, "not-offered"),
        (EVENT, None, BEN, None, "not-offered"),
        (EVENT, replace(PROMISED, transfer_expires_at=NOW), BEN, None, "not-offered"),
        (EVENT, replace(ended("transferred"), transfer_to=BEN), BEN, None, "not-offered"),
        (EVENT, replace(PROMISED, checked_in_at=NOW), BEN, None, "checked-in"),
        (STARTED, PROMISED, BEN, None, "started"),
        (FINISHED, PROMISED, BEN, None, "started"),
        (CANCELLED, PROMISED, BEN, None, "cancelled"),
    ],
)
def test_a_promised_seat_is_taken_by_whom_it_was_promised_to(
    event: Event, seat: Seat | None, asker: UUID | None, own: Seat | None, decision: str
) -> None:
    assert seats.accept_transfer(event, seat, asker, own, NOW) == decision


@pytest.mark.parametrize(
    ("seat", "asker", "decision"),
    [
        (PROMISED, ANN, "transfer"),
        (PROMISED, BEN, "transfer"),
        (replace(PROMISED, transfer_expires_at=NOW), BEN, "transfer"),
        (PROMISED, CLEO, "not-offered"),
        (PROMISED, None, "not-offered"),
        (CONFIRMED, ANN, "not-offered"),
        (CONFIRMED, None, "not-offered"),
        (None, ANN, "not-offered"),
        (None, None, "not-offered"),
    ],
)
def test_a_promise_is_dropped_by_one_of_the_two(
    seat: Seat | None, asker: UUID | None, decision: str
) -> None:
    assert seats.drop_transfer(seat, asker) == decision


def test_a_promise_lasts_a_day_and_never_beyond_the_start() -> None:
    assert seats.transfer_expires_at(EVENT, NOW) == NOW + TRANSFER_HOURS_MAX * HOUR
    soon = replace(EVENT, starts_at=NOW + HOUR)
    assert seats.transfer_expires_at(soon, NOW) == soon.starts_at


@pytest.mark.parametrize(
    ("event", "seat", "decision"),
    [
        (EVENT, CONFIRMED, "first"),
        (STARTED, CONFIRMED, "first"),
        (FINISHED, CONFIRMED, "first"),
        (EVENT, CHECKED_IN, "again"),
        (EVENT, WAITING, "not-confirmed"),
        (EVENT, OFFERED, "not-confirmed"),
        (EVENT, HELD, "not-confirmed"),
        (EVENT, ended("transferred"), "not-confirmed"),
        (CANCELLED, CONFIRMED, "cancelled"),
        (CANCELLED, CHECKED_IN, "cancelled"),
    ],
)
def test_a_ticket_lets_somebody_in_once(event: Event, seat: Seat, decision: str) -> None:
    assert seats.check_in(event, seat) == decision


def test_the_line_is_sorted_by_priority_and_then_by_number() -> None:
    first = replace(WAITING, priority=2, queue_number=9)
    second = replace(WAITING, priority=1, queue_number=3)
    third, fourth = (replace(WAITING, queue_number=number) for number in (1, 2))
    line = sorted([fourth, second, third, first], key=lambda seat: seat.place)
    assert line == [first, second, third, fourth]


CASES: list[tuple[NoticeKind, int, Event, Seat, bool]] = [
    ("reminder-1h", 2, EVENT, CONFIRMED, True),
    ("reminder-1h", 4, EVENT, CONFIRMED, True),
    ("reminder-1h", 1, EVENT, CONFIRMED, False),
    ("reminder-1h", 5, EVENT, CONFIRMED, False),
    ("reminder-1h", 4, EVENT, ended("given-back"), False),
    ("reminder-24h", 4, EVENT, WAITING, False),
    ("reminder-24h", 4, CANCELLED, CONFIRMED, False),
    ("reminder-24h", 4, STARTED, CONFIRMED, False),
    ("event-cancelled", 4, CANCELLED, CONFIRMED, True),
    ("event-cancelled", 4, CANCELLED, WAITING, True),
    ("event-cancelled", 4, CANCELLED, ended("left"), False),
    ("event-cancelled", 4, EVENT, CONFIRMED, False),
    ("event-changed", 4, EVENT, CONFIRMED, True),
    ("event-changed", 3, EVENT, CONFIRMED, False),
    ("event-changed", 4, CANCELLED, CONFIRMED, False),
    ("seat-offered", 4, EVENT, OFFERED, True),
    ("seat-offered", 4, EVENT, RAN_OUT, False),
    ("seat-offered", 4, EVENT, CONFIRMED, False),
    ("seat-offered", 4, EVENT, ended("declined"), False),
    ("seat-offered", 4, CANCELLED, OFFERED, False),
    ("seat-offered", 4, STARTED, OFFERED, False),
    ("offer-expired", 4, EVENT, ended("expired"), True),
    ("offer-expired", 4, EVENT, ended("declined"), False),
    ("offer-expired", 4, CANCELLED, ended("expired"), False),
    ("hold-expired", 4, EVENT, ended("unproven"), True),
    ("hold-expired", 4, EVENT, ended("given-back"), False),
    ("hold-expired", 4, EVENT, HELD, False),
    ("hold-expired", 4, STARTED, ended("unproven"), False),
    ("seat-confirmed", 4, EVENT, CONFIRMED, True),
    ("seat-confirmed", 4, STARTED, CONFIRMED, True),
    ("seat-confirmed", 4, EVENT, ended("given-back"), False),
    ("seat-confirmed", 4, CANCELLED, CONFIRMED, False),
    ("place-in-line", 4, EVENT, WAITING, True),
    ("place-in-line", 4, EVENT, OFFERED, False),
    ("place-in-line", 4, STARTED, WAITING, False),
    ("registration-cancelled", 4, EVENT, ended("organiser"), True),
    ("registration-cancelled", 4, EVENT, ended("given-back"), False),
    ("seat-transferred", 4, EVENT, ended("transferred"), True),
    ("seat-transferred", 4, EVENT, CONFIRMED, False),
    ("transfer-offered", 4, EVENT, PROMISED, True),
    ("transfer-offered", 4, EVENT, replace(PROMISED, transfer_expires_at=NOW), False),
    ("transfer-offered", 4, EVENT, CONFIRMED, False),
    ("transfer-offered", 4, CANCELLED, PROMISED, False),
    ("transfer-declined", 4, EVENT, CONFIRMED, True),
    ("transfer-declined", 4, EVENT, PROMISED, False),
    ("transfer-declined", 4, EVENT, ended("given-back"), False),
]


@pytest.mark.parametrize(("kind", "version", "event", "seat", "true"), CASES)
def test_a_notice_is_told_only_while_it_is_true(
    kind: NoticeKind, version: int, event: Event, seat: Seat, true: bool
) -> None:
    assert seats.is_still_true(kind, version, event, seat, NOW) is true


@pytest.mark.parametrize("status", ["confirmed", "held", "offered", "waiting"])
def test_whatever_a_person_ends_has_a_reason(status: RegistrationStatus) -> None:
    assert seats.END_REASONS[status] in ("given-back", "left", "declined")
