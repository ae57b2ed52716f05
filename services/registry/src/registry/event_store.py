"""Events in PostgreSQL."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.codes import event_code
from registry.results import EventView
from registry.rules import Event
from registry.tables import EventRow, Registration
from runtime.faults import broken
from runtime.metrics import histogram

_lock_wait_seconds = histogram(
    "turnout_lock_wait_seconds", "How long a command waited for the row of its event."
)

EVENT_COLUMNS = (
    EventRow.id,
    EventRow.code,
    EventRow.title,
    EventRow.description,
    EventRow.date_time.label("starts_at"),
    EventRow.timezone,
    EventRow.location,
    EventRow.max_participants,
    EventRow.taken,
    EventRow.over_by,
    EventRow.status,
    EventRow.version,
    EventRow.start_version,
)


async def lock_event(connection: AsyncConnection, event_id: UUID) -> Event | None:
    """The event as it is now, and nobody else writes to it until this transaction ends.

    Every writer locks the event first: event, person, registration, offer is the order in which
    rows are locked everywhere, so that no two transactions wait for each other.
    """
    query = select(*EVENT_COLUMNS).where(EventRow.id == event_id)
    if not broken("row-lock"):
        # FOR NO KEY UPDATE: unlike FOR UPDATE it lets others insert rows that refer to the event.
        query = query.with_for_update(key_share=True)
    started = time.perf_counter()
    row = (await connection.execute(query)).mappings().one_or_none()
    _lock_wait_seconds.labels().observe(time.perf_counter() - started)
    return None if row is None else as_event(row)


def as_event(row: RowMapping) -> Event:
    """An event from a row that has `EVENT_COLUMNS`, and perhaps others."""
    return Event(**{column.key: row[column.key] for column in EVENT_COLUMNS})


async def take_seats(connection: AsyncConnection, event: Event, seats: int) -> Event:
    """Count seats as taken (or, below zero, as given back) in the locked event's counter."""
    changed = event.with_taken(event.taken + seats)
    taken = (
        # The negative control: without the lock, writing what was read loses others' updates.
        changed.taken if broken("row-lock") else EventRow.taken + seats
    )
    values = {"taken": taken}
    if seats < 0:
        values["over_by"] = changed.over_by
    await connection.execute(update(EventRow).where(EventRow.id == event.id).values(values))
    return changed


async def insert_event(connection: AsyncConnection, event: Event, now: datetime) -> Event | None:
    """Add an event under the first code that is free; None when the event is there already."""
    attempt = 0
    while True:
        code = event_code(event.id, attempt)
        written = await connection.scalar(
            upsert(EventRow)
            .values(**_columns(event) | {"code": code}, id=event.id, created_at=now, updated_at=now)
            .on_conflict_do_nothing()
            .returning(EventRow.id)
        )
        if written is not None:
            return await lock_event(connection, event.id)
        if await connection.scalar(select(EventRow.id).where(EventRow.id == event.id)):
            return None
        attempt += 1


async def update_event(connection: AsyncConnection, event: Event, now: datetime) -> None:
    """Write a locked event's new details."""
    await connection.execute(
        update(EventRow).where(EventRow.id == event.id).values(**_columns(event), updated_at=now)
    )


def _columns(event: Event) -> dict[str, object]:
    return {
        "code": event.code,
        "title": event.title,
        "description": event.description,
        "date_time": event.starts_at,
        "timezone": event.timezone,
        "location": event.location,
        "max_participants": event.max_participants,
        "over_by": event.over_by,
        "status": event.status,
        "version": event.version,
        "start_version": event.start_version,
    }


def select_views() -> Select[*tuple[Any, ...]]:
    """Events with their figures, for organisers.

    The figures are counted and not read from the counter that claims go by: whoever looks here
    wants to see what is there. They are never read under a claim's lock.
    """
    figures = (
        select(
            *(
                func.count().filter(Registration.status == status).label(status)
                for status in ("confirmed", "held", "waiting")
            ),
            func.count(Registration.checked_in_at).label("checked_in"),
        )
        .where(Registration.event_id == EventRow.id)
        .lateral()
    )
    return select(*EVENT_COLUMNS, *figures.c).join_from(EventRow, figures, true())


def as_view(row: RowMapping) -> EventView:
    """A row of `select_views`."""
    return EventView.model_validate(dict(row))


async def find_view(connection: AsyncConnection, event_id: UUID) -> EventView | None:
    """One event with its figures."""
    row = (
        (await connection.execute(select_views().where(EventRow.id == event_id)))
        .mappings()
        .one_or_none()
    )
    return None if row is None else as_view(row)


async def list_views(
    connection: AsyncConnection, after: tuple[datetime, UUID] | None, limit: int
) -> list[EventView]:
    """Events by start, the latest first, beginning behind `after` (start, id)."""
    query = select_views().order_by(EventRow.date_time.desc(), EventRow.id.desc()).limit(limit)
    if after is not None:
        query = query.where(tuple_(EventRow.date_time, EventRow.id) < tuple_(*after))
    return [as_view(row) for row in (await connection.execute(query)).mappings()]
