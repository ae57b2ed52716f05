"""The templates' files of the notifier against the notices of the conversation."""

from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest

from contracts import (
    Address,
    EventCard,
    NoticeAnswer,
    NoticeDue,
    NoticeKind,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    NoticeToPersonKind,
    OutboundMessage,
    Recipient,
    RegistrationCard,
    RegistrationStatus,
)
from contracts.people import HOLD_MINUTES
from conversation.notices import render
from conversation.notices_to_persons import render as render_to_person
from notifier.decisions import WINDOW
from notifier.templates.catalogue import LANGUAGES, Language, catalogue

WINDOW_IS_OPEN: frozenset[NoticeKind] = frozenset({"hold-expired"})
"""The seat is kept for minutes after the person asked for it: WhatsApp takes any words that soon,
and a template would be one more to have approved, for what is worth nothing a day later."""
KINDS: tuple[NoticeKind, ...] = tuple(
    kind for kind in get_args(NoticeKind) if kind not in WINDOW_IS_OPEN
)
OF_PERSONS: dict[str, NoticeToPersonKind] = {
    "code": "code",
    "messenger_joined": "joined",
    "messenger_parted": "parted",
}
"""Templates of what people are told about themselves."""
NOON = datetime(2026, 12, 6, 12, 0, tzinfo=UTC)
EVENT = EventCard(
    id=UUID(int=1),
    code="K7Q2MX",
    title="PyCon",
    description="",
    starts_at=NOON,
    timezone="Europe/Berlin",
    location="Hall 3",
    max_participants=20,
    seats_left=3,
    waiting=0,
    status="published",
    version=1,
)
STATUS: dict[NoticeKind, RegistrationStatus] = {
    "seat-offered": "offered",
    "place-in-line": "waiting",
    "offer-expired": "cancelled",
    "registration-cancelled": "cancelled",
    "seat-transferred": "cancelled",
    "hold-expired": "cancelled",
}


def told(
    kind: NoticeKind, language: Language, status: RegistrationStatus | None = None
) -> OutboundMessage:
    """The notice as the notifier gets it."""
    status = status or STATUS.get(kind, "confirmed")
    registration = RegistrationCard(
        id=UUID(int=2),
        event=EVENT,
        status=status,
        name="Ann",
        ticket="T1" if status == "confirmed" else None,
        position=3 if status == "waiting" else None,
    )
    notice = NoticeDue(
        id=UUID(int=3),
        occurred_at=NOON,
        correlation_id=UUID(int=4),
        kind=kind,
        registration_id=registration.id,
        event_id=EVENT.id,
        event_version=1,
        expires_at=NOON,
    )
    address = Address(platform="whatsapp", account="1", chat_id="2")
    answer = NoticeAnswer(
        address=address, language=language, registration=registration, text="Bring\na pen."
    )
    message = render(notice, answer)
    assert message is not None
    return message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_fills_its_template_and_all_of_its_buttons(
    kind: NoticeKind, language: Language
) -> None:
    message = told(kind, language)
    assert message.template is not None
    template = catalogue()[message.template.name]
    assert template.takes(language, message.template.parameters), (
        f"{template.name} has the parameters {template.parameters}"
    )
    choices = [choice.id for choice in message.choices]
    for button in template.buttons:
        payload = button.payload_among(choices)
        assert payload is not None, f"the notice offers nothing that {button.en!r} could mean"
    assert message.marketing == (template.category == "marketing")


@pytest.mark.parametrize("kind", sorted(WINDOW_IS_OPEN))
def test_what_is_told_within_the_window_has_no_template(kind: NoticeKind) -> None:
    message = told(kind, "en")
    assert message.template is None
    assert message.choices, "it says how to go on"


def test_a_hold_ends_long_before_the_window_does() -> None:
    assert timedelta(minutes=HOLD_MINUTES) < WINDOW / 10


@pytest.mark.parametrize("kind", ["event-changed", "organiser-message"])
def test_what_those_in_line_are_told_fills_the_same_buttons(kind: NoticeKind) -> None:
    message = told(kind, "en", "waiting")
    assert message.template is not None
    choices = [choice.id for choice in message.choices]
    buttons = catalogue()[message.template.name].buttons
    assert all(button.payload_among(choices) for button in buttons)


@pytest.mark.parametrize(("name", "kind"), OF_PERSONS.items())
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_are_told_about_themselves_fills_its_template(
    name: str, kind: NoticeToPersonKind, language: Language
) -> None:
    notice = NoticeToPersonDue(
        id=UUID(int=3),
        occurred_at=NOON,
        correlation_id=UUID(int=4),
        kind=kind,
        about=UUID(int=5),
        recipient=UUID(int=6),
        expires_at=NOON + timedelta(minutes=1),
    )
    answer = NoticeToPersonAnswer(
        recipient=Recipient(address=Address(platform="whatsapp", account="1", chat_id="2")),
        language=language,
        code="123456",
        messenger="telegram",
        link_id=UUID(int=5),
    )
    message = render_to_person(notice, answer, NOON)
    assert message is not None
    assert message.template is not None
    assert message.template.name == name
    template = catalogue()[name]
    assert template.takes(language, message.template.parameters)
    choices = [choice.id for choice in message.choices]
    assert all(button.payload_among(choices) for button in template.buttons)


def test_every_template_is_somebody_s() -> None:
    names = {told(kind, "en").template for kind in KINDS}
    used = {template.name for template in names if template is not None}
    assert used == catalogue().keys() - OF_PERSONS.keys()
