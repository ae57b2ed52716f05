"""What organisers and time may do with an event, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_house import chat

from contracts import EventDetails
from registry import rules
from registry.codes import CODE_ALPHABET, event_code
from registry.people import telegram_id, whatsapp_phone
from registry.reminders import plan_reminders
from registry.rules import EVENT_HOURS_MAX, Event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DETAILS = EventDetails(
    title="PyCon",
    starts_at=NOW + 48 * HOUR,
    timezone="Europe/Berlin",
    max_participants=10,
    status="published",
)
EVENT = Event(
    id=UUID(int=9), code="ABC234", **DETAILS.model_dump(), taken=3, version=4, start_version=2
)
DRAFT = replace(EVENT, status="draft")
STARTED = replace(EVENT, starts_at=NOW)
CANCELLED = replace(EVENT, status="cancelled")
FINISHED = replace(EVENT, status="finished")


def create(**values: object) -> object:
    details = EventDetails.model_validate(DETAILS.model_dump() | values)
    return rules.create(EVENT.id, EVENT.code, details, NOW)


def change_to(event: Event, **values: object) -> object:
    details = EventDetails.model_validate(DETAILS.model_dump() | values)
    return rules.change(event, event.version, details, NOW)


def test_a_new_event_is_empty_and_at_its_first_version() -> None:
    event = create()
    assert isinstance(event, Event)
    assert (event.version, event.start_version, event.taken, event.waiting) == (1, 1, 0, 0)
    assert event.seats_left == 10


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"starts_at": NOW}, "past-start"),
        ({"starts_at": NOW - HOUR}, "past-start"),
        ({"registration_closes_at": NOW + 49 * HOUR}, "bad-window"),
        ({"registration_opens_at": NOW + 48 * HOUR}, "bad-window"),
        (
            {"registration_opens_at": NOW + HOUR, "registration_closes_at": NOW + HOUR},
            "bad-window",
        ),
    ],
)
def test_an_event_that_cannot_be_is_refused_as_new_and_as_changed(
    values: dict[str, object], refusal: str
) -> None:
    assert create(**values) == refusal
    assert change_to(EVENT, **values) == refusal


@pytest.mark.parametrize(
    "values",
    [
        {"registration_closes_at": NOW + 48 * HOUR},
        {"registration_opens_at": NOW + 47 * HOUR},
        {"registration_opens_at": NOW - HOUR, "registration_closes_at": NOW},
    ],
)
def test_registration_opens_before_it_closes_and_closes_by_the_start(
    values: dict[str, object],
) -> None:
    assert isinstance(create(**values), Event)
    assert isinstance(change_to(EVENT, **values), Event)


def test_a_window_is_an_instant_whatever_zone_it_is_written_in() -> None:
    in_kathmandu = datetime.fromisoformat("2026-03-01T18:45:00+05:45")
    event = create(registration_opens_at=in_kathmandu)
    assert isinstance(event, Event)
    assert event.registration_opens_at == NOW + HOUR
    assert change_to(event, registration_opens_at=NOW + HOUR) is event


def test_a_change_raises_the_version_and_keeps_the_start() -> None:
    changed = change_to(EVENT, title="PyCon 2")
    assert isinstance(changed, Event)
    assert (changed.version, changed.start_version) == (5, 2)


def test_a_moved_start_is_the_start_of_a_new_version() -> None:
    changed = change_to(EVENT, starts_at=NOW + 72 * HOUR)
    assert isinstance(changed, Event)
    assert changed.start_version == changed.version == 5


def test_the_same_details_change_nothing() -> None:
    assert change_to(EVENT) is EVENT


@pytest.mark.parametrize(("seats", "over_by", "seats_left"), [(1, 2, 0), (3, 0, 0), (4, 0, 1)])
def test_lowering_the_capacity_drops_nobody(seats: int, over_by: int, seats_left: int) -> None:
    changed = change_to(EVENT, max_participants=seats)
    assert isinstance(changed, Event)
    assert (changed.taken, changed.over_by, changed.seats_left) == (3, over_by, seats_left)


def test_raising_the_capacity_again_is_no_longer_over_it() -> None:
    lowered = change_to(EVENT, max_participants=1)
    assert isinstance(lowered, Event)
    raised = change_to(lowered, max_participants=2)
    assert isinstance(raised, Event)
    assert raised.over_by == 1


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


def test_a_draft_is_published_by_a_change() -> None:
    changed = change_to(DRAFT)
    assert isinstance(changed, Event)
    assert (changed.status, changed.version) == ("published", 5)


def test_whoever_read_an_old_version_is_refused() -> None:
    assert rules.change(EVENT, 3, DETAILS, NOW) == "stale"


def test_an_event_is_called_off_once_and_before_it_starts() -> None:
    called_off = rules.call_off(EVENT, NOW)
    assert isinstance(called_off, Event)
    assert (called_off.status, called_off.version) == ("cancelled", 5)
    assert rules.call_off(CANCELLED, NOW) is CANCELLED
    assert rules.call_off(STARTED, NOW) == "started"
    assert rules.call_off(FINISHED, NOW) == "started"


def test_a_draft_whose_day_has_passed_may_still_be_called_off() -> None:
    assert isinstance(rules.call_off(replace(DRAFT, starts_at=NOW - HOUR), NOW), Event)


@pytest.mark.parametrize(
    ("event", "after_start", "is_finished"),
    [
        (EVENT, timedelta(hours=EVENT_HOURS_MAX), True),
        (EVENT, timedelta(hours=EVENT_HOURS_MAX, microseconds=-1), False),
        (DRAFT, timedelta(days=9), False),
        (CANCELLED, timedelta(days=9), False),
        (FINISHED, timedelta(days=9), False),
    ],
)
def test_only_a_published_event_finishes_when_its_time_is_over(
    event: Event, after_start: timedelta, is_finished: bool
) -> None:
    finished = rules.finish(event, event.starts_at + after_start)
    assert (finished is not event) is is_finished
    if is_finished:
        assert (finished.status, finished.version) == ("finished", event.version + 1)


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
