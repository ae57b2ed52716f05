"""What organisers do with events."""

from typing import Any

from contracts import (
    CancelEvent,
    ChangeEvent,
    Command,
    CreateEvent,
    EventCancelled,
    EventChanged,
    EventPublished,
    Message,
    derived_id,
)
from registry import notice_store, rules
from registry.codes import event_code
from registry.event_store import find_view, insert_event, update_event
from registry.journal import write_audit
from registry.results import EventWritten, Said, Stored, WriteRefused
from registry.rules import Event, WriteRefusal
from registry.work import Work


async def create_event(work: Work, command: CreateEvent) -> Stored:
    """An organiser adds an event."""
    event = rules.create(command.event_id, event_code(command.event_id), command.details, work.now)
    if not isinstance(event, Event):
        return _refused(work, event)
    written = await insert_event(work.connection, event, work.now)
    # Ids of events are derived from ids of commands, and this command was not handled before.
    assert written is not None, "another command has made this event"
    fact = _fact(EventPublished, work, command, written) if event.status == "published" else None
    return await _written(work, command, "event-created", None, written, fact)


async def change_event(work: Work, command: ChangeEvent) -> Stored:
    """An organiser changes an event that nobody else changed since it was read."""
    changed = rules.change(work.event, command.expected_version, command.details, work.now)
    if not isinstance(changed, Event) or work.event is None:
        return _refused(work, changed)
    before = work.event
    if changed is before:
        return await _unchanged(work, changed)
    await update_event(work.connection, changed, work.now)
    if changed.start_version != before.start_version:
        await notice_store.plan_again(work.connection, changed, work.now)
    published = before.status == "draft" and changed.status == "published"
    fact = _fact(EventPublished if published else EventChanged, work, command, changed)
    return await _written(work, command, "event-changed", before, changed, fact)


async def cancel_event(work: Work, command: CancelEvent) -> Stored:
    """An organiser calls an event off; everybody with a seat will be told."""
    cancelled = rules.call_off(work.event, work.now)
    if not isinstance(cancelled, Event) or work.event is None:
        return _refused(work, cancelled)
    if cancelled is work.event:
        return await _unchanged(work, cancelled)
    await update_event(work.connection, cancelled, work.now)
    await notice_store.plan_cancelled(work.connection, cancelled, work.now)
    fact = _fact(EventCancelled, work, command, cancelled)
    return await _written(
        work, command, "event-cancelled", work.event, cancelled, fact, reason=command.reason
    )


def _refused(work: Work, refusal: Event | WriteRefusal) -> Stored:
    assert not isinstance(refusal, Event), "an event that may be written exists"
    version = work.event.version if work.event else None
    return Stored(result=WriteRefused(reason=refusal, current_version=version))


async def _unchanged(work: Work, event: Event) -> Stored:
    view = await find_view(work.connection, event.id)
    assert view is not None, "a locked event exists"
    return Stored(result=EventWritten(event=view))


async def _written(
    work: Work,
    command: Command,
    action: str,
    before: Event | None,
    after: Event,
    fact: Message | None,
    *,
    reason: str | None = None,
) -> Stored:
    await write_audit(
        work.connection,
        command,
        work.now,
        actor="organiser",
        channel="api",
        action=action,
        event_id=after.id,
        before=_audited(before) if before else None,
        after=_audited(after),
        reason=reason,
    )
    stored = await _unchanged(work, after)
    return stored.model_copy(update={"messages": (Said.of(fact),) if fact else ()})


def _audited(event: Event) -> dict[str, Any]:
    return {
        "title": event.title,
        "description": event.description,
        "starts_at": event.starts_at.isoformat(),
        "timezone": event.timezone,
        "location": event.location,
        "max_participants": event.max_participants,
        "status": event.status,
        "version": event.version,
    }


def _fact(
    kind: type[EventPublished] | type[EventChanged] | type[EventCancelled],
    work: Work,
    command: Command,
    event: Event,
) -> Message:
    return kind(
        id=derived_id(command.id, 1),
        occurred_at=work.now,
        correlation_id=command.correlation_id,
        event_id=event.id,
        event_version=event.version,
    )
