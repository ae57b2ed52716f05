"""Reminders and news of an event, rendered without the chat's document."""

from contracts import (
    Choice,
    NoticeAnswer,
    NoticeDue,
    NoticeKind,
    OutboundMessage,
    Template,
    derived_id,
)
from conversation.moments import in_words
from conversation.texts import Texts, texts

REMINDERS: frozenset[NoticeKind] = frozenset({"reminder-24h", "reminder-1h"})


def render(notice: NoticeDue, answer: NoticeAnswer) -> OutboundMessage | None:
    """What the person is told, or None when it is not true any more.

    The choices carry ids, so that they work whatever the chat has been talking about meanwhile.
    """
    if answer.address is None or answer.registration is None:
        return None
    event = answer.registration.event
    words = texts(answer.language)
    when = in_words(event.starts_at, event.timezone, answer.language)
    where = event.location or words.say("event.place-unknown")
    cancelled = notice.kind == "event-cancelled"
    return OutboundMessage(
        id=derived_id(notice.id, 0),
        occurred_at=notice.occurred_at,
        correlation_id=notice.correlation_id,
        address=answer.address,
        priority="reminder" if notice.kind in REMINDERS else "bulk",
        language=answer.language,
        text=_text(words, notice.kind, title=event.title, when=when, where=where),
        choices=_choices(words, answer, cancelled=cancelled),
        template=_template(notice.kind, title=event.title, when=when, where=where),
        expires_at=notice.expires_at,
        notice_event_id=notice.event_id,
        notice_event_version=notice.event_version,
    )


def _text(words: Texts, kind: NoticeKind, *, title: str, when: str, where: str) -> str:
    match kind:
        case "reminder-24h":
            return words.say("notice.reminder-24h", title=title, when=when, where=where)
        case "reminder-1h":
            return words.say("notice.reminder-1h", title=title, when=when, where=where)
        case "event-changed":
            return words.say("notice.event-changed", title=title, when=when, where=where)
        case "event-cancelled":
            return words.say("notice.event-cancelled", title=title, when=when)


def _template(kind: NoticeKind, *, title: str, when: str, where: str) -> Template:
    """What WhatsApp is sent after 24 hours of silence; the names are approved there."""
    match kind:
        case "reminder-24h" | "reminder-1h":
            return Template(name="event_reminder", parameters=(title, when, where))
        case "event-changed":
            return Template(name="event_changed", parameters=(title, when, where))
        case "event-cancelled":
            return Template(name="event_cancelled", parameters=(title, when))


def _choices(words: Texts, answer: NoticeAnswer, *, cancelled: bool) -> tuple[Choice, ...]:
    if cancelled or answer.registration is None:
        return (Choice(id="events", label=words.say("button.events")),)
    registration_id = answer.registration.id
    return (
        Choice(id=f"ticket:{registration_id}", label=words.say("button.ticket")),
        Choice(id=f"drop:{registration_id}", label=words.say("button.drop")),
    )
