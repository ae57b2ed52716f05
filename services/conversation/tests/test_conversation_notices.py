"""What people are told without having asked, in words, buttons and templates."""

from datetime import UTC, datetime
from typing import get_args
from uuid import uuid5

import pytest
from conversation_talk import ANN, NOW, OLGA, SPACE, a_place, a_registration, an_event, an_offer

from contracts import (
    EventCard,
    NoticeAnswer,
    NoticeDue,
    NoticeKind,
    OutboundMessage,
    RegistrationCard,
)
from contracts.organising import PARAMETER_UNITS_MAX
from conversation.notices import render
from conversation.texts import Language

EVENT = an_event()
DEADLINE = datetime(2026, 12, 1, 15, 0, tzinfo=UTC)
SEAT, PLACE, OFFER = a_registration(EVENT), a_place(EVENT), an_offer(EVENT, DEADLINE)
GONE = SEAT.model_copy(update={"status": "cancelled", "ticket": None})

ABOUT: dict[NoticeKind, RegistrationCard] = {
    "reminder-24h": SEAT,
    "reminder-1h": SEAT,
    "event-changed": SEAT,
    "event-cancelled": SEAT,
    "seat-offered": OFFER,
    "offer-expired": GONE,
    "seat-confirmed": SEAT,
    "place-in-line": PLACE,
    "registration-cancelled": GONE,
    "transfer-offered": SEAT,
    "transfer-declined": SEAT,
    "seat-transferred": GONE,
    "organiser-message": SEAT,
    "hold-expired": GONE,
}
WINDOW_IS_OPEN: frozenset[NoticeKind] = frozenset({"hold-expired"})
"""Told so soon after the person wrote that WhatsApp needs no template for it."""
WHEN_EN = "Sunday, December 6, 2026, 6:00 PM (Berlin time)"
UNTIL_EN = "Tuesday, December 1, 2026, 4:00 PM (Berlin time)"


def told(
    kind: NoticeKind, language: Language = "en", about: RegistrationCard | None = None
) -> OutboundMessage:
    notice = NoticeDue(
        id=uuid5(SPACE, kind),
        occurred_at=NOW,
        correlation_id=uuid5(SPACE, kind),
        kind=kind,
        registration_id=SEAT.id,
        event_id=EVENT.id,
        event_version=3,
        expires_at=DEADLINE,
    )
    answer = NoticeAnswer(
        address=ANN,
        language=language,
        registration=about or ABOUT[kind],
        text="Doors open\nat nine." if kind == "organiser-message" else None,
    )
    message = render(notice, answer)
    assert message is not None
    assert message.expires_at == DEADLINE
    return message


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("kind", get_args(NoticeKind))
def test_every_notice_fits_both_platforms(kind: NoticeKind, language: Language) -> None:
    event = EVENT.model_copy(update={"title": "Ж" * 120, "location": "ж" * 200})
    about = ABOUT[kind].model_copy(update={"event": event, "name": "Я" * 80})
    message = told(kind, language, about)
    assert len(message.text) <= (1024 if message.document else 4096)
    # Reply buttons: three of 20 characters (platforms.md B4).
    assert 1 <= len(message.choices) <= 3
    assert all(len(choice.label) <= 20 for choice in message.choices)
    assert (message.template is None) == (kind in WINDOW_IS_OPEN)
    assert message.template is None or all(message.template.parameters)


