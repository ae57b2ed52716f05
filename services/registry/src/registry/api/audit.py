"""Who changed what at an event, the newest first."""

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.api.access import needs
from registry.database import Database
from registry.tables import Audit

LINES_PER_PAGE, LINES_PER_PAGE_MAX = 100, 500


class AuditLine(BaseModel):
    """One change. Ids and facts only: whose they are, the registrations say."""

    id: int
    at: AwareDatetime
    actor: Literal["participant", "organiser", "system"]
    channel: str
    """`telegram`, `whatsapp`, `api` or `clock`."""
    by: str | None
    """`admin` or the id of the organiser's token."""
    action: str
    registration_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    command_id: UUID
    correlation_id: UUID
    """What began it all: a message in a chat, an API call, a tick."""


class AuditPage(BaseModel):
    """Some changes, the newest first."""

    lines: list[AuditLine]
    next_before: int | None
    """Give it back as `before` for the next page; null on the last one."""


def audit_routes(*, database: Database) -> APIRouter:
    """The endpoint under /api/events/{id}/audit."""
    router = APIRouter(tags=["audit"], dependencies=[Depends(needs("read"))])

    @router.get("/api/events/{event_id}/audit")
    async def read_audit(
        event_id: UUID,
        registration_id: UUID | None = None,
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=LINES_PER_PAGE_MAX)] = LINES_PER_PAGE,
    ) -> AuditPage:
        """What was changed at an event, by whom, when and why; or what of one registration."""
        found = await database.run(
            partial(
                _read,
                event_id=event_id,
                registration_id=registration_id,
                before=before,
                limit=limit,
            )
        )
        return AuditPage(
            lines=found[:limit], next_before=found[limit - 1].id if len(found) > limit else None
        )

    return router


async def _read(
    connection: AsyncConnection,
    *,
    event_id: UUID,
    registration_id: UUID | None,
    before: int | None,
    limit: int,
) -> list[AuditLine]:
    columns = [getattr(Audit, name) for name in AuditLine.model_fields]
    query = (
        select(*columns)
        .where(Audit.event_id == event_id)
        .order_by(Audit.id.desc())
        .limit(limit + 1)
    )
    if registration_id is not None:
        query = query.where(Audit.registration_id == registration_id)
    if before is not None:
        query = query.where(Audit.id < before)
    return [AuditLine(**row) for row in (await connection.execute(query)).mappings()]
