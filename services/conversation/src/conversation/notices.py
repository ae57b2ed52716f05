"""What a person is told without having asked just now, rendered without the chat's document."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts import (
    Choice,
    DeliveryReported,
    Document,
    EventCard,
    NoticeAnswer,
    NoticeDue,
    NoticeKind,
    OutboundMessage,
    Priority,
    RegistrationCard,
    Template,
    as_parameter,
    derived_id,
)
from conversation import cards
from conversation.moments import in_brief, in_words
from conversation.texts import Texts, texts

REMINDERS: frozenset[NoticeKind] = frozenset({"reminder-24h", "reminder-1h"})
NEWS: frozenset[NoticeKind] = frozenset({"event-changed", "event-cancelled"})
"""Told to everybody at an event."""


@dataclass(frozen=True, slots=True)
class _Told:
    text: str
    choices: tuple[Choice, ...]
    template: Template | None
    """What WhatsApp is sent after 24 hours of silence; the names are approved there."""
    document: Document | None = None


def render(notice: NoticeDue, answer: NoticeAnswer) -> OutboundMessage | None:
    """What the person is told, or None when it is not true any more.

    The choices carry ids, so that they work whatever the chat has been talking about meanwhile.
    """
    if answer.address is None or answer.registration is None:
        return None
    if notice.kind == "organiser-message" and answer.text is None:
        return None
    deadline = answer.expires_at or notice.expires_at
    words = texts(answer.language)
    told = _told(words, notice.kind, answer.registration, deadline, answer.text or "")
    newest_of, version = _beaten_by(notice)
    return OutboundMessage(
        id=derived_id(notice.id, 0),
        occurred_at=notice.occurred_at,
        correlation_id=notice.correlation_id,
        address=answer.address,
        priority=_priority(notice.kind),
        language=answer.language,
        text=told.text,
        choices=told.choices,
        document=told.document,
        template=told.template,
        expires_at=notice.expires_at,
        email_to=answer.email_to,
        headline=answer.registration.event.title,
        alternatives=answer.alternatives,
        marketing=notice.kind == "organiser-message",
        notice_id=notice.id,
        broadcast_id=notice.message_id,
        notice_event_id=newest_of,
        notice_event_version=version,
    )


def untold(
    notice: NoticeDue, status: Literal["suppressed", "expired"], reason: str, now: datetime
) -> DeliveryReported:
    """The result of a notice that never became a message: its person is told nothing."""
    return DeliveryReported(
        id=derived_id(notice.id, "untold"),
        occurred_at=now,
        correlation_id=notice.correlation_id,
        platform=None,
        outbound_id=derived_id(notice.id, 0),
        status=status,
        source="conversation",
        reason=reason,
        notice_id=notice.id,
    )


def _beaten_by(notice: NoticeDue) -> tuple[UUID | None, int | None]:
    """A newer version of what makes the notice worthless, even if it waits to be sent.

    A newer notice of the event replaces an older one; an offer that a mere change of the hall
    replaced would cost somebody the seat, so the registry alone says when it is over. An
    organiser's message is the first version of itself, and the second is that it was cancelled.
    """
    if notice.kind in REMINDERS | NEWS:
        return notice.event_id, notice.event_version
    return (notice.message_id, 1) if notice.message_id is not None else (None, None)


def _priority(kind: NoticeKind) -> Priority:
    """How urgent it is.

    What concerns one person's own registration is transactional: its offers run out, and it must
    not wait behind a thousand pieces of news, nor be dropped where a send's result stayed unknown.
    It needs no chat's document for that; and there are never many, for each follows from one act
    on one seat.
    """
    if kind in REMINDERS:
        return "reminder"
    return "bulk" if kind in NEWS or kind == "organiser-message" else "transactional"


def _told(
    words: Texts, kind: NoticeKind, about: RegistrationCard, deadline: datetime, text: str
) -> _Told:
    match kind:
        case "reminder-24h" | "reminder-1h" | "event-changed" | "event-cancelled":
            return _of_event(words, kind, about)
        case "seat-offered" | "offer-expired" | "place-in-line":
            return _of_line(words, kind, about, deadline)
        case "hold-expired":
            return _of_hold(words, about)
        case "seat-confirmed" | "registration-cancelled":
            return _of_seat(words, kind, about)
        case "transfer-offered" | "transfer-declined" | "seat-transferred":
            return _of_transfer(words, kind, about, deadline)
        case "organiser-message":
            return _of_organiser(words, about, text)


def _of_event(
    words: Texts,
    kind: Literal["reminder-24h", "reminder-1h", "event-changed", "event-cancelled"],
    about: RegistrationCard,
) -> _Told:
    facts = _facts(words, about.event)
    choices = _to_seat(words, about)
    match kind:
        case "reminder-24h":
            text = words.say("notice.reminder-24h", **facts)
            return _Told(
                text, _still_coming(words, about), _template("event_reminder", *facts.values())
            )
        case "reminder-1h":
            text = words.say("notice.reminder-1h", **facts)
            return _Told(text, choices, _template("event_soon", *facts.values()))
        case "event-changed" if about.status == "confirmed":
            text = words.say("notice.event-changed", **facts)
            return _Told(text, choices, _template("event_changed", *facts.values()))
        case "event-changed":
            text = words.say("notice.event-changed-line", **facts)
            return _Told(text, (_mine(words),), _template("event_changed", *facts.values()))
        case "event-cancelled":
            title, when, _ = facts.values()
            text = words.say("notice.event-cancelled", title=title, when=_brief(words, about.event))
            return _Told(text, (_events(words),), _template("event_cancelled", title, when))


def _of_organiser(words: Texts, about: RegistrationCard, text: str) -> _Told:
    title = about.event.title
    choices = _to_seat(words, about) if about.status == "confirmed" else (_mine(words),)
    parameter = as_parameter(text)
    return _Told(
        words.say("notice.organiser-message", title=title, text=text),
        choices,
        # Too long for it: who is out of WhatsApp's window was counted as unreachable beforehand.
        None if parameter is None else _template("organiser_message", title, parameter),
    )


def _of_line(
    words: Texts,
    kind: Literal["seat-offered", "offer-expired", "place-in-line"],
    about: RegistrationCard,
    deadline: datetime,
) -> _Told:
    event = about.event
    title, when, _ = _facts(words, event).values()
    match kind:
        case "seat-offered":
            text = cards.offer(words, event, deadline)
            choices = _answers(words, f"take:{about.id}", f"pass:{about.id}")
            until = in_words(deadline, event.timezone, words.language)
            return _Told(text, choices, _template("seat_offer", title, when, until))
        case "offer-expired":
            text = words.say("notice.offer-expired", title=title, when=_brief(words, about.event))
            again = Choice(id=f"ev:{event.code}", label=words.say("button.join-again"))
            return _Told(text, (again, _mine(words)), _template("offer_expired", title, when))
        case "place-in-line":
            text = cards.place_in_line(words, about)
            leave = Choice(id=f"drop:{about.id}", label=words.say("button.leave-line"))
            template = _template("place_in_line", title, when, str(cards.position(about)))
            return _Told(text, (_mine(words), leave), template)


def _of_hold(words: Texts, about: RegistrationCard) -> _Told:
    event = about.event
    text = words.say("notice.hold-expired", title=event.title, when=_brief(words, event))
    again = Choice(id=f"ev:{event.code}", label=words.say("button.register-again"))
    # No template: they asked for the seat minutes ago, so WhatsApp's window is open.
    return _Told(text, (again, _events(words)), template=None)


def _of_seat(
    words: Texts,
    kind: Literal["seat-confirmed", "registration-cancelled"],
    about: RegistrationCard,
) -> _Told:
    title, when, where = _facts(words, about.event).values()
    match kind:
        case "seat-confirmed":
            text = f"{words.say('notice.seat-confirmed')}\n\n{cards.ticket(words, about)}"
            template = _template("seat_confirmed", title, when, where)
            calendar = Choice(id=f"calendar:{about.id}", label=words.say("button.calendar"))
            buttons = (calendar, _drop(words, about), _mine(words))
            return _Told(text, buttons, template, cards.ticket_document(about))
        case "registration-cancelled":
            text = words.say(
                "notice.registration-cancelled", title=title, when=_brief(words, about.event)
            )
            choices = (_events(words), _mine(words))
            return _Told(text, choices, _template("registration_cancelled", title, when))


def _of_transfer(
    words: Texts,
    kind: Literal["transfer-offered", "transfer-declined", "seat-transferred"],
    about: RegistrationCard,
    deadline: datetime,
) -> _Told:
    facts = _facts(words, about.event)
    title, when, _ = facts.values()
    match kind:
        case "transfer-offered":
            until = in_words(deadline, about.event.timezone, words.language)
            text = words.say("notice.transfer-offered", **facts, deadline=until)
            choices = _answers(words, f"xtake:{about.id}", f"xpass:{about.id}")
            return _Told(text, choices, _template("transfer_offered", title, when, until))
        case "transfer-declined":
            text = words.say(
                "notice.transfer-declined", title=title, when=_brief(words, about.event)
            )
            template = _template("transfer_declined", title, when)
            return _Told(text, _to_seat(words, about), template)
        case "seat-transferred":
            text = words.say(
                "notice.seat-transferred", title=title, when=_brief(words, about.event)
            )
            choices = (_events(words), _mine(words))
            return _Told(text, choices, _template("seat_transferred", title, when))


def _facts(words: Texts, event: EventCard) -> dict[str, str]:
    return {
        "title": event.title,
        "when": cards.when(words, event),
        "where": cards.place(words, event.location),
    }


def _brief(words: Texts, event: EventCard) -> str:
    """Short enough for brackets in the middle of a sentence."""
    return in_brief(event.starts_at, event.timezone, words.language)


def _template(name: str, *parameters: str) -> Template:
    return Template(name=name, parameters=parameters)


def _answers(words: Texts, yes_id: str, no_id: str) -> tuple[Choice, ...]:
    return (
        Choice(id=yes_id, label=words.say("button.take")),
        Choice(id=no_id, label=words.say("button.pass")),
    )


def _to_seat(words: Texts, about: RegistrationCard) -> tuple[Choice, ...]:
    return (_ticket(words, about), _drop(words, about))


def _still_coming(words: Texts, about: RegistrationCard) -> tuple[Choice, ...]:
    return (
        Choice(id=f"coming:{about.id}", label=words.say("button.coming")),
        Choice(id=f"drop:{about.id}", label=words.say("button.not-coming")),
        _ticket(words, about),
    )


def _ticket(words: Texts, about: RegistrationCard) -> Choice:
    return Choice(id=f"ticket:{about.id}", label=words.say("button.ticket"))


def _drop(words: Texts, about: RegistrationCard) -> Choice:
    return Choice(id=f"drop:{about.id}", label=words.say("button.drop"))


def _events(words: Texts) -> Choice:
    return Choice(id="events", label=words.say("button.events"))


def _mine(words: Texts) -> Choice:
    return Choice(id="my", label=words.say("button.my"))
