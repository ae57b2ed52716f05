"""Who has not received what, and why."""

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import NoticeKind
from registry.api.access import needs
from registry.api.answers import refusal
from registry.api.problems import ProblemDetails
from registry.api.words import ReadLanguage
from registry.database import Database
from registry.delivery_views import (
    DeliveryCounts,
    DeliveryView,
    Outcome,
    count_deliveries,
    list_deliveries,
)
from registry.event_store import find_view

PEOPLE_PER_PAGE, PEOPLE_PER_PAGE_MAX = 100, 500


class DeliveryPage(BaseModel):
    """Some people and what they were told, the newest first."""

    counts: DeliveryCounts
    """Of all that `kind` and `message_id` leave, whatever `outcome` shows."""
    people: list[DeliveryView]
    next_cursor: int | None
    """Give it back as `cursor` for the next page; null on the last one."""


def delivery_routes(*, database: Database) -> APIRouter:
    """The endpoint under /api/events/{id}/delivery."""
    router = APIRouter(tags=["messages"], dependencies=[Depends(needs("read"))])

    @router.get("/api/events/{event_id}/delivery", responses={404: {"model": ProblemDetails}})
    async def read_delivery(
        event_id: UUID,
        language: ReadLanguage,
        outcome: Annotated[
            Outcome | Literal["all"], Query(description="`open`: it may still arrive.")
        ] = "not_reached",
        kind: Annotated[NoticeKind | None, Query(description="Only these notices.")] = None,
        message_id: Annotated[UUID | None, Query(description="Only this message.")] = None,
        cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=PEOPLE_PER_PAGE_MAX)] = PEOPLE_PER_PAGE,
    ) -> DeliveryPage:
        """Who has not received what, and why, in words. Dialogues are not in it."""

        async def read(connection: AsyncConnection) -> DeliveryPage | None:
            if await find_view(connection, event_id) is None:
                return None
            found = await list_deliveries(
                connection,
                event_id=event_id,
                kind=kind,
                message_id=message_id,
                outcome=None if outcome == "all" else outcome,
                before=cursor,
                limit=limit + 1,
                language=language,
            )
            count = partial(count_deliveries, event_id=event_id, kind=kind, message_id=message_id)
            return DeliveryPage(
                counts=await count(connection),
                people=[view for _, view in found[:limit]],
                next_cursor=found[limit - 1][0] if len(found) > limit else None,
            )

        page = await database.run(read)
        if page is None:
            raise refusal("unknown-event")
        return page

    return router
