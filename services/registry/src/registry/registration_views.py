"""Registrations as organisers see them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import ColumnElement, RowMapping, Select, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import EndReason, RegistrationStatus
from registry.tables import IS_WAITING, Registration, User


class RegistrationView(BaseModel):
    """A registration as an organiser sees it."""

    id: UUID
    event_id: UUID
    status: RegistrationStatus
    registered_via: Literal["telegram", "whatsapp", "organiser"]
    name: str
    email: str | None
    email_proven: bool
    """False: typed by the person, and nobody has shown that the mailbox is theirs."""
    position: int | None
    """The place in the waiting list."""
    offer_expires_at: AwareDatetime | None
    """Until when an offered seat is kept."""
    hold_expires_at: AwareDatetime | None
    """Until when a held seat is kept for somebody who has yet to prove an address."""
    ticket: str | None
    created_at: AwareDatetime
    cancelled_at: AwareDatetime | None
    end_reason: EndReason | None
    checked_in_at: AwareDatetime | None
    checked_in_by: str | None
    """Which scanner."""


def _select_views(event_id: ColumnElement[UUID] | UUID) -> Select[*tuple[Any, ...]]:
    # One walk along the line's index for a whole page, not one for each who waits.
    line = (
        select(
            Registration.id,
            func.row_number()
            .over(order_by=(Registration.priority.desc(), Registration.queue_number))
            .label("position"),
        )
        .where(Registration.event_id == event_id, IS_WAITING)
        .subquery()
    )
    return (
        select(*_COLUMNS, User.email.label("proven"), User.email_claimed, line.c.position)
        .join_from(Registration, User)
        .outerjoin(line, line.c.id == Registration.id)
    )


_COLUMNS = tuple(
    getattr(Registration, name)
    for name in RegistrationView.model_fields
    if name not in ("email", "email_proven", "position")
)


def _as_view(row: RowMapping) -> RegistrationView:
    return RegistrationView(
        **row, email=row["proven"] or row["email_claimed"], email_proven=row["proven"] is not None
    )


async def find_registration(
    connection: AsyncConnection, *, registration_id: UUID
) -> RegistrationView | None:
    """One registration; None when there is none of this id."""
    event_id = select(Registration.event_id).where(Registration.id == registration_id)
    query = _select_views(event_id.scalar_subquery()).where(Registration.id == registration_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _as_view(row)


async def list_registrations(
    connection: AsyncConnection,
    *,
    event_id: UUID,
    status: RegistrationStatus | None = None,
    registered_via: str | None = None,
    checked_in: bool | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[RegistrationView]:
    """An event's registrations in the order in which they were made, behind `after`."""
    query = (
        _select_views(event_id)
        .where(Registration.event_id == event_id)
        .order_by(Registration.created_at, Registration.id)
        .limit(limit)
    )
    if status is not None:
        query = query.where(Registration.status == status)
    if registered_via is not None:
        query = query.where(Registration.registered_via == registered_via)
    if checked_in is not None:
        came = Registration.checked_in_at
        query = query.where(came.is_not(None) if checked_in else came.is_(None))
    if after is not None:
        query = query.where(tuple_(Registration.created_at, Registration.id) > tuple_(*after))
    return [_as_view(row) for row in (await connection.execute(query)).mappings()]
