"""What is allowed, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_house import chat

from contracts import EventDetails, NoticeKind
from registry import rules
from registry.codes import CODE_ALPHABET, event_code
from registry.people import telegram_id, whatsapp_phone
from registry.reminders import plan_reminders
from registry.rules import Event, Seat

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN, BEN = UUID(int=1), UUID(int=2)
DETAILS = EventDetails(
    title="PyCon",
    starts_at=NOW + 48 * HOUR,
    timezone="Europe/Berlin",
    max_participants=10,
    status="published",
)
EVENT = Event(
    id=UUID(int=9),
    code="ABC234",
    **DETAILS.model_dump(),
    taken=3,
    over_by=0,
    version=4,
    start_version=2,
)
SEAT = Seat(id=UUID(int=5), user_id=ANN, status="confirmed", name="Ann", ticket="T1.x")
FULL = replace(EVENT, taken=10)
OVER = replace(EVENT, max_participants=2, over_by=1)
DRAFT = replace(EVENT, status="draft")
STARTED = replace(EVENT, starts_at=NOW)
CANCELLED = replace(EVENT, status="cancelled")
FINISHED = replace(EVENT, status="finished")


@pytest.mark.parametrize(
    ("event", "own", "decision"),
    [
        (None, None, "unknown-event"),
        (EVENT, None, "seat"),
        (replace(EVENT, taken=9), None, "seat"),
        (EVENT, SEAT, "already"),
        (FULL, None, "full"),
        (FULL, SEAT, "already"),
        (OVER, None, "full"),
        (DRAFT, None, "draft"),
        (STARTED, None, "started"),
        (STARTED, SEAT, "already"),
        (FINISHED, None, "started"),
        (CANCELLED, None, "cancelled"),
        (CANCELLED, SEAT, "cancelled"),
    ],
)
def test_a_claim_is_decided_by_the_event_and_what_the_person_has(
    event: Event | None, own: Seat | None, decision: str
) -> None:
    assert rules.claim(event, own, NOW) == decision


GIVEN_BACK = replace(SEAT, status="cancelled")


@pytest.mark.parametrize(
    ("event", "seat", "asker", "decision"),
    [
        (EVENT, SEAT, ANN, "release"),
        (EVENT, SEAT, BEN, "not-yours"),
        (EVENT, SEAT, None, "not-yours"),
        (EVENT, SEAT, "organiser", "release"),
        (EVENT, None, ANN, "not-yours"),
        (EVENT, None, "organiser", "not-yours"),
        (None, None, ANN, "not-yours"),
        (EVENT, GIVEN_BACK, ANN, "already"),
        (EVENT, GIVEN_BACK, BEN, "not-yours"),
        (STARTED, SEAT, ANN, "started"),
        (STARTED, GIVEN_BACK, ANN, "already"),
        (FINISHED, SEAT, ANN, "started"),
        (CANCELLED, SEAT, ANN, "release"),
    ],
)
def test_a_seat_is_given_back_by_its_owner_in_time(
    event: Event | None, seat: Seat | None, asker: UUID | None, decision: str
) -> None:
    assert rules.release(event, seat, asker, NOW) == decision


def change_to(event: Event, **values: object) -> object:
    details = EventDetails.model_validate(DETAILS.model_dump() | values)
    return rules.change(event, event.version, details, NOW)


def test_a_change_raises_the_version_and_keeps_the_start() -> None:
    changed = change_to(EVENT, title="PyCon 2")
    assert isinstance(changed, Event)
    assert (changed.version, changed.start_version) == (5, 2)


def test_a_moved_start_makes_older_notices_untrue() -> None:
    changed = change_to(EVENT, starts_at=NOW + 72 * HOUR)
    assert isinstance(changed, Event)
    assert changed.start_version == changed.version == 5
    assert not rules.is_still_true("reminder-24h", 4, changed, "confirmed", NOW)
    assert rules.is_still_true("reminder-24h", 5, changed, "confirmed", NOW)


def test_the_same_details_change_nothing() -> None:
    assert change_to(EVENT) is EVENT


def test_lowering_the_capacity_drops_nobody_and_closes_the_door() -> None:
    changed = change_to(EVENT, max_participants=1)
    assert isinstance(changed, Event)
    assert (changed.taken, changed.over_by, changed.seats_left) == (3, 2, 0)
    assert rules.claim(changed, None, NOW) == "full"


@pytest.mark.parametrize(
    ("event", "values", "refusal"),
    [
        (CANCELLED, {}, "cancelled"),
        (FINISHED, {}, "finished"),
        (EVENT, {"status": "draft"}, "unpublish"),
        (EVENT, {"starts_at": NOW}, "past-start"),
        (replace(DRAFT, starts_at=NOW - HOUR), {"starts_at": NOW - HOUR}, "past-start"),
    ],
)
def test_a_change_that_is_refused_says_why(
    event: Event, values: dict[str, object], refusal: str
) -> None:
    assert change_to(event, **values) == refusal


def test_a_started_event_may_still_be_described_better() -> None:
    changed = change_to(STARTED, starts_at=NOW, description="Room 2, not 1")
    assert isinstance(changed, Event)


def test_whoever_read_an_old_version_is_refused() -> None:
    assert rules.change(EVENT, 3, DETAILS, NOW) == "stale"


def test_an_event_is_called_off_once_and_before_it_starts() -> None:
    called_off = rules.call_off(EVENT, NOW)
    assert isinstance(called_off, Event)
    assert (called_off.status, called_off.version) == ("cancelled", 5)
    assert rules.call_off(CANCELLED, NOW) is CANCELLED
    assert rules.call_off(STARTED, NOW) == "started"
    assert rules.call_off(None, NOW) == "unknown-event"


@pytest.mark.parametrize(
    ("kind", "version", "event", "seat_status", "true"),
    [
        ("reminder-1h", 2, EVENT, "confirmed", True),
        ("reminder-1h", 1, EVENT, "confirmed", False),
        ("reminder-1h", 5, EVENT, "confirmed", False),
        ("reminder-1h", 4, EVENT, "cancelled", False),
        ("reminder-1h", 4, CANCELLED, "confirmed", False),
        ("reminder-1h", 4, STARTED, "confirmed", False),
        ("event-cancelled", 4, CANCELLED, "confirmed", True),
        ("event-cancelled", 4, EVENT, "confirmed", False),
        ("event-changed", 4, EVENT, "confirmed", True),
        ("event-changed", 3, EVENT, "confirmed", False),
    ],
)
def test_a_notice_is_told_only_while_it_is_true(
    kind: NoticeKind, version: int, event: Event, seat_status: str, true: bool
) -> None:
    assert rules.is_still_true(kind, version, event, seat_status, NOW) is true


@pytest.mark.parametrize(
    ("hours_ahead", "kinds"),
    [
        (48.0, ["reminder-24h", "reminder-1h"]),
        (24.0, ["reminder-1h"]),
        (1.1, ["reminder-1h"]),
        (1.0, []),
        (0.2, []),
    ],
)
def test_only_reminders_that_lie_ahead_are_planned(hours_ahead: float, kinds: list[str]) -> None:
    plans = plan_reminders(NOW + hours_ahead * HOUR, NOW)
    assert [plan.kind for plan in plans] == kinds
    assert all(NOW < plan.due_at < plan.expires_at for plan in plans)


@given(st.uuids(), st.integers(min_value=0, max_value=5))
def test_codes_have_no_signs_that_people_mix_up(event_id: UUID, attempt: int) -> None:
    code = event_code(event_id, attempt)
    assert len(code) == 6
    assert set(code) <= set(CODE_ALPHABET)
    assert not set("01IO") & set(CODE_ALPHABET)


def test_a_telegram_chat_is_a_telegram_user_and_a_group_is_not() -> None:
    assert telegram_id(chat(7)) == 5_000_007
    assert telegram_id(chat(7).model_copy(update={"chat_id": "-100123"})) is None
    assert telegram_id(chat(7, "whatsapp")) is None


@pytest.mark.parametrize(
    ("chat_id", "phone", "expected"),
    [
        ("US.13491208655302741918", None, None),
        ("US.13491208655302741918", "16505551234", "+16505551234"),
        ("16505551234", None, "+16505551234"),
        ("US.13491208655302741918", "not a phone", None),
    ],
)
def test_phones_are_kept_as_e164(chat_id: str, phone: str | None, expected: str | None) -> None:
    address = chat(1, "whatsapp").model_copy(update={"chat_id": chat_id})
    assert whatsapp_phone(address, phone) == expected
