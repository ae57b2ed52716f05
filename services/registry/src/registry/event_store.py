"""Events in PostgreSQL."""

import time
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.bulk import update_many
from registry.results import EventView
from registry.rules import Event
from registry.tables import EventRow
from runtime.faults import broken
from runtime.metrics import histogram

_lock_wait_seconds = histogram(
    "turnout_lock_wait_seconds", "How long a batch waited for the row of its event."
)

_OTHER_NAMES = {"starts_at": "date_time"}
"""Fields whose column has the owner's name."""

EVENT_COLUMNS = tuple(
    getattr(EventRow, _OTHER_NAMES.get(field.name, field.name)).label(field.name)
    for field in fields(Event)
)
_SELECT = select(*EVENT_COLUMNS)
# FOR NO KEY UPDATE: unlike FOR UPDATE it lets others insert rows that refer to the event.
_ONE = _SELECT.where(EventRow.id == bindparam("event_id"))
_LOCKED = _ONE.with_for_update(key_share=True)


async def lock_event(connection: AsyncConnection, event_id: UUID) -> Event | None:
    """The event as it is now, and nobody else writes to it until this transaction ends.

    Every writer locks the event first: event, person, registration, offer is the order in which
    rows are locked everywhere, so that no two transactions wait for each other.
    """
    query = _ONE if broken("row-lock") else _LOCKED
    started = time.perf_counter()
    result = await connection.execute(query, {"event_id": event_id})
    row = result.mappings().one_or_none()
    _lock_wait_seconds.labels().observe(time.perf_counter() - started)
    return None if row is None else as_event(row)


def as_event(row: RowMapping) -> Event:
    """An event from a row that has `EVENT_COLUMNS`, and perhaps others."""
    return Event(**{column.key: row[column.key] for column in EVENT_COLUMNS})


async def insert_event(connection: AsyncConnection, event: Event, now: datetime) -> None:
    """Add an event; a taken code or id ends the transaction, which is then tried again."""
    times = {"created_at": now, "updated_at": now}
    await connection.execute(insert(EventRow), _columns(event) | times)


_WRITTEN = tuple(
    _OTHER_NAMES.get(field.name, field.name) for field in fields(Event) if field.name != "id"
)
_UPDATE = update_many(EventRow, "id", (*_WRITTEN, "updated_at"))


async def update_event(connection: AsyncConnection, event: Event, now: datetime) -> None:
    """Write a locked event as it is now, counters and all."""
    await _UPDATE.run(connection, [_columns(event) | {"updated_at": now}])


def _columns(event: Event) -> dict[str, Any]:
    return {
        _OTHER_NAMES.get(field.name, field.name): getattr(event, field.name)
        for field in fields(event)
    }


async def find_view(connection: AsyncConnection, event_id: UUID) -> EventView | None:
    """One event with its figures."""
    row = (
        (await connection.execute(_SELECT.where(EventRow.id == event_id))).mappings().one_or_none()
    )
    return None if row is None else EventView.of(as_event(row))


async def list_views(
    connection: AsyncConnection,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
    status: str | None = None,
    starts_from: datetime | None = None,
    starts_before: datetime | None = None,
) -> list[EventView]:
    """Events by start, the latest first, beginning behind `after` (start, id)."""
    query = _SELECT.order_by(EventRow.date_time.desc(), EventRow.id.desc()).limit(limit)
    if after is not None:
        query = query.where(tuple_(EventRow.date_time, EventRow.id) < tuple_(*after))
    if status is not None:
        query = query.where(EventRow.status == status)
    if starts_from is not None:
        query = query.where(EventRow.date_time >= starts_from)
    if starts_before is not None:
        query = query.where(EventRow.date_time < starts_before)
    return [EventView.of(as_event(row)) for row in (await connection.execute(query)).mappings()]
