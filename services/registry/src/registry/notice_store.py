"""Planned notices in PostgreSQL: made with the change that owes them, taken by ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, insert, literal, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import NoticeKind
from registry.reminders import Plan, plan_cancelled_notice, plan_reminders
from registry.rules import Event
from registry.tables import Notice, Registration

REMINDERS: tuple[NoticeKind, ...] = ("reminder-24h", "reminder-1h")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNotice:
    """A notice that this tick has taken."""

    registration_id: UUID
    event_id: UUID
    kind: NoticeKind
    event_version: int
    due_at: datetime
    expires_at: datetime
    dropped: bool
    """It came too late to be worth anything."""


async def plan_for_seat(
    connection: AsyncConnection, event: Event, registration_id: UUID, now: datetime
) -> None:
    """Plan the reminders of a new seat."""
    rows = [
        {
            "registration_id": registration_id,
            "event_id": event.id,
            "kind": plan.kind,
            "event_version": event.version,
            "due_at": plan.due_at,
            "expires_at": plan.expires_at,
        }
        for plan in plan_reminders(event.starts_at, now)
    ]
    if rows:
        # Rows apart from the statement, so that the compiled statement is kept for the next seat.
        await connection.execute(insert(Notice), rows)


async def forget_seat(connection: AsyncConnection, registration_id: UUID) -> None:
    """Whoever gave the seat back is told nothing more about it."""
    await connection.execute(
        delete(Notice).where(
            Notice.registration_id == registration_id,
            Notice.sent_at.is_(None),
            Notice.dropped_at.is_(None),
        )
    )


async def plan_again(connection: AsyncConnection, event: Event, now: datetime) -> None:
    """The start has moved: plan everybody's reminders anew, under the new version."""
    await _forget_event(connection, event.id)
    for plan in plan_reminders(event.starts_at, now):
        await _plan_for_all(connection, event, plan)


async def plan_cancelled(connection: AsyncConnection, event: Event, now: datetime) -> None:
    """The event was called off: no more reminders, and everybody with a seat is told now."""
    await _forget_event(connection, event.id)
    await _plan_for_all(connection, event, plan_cancelled_notice(event.starts_at, now))


async def _forget_event(connection: AsyncConnection, event_id: UUID) -> None:
    await connection.execute(
        delete(Notice).where(
            Notice.event_id == event_id,
            Notice.kind.in_(REMINDERS),
            Notice.sent_at.is_(None),
            Notice.dropped_at.is_(None),
        )
    )


async def _plan_for_all(connection: AsyncConnection, event: Event, plan: Plan) -> None:
    people = select(
        Registration.id,
        Registration.event_id,
        literal(plan.kind),
        literal(event.version),
        literal(plan.due_at),
        literal(plan.expires_at),
    ).where(Registration.event_id == event.id, Registration.status == "confirmed")
    await connection.execute(
        insert(Notice).from_select(
            ["registration_id", "event_id", "kind", "event_version", "due_at", "expires_at"],
            people,
        )
    )


async def take_due(
    connection: AsyncConnection, due_at: datetime, now: datetime, limit: int
) -> Sequence[DueNotice]:
    """Take the notices that are due, the oldest first; no two ticks take the same one.

    Those that have lost their worth are taken as dropped.
    """
    due = (
        select(Notice.id)
        .where(Notice.sent_at.is_(None), Notice.dropped_at.is_(None), Notice.due_at <= due_at)
        .order_by(Notice.due_at, Notice.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    in_time = Notice.expires_at > now
    rows = await connection.execute(
        update(Notice)
        .where(Notice.id == due.c.id)
        .values(
            sent_at=case((in_time, now), else_=null()),
            dropped_at=case((in_time, null()), else_=now),
        )
        .returning(
            Notice.registration_id,
            Notice.event_id,
            Notice.kind,
            Notice.event_version,
            Notice.due_at,
            Notice.expires_at,
            Notice.dropped_at.is_not(None).label("dropped"),
        )
    )
    taken = [DueNotice(**row) for row in rows.mappings()]
    return sorted(taken, key=lambda notice: (notice.due_at, notice.registration_id))
