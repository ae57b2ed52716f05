"""Registrations in PostgreSQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.rules import Seat
from registry.tables import ACTIVE_STATUSES, Registration


def _select_seat() -> "Select[UUID, UUID, str, str, str | None]":
    return select(
        Registration.id,
        Registration.user_id,
        Registration.status,
        Registration.name,
        Registration.ticket,
    )


async def find_own_seat(
    connection: AsyncConnection, event_id: UUID, user_id: UUID | None
) -> Seat | None:
    """The seat that a person has at an event at present."""
    if user_id is None:
        return None
    query = _select_seat().where(
        Registration.event_id == event_id,
        Registration.user_id == user_id,
        Registration.status.in_(ACTIVE_STATUSES),
    )
    return _seat((await connection.execute(query)).mappings().one_or_none())


async def find_seat(
    connection: AsyncConnection, event_id: UUID, registration_id: UUID
) -> Seat | None:
    """One registration of this event, in whatever state."""
    query = _select_seat().where(
        Registration.id == registration_id, Registration.event_id == event_id
    )
    return _seat((await connection.execute(query)).mappings().one_or_none())


def _seat(row: RowMapping | None) -> Seat | None:
    return None if row is None else Seat(**row)


async def insert_seat(
    connection: AsyncConnection, seat: Seat, *, event_id: UUID, via: str, now: datetime
) -> None:
    """Write down a new confirmed seat."""
    values = {
        "id": seat.id,
        "user_id": seat.user_id,
        "event_id": event_id,
        "registered_via": via,
        "status": seat.status,
        "name": seat.name,
        "ticket": seat.ticket,
        "created_at": now,
    }
    await connection.execute(insert(Registration), values)


async def release_seat(connection: AsyncConnection, seat: Seat, now: datetime) -> None:
    """Mark a seat as given back; its ticket is worth nothing from now on."""
    await connection.execute(
        update(Registration)
        .where(Registration.id == seat.id)
        .values(status="cancelled", cancelled_at=now, ticket=None)
    )
