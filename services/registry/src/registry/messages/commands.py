"""What organisers do with messages, and what the clock does."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from contracts import (
    CancelMessage,
    FeedMessages,
    NoticeDue,
    PauseMessage,
    ResumeMessage,
    SendMessage,
)
from registry.event_store import find_view
from registry.messages import store
from registry.messages.audience import write_recipients
from registry.messages.feeding import Stop, plan
from registry.messages.results import (
    MessageRefusal,
    MessageRefused,
    MessagesFed,
    MessageWritten,
)
from registry.results import Newest, Said, Stored
from registry.work import Work

USEFUL_FOR = timedelta(hours=24)
"""What an organiser wrote yesterday is not what they would write today."""
CLOSED_AFTER = timedelta(hours=1)
"""From the deadline on: results that were not heard of by then will not come."""
FEED_LOCK = 0x66656564
"""The namespace of our advisory lock ("feed")."""
CANCELLED_VERSION = 2
"""Every message is sent as the first version of itself; the notifier sends none that is older than
what it finds in `versions`."""


async def send_message(work: Work, command: SendMessage) -> Stored:
    """Write down who gets a message; ticks hand it over."""
    event = await find_view(work.connection, command.about_event_id)
    if event is None:
        return _refused("unknown-event")
    counted = await write_recipients(
        work.connection,
        event_id=event.id,
        audience=command.audience,
        message_id=command.message_id,
        now=work.now,
    )
    if not counted.recipients and not counted.no_address:
        return _refused("nobody")
    ended = not counted.recipients
    await store.insert_message(
        work.connection,
        {
            "id": command.message_id,
            "event_id": event.id,
            "audience": command.audience,
            "text": command.text,
            "created_at": work.now,
            "created_by": command.by,
            "expires_at": work.now + USEFUL_FOR,
            "status": "finished" if ended else "running",
            "recipients": counted.recipients,
            "handed_over": {},
            "cleared": [],
            "judged_from": work.now,
            "muted": counted.muted,
            "no_address": counted.no_address,
            "ended_at": work.now if ended else None,
        },
    )
    return Stored(result=MessageWritten(message_id=command.message_id))


async def pause_message(work: Work, command: PauseMessage) -> Stored:
    """Nobody else is handed over; whoever was a minute ago at most still gets it."""
    message = await store.find_message(work.connection, command.message_id, locked=True)
    if message is None:
        return _refused("unknown-message")
    if message["ended_at"] is not None:
        return _refused("message-over")
    if message["status"] == "running":
        changes = {"status": "paused", "stop": None, "changed_by": command.by}
        await store.update_message(work.connection, command.message_id, changes)
    return Stored(result=MessageWritten(message_id=command.message_id))


async def resume_message(work: Work, command: ResumeMessage) -> Stored:
    """The rest is handed over; what stopped it was looked at, and counts no more."""
    message = await store.find_message(work.connection, command.message_id, locked=True)
    if message is None:
        return _refused("unknown-message")
    if message["ended_at"] is not None:
        return _refused("message-over")
    if message["status"] == "paused":
        stop = store.stop_of(message)
        seen = {stop.platform} if stop else set()
        changes = {
            "status": "running",
            "stop": None,
            "cleared": sorted({*message["cleared"], *seen}),
            "judged_from": work.now,
            "changed_by": command.by,
        }
        await store.update_message(work.connection, command.message_id, changes)
    return Stored(result=MessageWritten(message_id=command.message_id))


async def cancel_message(work: Work, command: CancelMessage) -> Stored:
    """Nobody gets it any more, not even who was handed over and not sent to yet."""
    message = await store.find_message(work.connection, command.message_id, locked=True)
    if message is None:
        return _refused("unknown-message")
    if message["status"] == "finished":
        return _refused("message-over")
    if message["status"] != "cancelled":
        changes = {"status": "cancelled", "ended_at": work.now, "changed_by": command.by}
        await store.update_message(work.connection, command.message_id, changes)
    return Stored(
        result=MessageWritten(message_id=command.message_id),
        newest=(Newest(of=command.message_id, version=CANCELLED_VERSION),),
    )


async def feed_messages(work: Work, command: FeedMessages) -> Stored:
    """Hand over who comes next, stop what fails too often, close what is done.

    One at a time over all replicas: two that look at the same minute would fill it twice.
    """
    is_mine = await work.connection.scalar(select(func.pg_try_advisory_xact_lock(FEED_LOCK)))
    if not is_mine:
        return Stored(result=MessagesFed())
    running = {row["id"]: row for row in await store.lock_running(work.connection)}
    if not running:
        return Stored(result=MessagesFed())
    changes: dict[UUID, dict[str, Any]] = {
        message_id: {"status": "finished", "ended_at": work.now}
        for message_id, message in running.items()
        if work.now >= message["expires_at"] + CLOSED_AFTER
    }
    in_time = [one for one in running if one not in changes]
    lanes = await store.read_lanes(work.connection, in_time, work.now)
    elsewhere = await store.waiting_elsewhere(work.connection, in_time, work.now)
    planned = plan(lanes, work.now, elsewhere)
    for message_id, stop in planned.stops.items():
        changes[message_id] = _stopped(stop)
    for message_id in planned.done:
        changes[message_id] = {"status": "finished", "ended_at": work.now}
    for message_id, platform in sorted(planned.cleared):
        # In place, for the next of the same message.
        cleared = changes.setdefault(message_id, {}).setdefault(
            "cleared", list(running[message_id]["cleared"])
        )
        cleared.append(platform)
    notices: list[NoticeDue] = []
    for lane, count in planned.pages:
        message = running[lane.message_id]
        if work.now >= message["expires_at"]:
            continue
        handed = await store.hand_over(
            work.connection, message, lane.platform, count, cause=command.id, now=work.now
        )
        notices += handed.notices
        cursor = changes.setdefault(lane.message_id, {}).setdefault(
            "handed_over", dict(message["handed_over"])
        )
        cursor[lane.platform] = handed.up_to
    for message_id, values in changes.items():
        await store.update_message(work.connection, message_id, values)
    ended = sum(values.get("status") == "finished" for values in changes.values())
    return Stored(
        result=MessagesFed(handed_over=len(notices), stopped=len(planned.stops), finished=ended),
        messages=tuple(map(Said.of, notices)),
    )


def _stopped(stop: Stop) -> dict[str, Any]:
    return {"status": "paused", "stop": stop.model_dump(mode="json"), "changed_by": None}


def _refused(reason: MessageRefusal) -> Stored:
    return Stored(result=MessageRefused(reason=reason))