@pytest.mark.parametrize(
    ("kind", "words", "template", "choices"),
    [
        ("seat-offered", UNTIL_EN, ("seat_offer", "PyCon", WHEN_EN, UNTIL_EN), ("take", "pass")),
        ("offer-expired", "join again", ("offer_expired", "PyCon", WHEN_EN), ("ev", "my")),
        (
            "seat-confirmed",
            "You have a seat!",
            ("seat_confirmed", "PyCon", WHEN_EN, "Hall 3"),
            ("calendar", "drop", "my"),
        ),
        ("place-in-line", "number 3", ("place_in_line", "PyCon", WHEN_EN, "3"), ("my", "drop")),
        (
            "registration-cancelled",
            "have cancelled your registration",
            ("registration_cancelled", "PyCon", WHEN_EN),
            ("events", "my"),
        ),
        (
            "transfer-offered",
            UNTIL_EN,
            ("transfer_offered", "PyCon", WHEN_EN, UNTIL_EN),
            ("xtake", "xpass"),
        ),
        (
            "transfer-declined",
            "stays yours",
            ("transfer_declined", "PyCon", WHEN_EN),
            ("ticket", "drop"),
        ),
        (
            "seat-transferred",
            "no longer valid",
            ("seat_transferred", "PyCon", WHEN_EN),
            ("events", "my"),
        ),
    ],
)
def test_a_notice_about_one_s_own_registration(
    kind: NoticeKind, words: str, template: tuple[str, ...], choices: tuple[str, ...]
) -> None:
    message = told(kind)
    assert words in message.text
    assert "PyCon" in message.text
    assert message.template is not None
    assert (message.template.name, *message.template.parameters) == template
    assert tuple(choice.id.partition(":")[0] for choice in message.choices) == choices
    assert (message.document is not None) == (kind == "seat-confirmed")
    # It is neither news that newer news replaces, nor told after a thousand others.
    assert message.notice_event_id is None
    assert message.priority == "transactional"


def test_who_did_not_prove_their_address_in_time_can_register_again() -> None:
    message = told("hold-expired")
    assert "isn't kept for you any longer" in message.text
    assert "PyCon" in message.text
    assert [choice.id for choice in message.choices] == [f"ev:{EVENT.code}", "events"]
    assert message.priority == "transactional"


def test_an_organiser_s_words_are_told_as_they_are_and_in_a_template_without_line_breaks() -> None:
    message = told("organiser-message")
    assert message.text == "A message from the organisers of “PyCon”:\n\nDoors open\nat nine."
    assert message.template is not None
    assert (message.template.name, *message.template.parameters) == (
        "organiser_message",
        "PyCon",
        "Doors open at nine.",
    )
    assert message.marketing
    assert message.priority == "bulk"
    assert message.notice_id == uuid5(SPACE, "organiser-message")


def test_too_many_words_for_a_template_are_told_without_one() -> None:
    notice = NoticeDue(
        id=uuid5(SPACE, "long"),
        occurred_at=NOW,
        correlation_id=uuid5(SPACE, "long"),
        kind="organiser-message",
        registration_id=SEAT.id,
        event_id=EVENT.id,
        event_version=3,
        expires_at=DEADLINE,
        message_id=uuid5(SPACE, "message"),
    )
    answer = NoticeAnswer(address=ANN, registration=SEAT, text="🎉" * (PARAMETER_UNITS_MAX // 2))
    message = render(notice, answer)
    assert message is not None
    assert message.template is not None
    # Cancelled, it is beaten by a second version of itself, even where it waits to be sent.
    assert (message.notice_event_id, message.notice_event_version) == (notice.message_id, 1)
    message = render(notice, answer.model_copy(update={"text": f"{answer.text}!"}))
    assert message is not None
    assert message.template is None


def test_an_offer_ends_when_the_registry_says() -> None:
    later = datetime(2026, 12, 1, 16, 0, tzinfo=UTC)
    notice = NoticeDue(
        id=uuid5(SPACE, "offer"),
        occurred_at=NOW,
        correlation_id=uuid5(SPACE, "offer"),
        kind="seat-offered",
        registration_id=OFFER.id,
        event_id=EVENT.id,
        event_version=3,
        expires_at=DEADLINE,
    )
    answer = NoticeAnswer(address=OLGA, language="ru", registration=OFFER, expires_at=later)
    message = render(notice, answer)
    assert message is not None
    assert "до этого срока: вторник, 1 декабря 2026 г., 17:00" in message.text


def test_who_waits_keeps_the_place_when_the_event_changes() -> None:
    assert "Your seat stays yours" in told("event-changed").text
    waiting = told("event-changed", about=PLACE)
    assert "Your place on the waiting list stays yours" in waiting.text
    assert [choice.id for choice in waiting.choices] == ["my"]


def test_a_place_that_is_not_known_yet_is_said_so() -> None:
    event: EventCard = an_event(location="")
    message = told("transfer-offered", about=a_registration(event))
    assert "The place will be announced" in message.text
