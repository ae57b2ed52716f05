"""Who is registered: in pages, and as a file for a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.api.answers import refusal
from registry.api.pages import Place, decode_cursor, encode_cursor
from registry.api.problems import ProblemDetails
from registry.database import Database
from registry.tables import EventRow, Registration, User

REGISTRATIONS_PER_PAGE, REGISTRATIONS_PER_PAGE_MAX = 100, 500
Status = Literal["confirmed", "held", "waiting", "offered", "cancelled"]

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins with one of these is calculated by spreadsheets, whoever wrote it."""


class RegistrationView(BaseModel):
    """A registration as an organiser sees it."""

    id: UUID
    status: Status
    registered_via: Literal["telegram", "whatsapp"]
    name: str
    email: str | None
    email_proven: bool
    """False: typed by the person, and nobody has shown that the mailbox is theirs."""
    position: int | None
    """The place in the waiting list."""
    ticket: str | None
    created_at: AwareDatetime
    cancelled_at: AwareDatetime | None
    checked_in_at: AwareDatetime | None


class RegistrationPage(BaseModel):
    """Some registrations, in the order in which they were made."""

    registrations: list[RegistrationView]
    next_cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


def registration_routes(*, database: Database) -> APIRouter:
    """The endpoints under /api/events/{id}/registrations."""
    router = APIRouter(
        prefix="/api/events/{event_id}",
        tags=["registrations"],
        responses={404: {"model": ProblemDetails}},
    )

    @router.get("/registrations")
    async def list_registrations(
        event_id: UUID,
        status: Status | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=REGISTRATIONS_PER_PAGE_MAX)] = REGISTRATIONS_PER_PAGE,
    ) -> RegistrationPage:
        """Who registered, in the order in which they did."""
        await _must_exist(database, event_id)
        after = decode_cursor(cursor)
        found = await database.run(partial(_page, event_id, status, after, limit + 1))
        last = found[limit - 1] if len(found) > limit else None
        return RegistrationPage(
            registrations=found[:limit],
            next_cursor=encode_cursor((last.created_at, last.id)) if last else None,
        )

    @router.get("/registrations.csv", response_class=StreamingResponse)
    async def export_registrations(
        event_id: UUID, status: Status | None = None
    ) -> StreamingResponse:
        """The same as a CSV file, however long."""
        await _must_exist(database, event_id)
        return StreamingResponse(
            _lines(database, event_id, status),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{event_id}.csv"'},
        )

    return router


async def _lines(database: Database, event_id: UUID, status: Status | None) -> AsyncIterator[str]:
    """The file, a page at a time: short transactions, and the same memory for any length."""
    yield _line(list(RegistrationView.model_fields))
    after: Place | None = None
    while page := await database.run(
        partial(_page, event_id, status, after, REGISTRATIONS_PER_PAGE_MAX)
    ):
        yield "".join(_line([_cell(value) for _, value in view]) for view in page)
        after = (page[-1].created_at, page[-1].id)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else text


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


async def _must_exist(database: Database, event_id: UUID) -> None:
    async def find(connection: AsyncConnection) -> UUID | None:
        return await connection.scalar(select(EventRow.id).where(EventRow.id == event_id))

    if await database.run(find) is None:
        raise refusal("unknown-event")


async def _page(
    event_id: UUID,
    status: Status | None,
    after: Place | None,
    limit: int,
    connection: AsyncConnection,
) -> list[RegistrationView]:
    query = (
        select(Registration, User.email, User.email_claimed)
        .join_from(Registration, User)
        .where(Registration.event_id == event_id)
        .order_by(Registration.created_at, Registration.id)
        .limit(limit)
    )
    if status is not None:
        query = query.where(Registration.status == status)
    if after is not None:
        query = query.where(tuple_(Registration.created_at, Registration.id) > tuple_(*after))
    return [
        RegistrationView(
            id=row.id,
            status=row.status,
            registered_via=row.registered_via,
            name=row.name,
            email=row.email or row.email_claimed,
            email_proven=row.email is not None,
            position=None,
            ticket=row.ticket,
            created_at=row.created_at,
            cancelled_at=row.cancelled_at,
            checked_in_at=row.checked_in_at,
        )
        for row in await connection.execute(query)
    ]
