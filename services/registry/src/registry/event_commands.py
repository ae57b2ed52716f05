"""What organisers and time do with events."""

from contracts import (
    CancelEvent,
    ChangeEvent,
    Command,
    CreateEvent,
    EventCancelled,
    EventChanged,
    EventFinished,
    EventPublished,
    FinishEvent,
    PassOnSeats,
    derived_id,
)
from registry import rules, seats
from registry.book import Book
from registry.codes import event_code
from registry.line import (
    OFFERS_PER_COMMAND_MAX,
    confirm,
    offer_free_seats,
    run_out,
    source,
    tell,
)
from registry.results import EventView, EventWritten, SeatsPassedOn, WriteRefused
from registry.rules import Event


def create_event(book: Book, command: CreateEvent) -> EventWritten | WriteRefused:
    """An organiser adds an event."""
    # Ids of events are derived from ids of commands, and this command was not handled before.
    assert not book.exists, "another command has made this event"
    code = event_code(command.event_id, book.known.code_attempt)
    event = rules.create(command.event_id, code, command.details, book.now)
    if not isinstance(event, Event):
        return WriteRefused(reason=event)
    book.created = True
    fact = EventPublished if event.status == "published" else None
    return _written(book, command, "event-created", event, fact)


def change_event(book: Book, command: ChangeEvent) -> EventWritten | WriteRefused:
    """An organiser changes an event that nobody else changed since it was read.

    New seats go to those who wait.
    """
    before = book.event
    changed = rules.change(before, command.expected_version, command.details, book.now)
    if not isinstance(changed, Event):
        return WriteRefused(reason=changed, current_version=before.version)
    if changed is before:
        return EventWritten(event=EventView.of(before))
    book.moved = book.moved or changed.start_version != before.start_version
    published = before.status == "draft" and changed.status == "published"
    fact = EventPublished if published else EventChanged
    _written(book, command, "event-changed", changed, fact)
    offer_free_seats(book, command)
    return EventWritten(event=EventView.of(book.event))


def cancel_event(book: Book, command: CancelEvent) -> EventWritten | WriteRefused:
    """An organiser calls an event off; everybody with a seat or a place in line will be told."""
    before = book.event
    cancelled = rules.call_off(before, book.now)
    if not isinstance(cancelled, Event):
        return WriteRefused(reason=cancelled, current_version=before.version)
    if cancelled is before:
        return EventWritten(event=EventView.of(before))
    book.called_off = True
    return _written(book, command, "event-cancelled", cancelled, EventCancelled, command.reason)


def finish_event(book: Book, command: FinishEvent) -> EventWritten:
    """The event's time is over."""
    finished = rules.finish(book.event, book.now)
    if finished is book.event:
        return EventWritten(event=EventView.of(finished))
    return _written(book, command, "event-finished", finished, EventFinished)


def pass_on_seats(book: Book, command: PassOnSeats) -> SeatsPassedOn:
    """What was kept for too long ends, and every free seat is offered to who waits first."""
    expired = 0
    for kept in book.known.expired[:OFFERS_PER_COMMAND_MAX]:
        # A command before this one in the batch may have seen to it, or kept another for them.
        seat = book.seat(kept.id)
        if seat is None or not seats.ran_out(book.event, seat, book.now):
            continue
        if seat.status == "held" and book.is_proven(seat.user_id):
            # They proved an address in the same moment in which the seat was put aside.
            confirm(book, command, seat, "hold-confirmed", f"confirmed:{seat.id}")
            tell(book, command, "seat-confirmed", book.seat(seat.id) or seat)
        else:
            run_out(book, command, seat)
            expired += 1
    return SeatsPassedOn(expired=expired, offered=offer_free_seats(book, command))


_Fact = type[EventPublished] | type[EventChanged] | type[EventCancelled] | type[EventFinished]


def _written(
    book: Book,
    command: Command,
    action: str,
    event: Event,
    fact: _Fact | None,
    reason: str | None = None,
) -> EventWritten:
    before = book.event if book.exists else None
    book.write(event)
    actor, channel, by = source(command)
    book.note(
        command,
        action,
        before=before,
        after=event,
        actor=actor,
        channel=channel,
        by=by,
        reason=reason,
    )
    if fact is not None:
        book.say(
            fact(
                id=derived_id(command.id, 1),
                occurred_at=book.now,
                correlation_id=command.correlation_id,
                event_id=event.id,
                event_version=event.version,
            )
        )
    return EventWritten(event=EventView.of(event))
