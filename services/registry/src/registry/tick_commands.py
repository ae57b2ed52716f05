"""What the scheduler asks for."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from contracts import (
    FinishEvent,
    NoticeDue,
    PassOnSeats,
    SendDueReminders,
    SweepInvariants,
    TendEvents,
    derived_id,
)
from registry.notice_results import expect
from registry.notice_store import DueNotice, take_due
from registry.results import EventsTended, NoticesHandedOver, Said, Stored, Swept
from registry.rules import EVENT_HOURS_MAX
from registry.sweep import keep, sweep
from registry.tables import IS_HELD, IS_OFFERED, EventRow, Registration
from registry.work import Work

NOTICES_PER_TICK_MAX = 500
"""An outcome holds at most 500 messages; what is left is taken by the next tick (design § 3.3)."""
EVENTS_PER_TICK_MAX = 200


async def send_due_reminders(work: Work, command: SendDueReminders) -> Stored:
    """Everybody whose time has come is told once; what came too late is dropped with a note."""
    taken = await take_due(work.connection, command.due_at, work.now, NOTICES_PER_TICK_MAX)
    sent = [notice for notice in taken if not notice.dropped]
    notices = [_due(work, command, notice) for notice in sent]
    await expect(work.connection, notices, work.now)
    return Stored(
        result=NoticesHandedOver(sent=len(sent), dropped=len(taken) - len(sent)),
        messages=tuple(map(Said.of, notices)),
    )


def _due(work: Work, command: SendDueReminders, notice: DueNotice) -> NoticeDue:
    return NoticeDue(
        # From what is said and not from the tick: whatever happens to ticks, it is said once.
        id=derived_id(notice.registration_id, f"{notice.kind}:{notice.event_version}"),
        occurred_at=work.now,
        correlation_id=command.correlation_id,
        kind=notice.kind,
        registration_id=notice.registration_id,
        event_id=notice.event_id,
        event_version=notice.event_version,
        expires_at=notice.expires_at,
    )


async def tend_events(work: Work, command: TendEvents) -> Stored:
    """Events where something is due get a command each, which waits in line like all others.

    What is seen here may be over by then: the command looks again, under the event's lock.
    """
    passing_on = await _with_seats_to_pass_on(work)
    over = await _over(work)
    messages = [
        Said.of(
            kind(
                id=derived_id(command.id, str(event_id)),
                occurred_at=work.now,
                correlation_id=command.correlation_id,
                event_id=event_id,
            )
        )
        for kind, event_ids in ((PassOnSeats, passing_on), (FinishEvent, over))
        for event_id in event_ids
    ]
    return Stored(result=EventsTended(due=len(messages)), messages=tuple(messages))


async def _with_seats_to_pass_on(work: Work) -> list[UUID]:
    found: set[UUID] = set()
    for status, ends_at in (
        (IS_OFFERED, Registration.offer_expires_at),
        (IS_HELD, Registration.hold_expires_at),
    ):
        ran_out = (
            select(Registration.event_id)
            .join(EventRow, EventRow.id == Registration.event_id)
            .where(status, ends_at <= work.now, EventRow.status == "published")
            # Or an event with many of them would hide all others.
            .distinct()
            .limit(EVENTS_PER_TICK_MAX)
        )
        found |= set(await work.connection.scalars(ran_out))
    # No command leaves an event like this; whatever did is repaired.
    free = (
        select(EventRow.id)
        .where(
            EventRow.waiting > 0,
            EventRow.taken < EventRow.max_participants,
            EventRow.status == "published",
            EventRow.date_time > work.now,
        )
        .limit(EVENTS_PER_TICK_MAX)
    )
    found |= set(await work.connection.scalars(free))
    return sorted(found)[:EVENTS_PER_TICK_MAX]


async def _over(work: Work) -> list[UUID]:
    over = (
        select(EventRow.id)
        .where(
            EventRow.status == "published",
            EventRow.date_time <= work.now - timedelta(hours=EVENT_HOURS_MAX),
        )
        .order_by(EventRow.date_time)
        .limit(EVENTS_PER_TICK_MAX)
    )
    return list(await work.connection.scalars(over))


async def sweep_invariants(work: Work, _command: SweepInvariants) -> Stored:
    """Look whether counters, rows and promises agree, and keep what was found."""
    drift = await sweep(work.connection)
    await keep(work.connection, drift, work.now)
    return Stored(result=Swept(drift=drift))
