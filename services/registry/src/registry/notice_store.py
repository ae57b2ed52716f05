"""Planned notices in PostgreSQL: made with the change that owes them, taken by ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, case, delete, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import NoticeKind
from registry.book import Book
from registry.bulk import insert_many, one_of
from registry.reminders import Plan, plan_cancelled_notice, plan_reminders
from registry.rules import Event
from registry.seats import Seat
from registry.tables import IS_ACTIVE, IS_CONFIRMED, Notice, Registration

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


_FORGET_SEATS = delete(Notice).where(
    one_of(Notice.registration_id, "registration_ids"),
    Notice.sent_at.is_(None),
    Notice.dropped_at.is_(None),
)
_PLAN = insert_many(
    Notice,
    ("registration_id", "event_id", "kind", "event_version", "due_at", "expires_at"),
    # Somebody who lost the seat and has it again may have been told already.
    "ON CONFLICT (registration_id, kind, event_version) DO NOTHING",
)


async def keep_up(
    connection: AsyncConnection, book: Book, changed: Sequence[tuple[Seat | None, Seat]]
) -> None:
    """Plan what follows from a batch: reminders for new seats, none for those given up."""
    event = book.event
    lost = [
        after.id
        for before, after in changed
        if before is not None and before.status == "confirmed" != after.status
    ]
    if lost:
        await connection.execute(_FORGET_SEATS, {"registration_ids": lost})
    if book.called_off:
        await _forget_event(connection, event.id)
        await _plan_for_all(
            connection, event, plan_cancelled_notice(event.starts_at, book.now), IS_ACTIVE
        )
    elif book.moved:
        await _forget_event(connection, event.id)
        for plan in plan_reminders(event.starts_at, book.now):
            await _plan_for_all(connection, event, plan, IS_CONFIRMED)
    else:
        gained = [
            after.id
            for before, after in changed
            if after.status == "confirmed" and (before is None or before.status != "confirmed")
        ]
        plans = plan_reminders(event.starts_at, book.now)
        await _PLAN.run(
            connection, [_row(plan, event, seat_id) for seat_id in gained for plan in plans]
        )


def _row(plan: Plan, event: Event, registration_id: UUID) -> dict[str, object]:
    return {
        "registration_id": registration_id,
        "event_id": event.id,
        "kind": plan.kind,
        "event_version": event.version,
        "due_at": plan.due_at,
        "expires_at": plan.expires_at,
    }


async def _forget_event(connection: AsyncConnection, event_id: UUID) -> None:
    await connection.execute(
        delete(Notice).where(
            Notice.event_id == event_id,
            Notice.kind.in_(REMINDERS),
            Notice.sent_at.is_(None),
            Notice.dropped_at.is_(None),
        )
    )


async def _plan_for_all(
    connection: AsyncConnection, event: Event, plan: Plan, whom: TextClause
) -> None:
    people = select(
        Registration.id,
        Registration.event_id,
        literal(plan.kind),
        literal(event.version),
        literal(plan.due_at),
        literal(plan.expires_at),
    ).where(Registration.event_id == event.id, whom)
    await connection.execute(
        insert(Notice)
        .from_select(
            ["registration_id", "event_id", "kind", "event_version", "due_at", "expires_at"],
            people,
        )
        .on_conflict_do_nothing()
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
