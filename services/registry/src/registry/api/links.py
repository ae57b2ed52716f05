"""Links and a poster that lead people to an event."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.accounts import Accounts
from registry.api.access import needs
from registry.api.answers import refusal
from registry.api.problems import Problem, ProblemDetails, invalid
from registry.database import Database
from registry.event_store import find_view
from registry.links import EventLinks, Language, links_of
from registry.poster.words import Poster
from registry.results import EventView
from runtime.failures import Unavailable

POSTER_SECONDS_MAX = 15.0
POSTERS_WAITING_MAX = 8
"""Drawing one takes a second; more than these at once are asked to come back."""

TextLanguage = Annotated[
    Language, Query(description="The language of what people read: `en` or `ru`.")
]
_RESPONSES: dict[int | str, dict[str, Any]] = {404: {"model": ProblemDetails}}
_PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One page of A4",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def link_routes(*, database: Database, accounts: Accounts) -> APIRouter:
    """The endpoints /api/events/{id}/links and …/poster.pdf."""
    router = APIRouter(
        prefix="/api/events/{event_id}", tags=["links"], dependencies=[Depends(needs("read"))]
    )
    links = _Links(database=database, accounts=accounts)
    router.get("/links", responses=_RESPONSES)(links.read_links)
    router.get("/poster.pdf", response_class=Response, responses=_RESPONSES | _PDF)(
        links.print_poster
    )
    return router


class _Links:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(self, *, database: Database, accounts: Accounts) -> None:
        self._database = database
        self._accounts = accounts
        # One thread: drawing is work for a processor, and must not take it from the chats.
        self._printer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="poster")
        self._waiting = 0

    async def read_links(self, event_id: UUID, language: TextLanguage = "en") -> EventLinks:
        """The links that open a chat at this event; a draft has them too."""
        return await self._links(await self._find(event_id), language)

    async def print_poster(self, event_id: UUID, language: TextLanguage = "en") -> Response:
        """A poster to print: title, time, place, a QR code for each platform, and the code."""
        event = await self._find(event_id)
        links = await self._links(event, language)
        poster = Poster(
            title=event.title,
            starts_at=event.starts_at,
            timezone=event.timezone,
            location=event.location,
            links=links,
            language=language,
        )
        return Response(
            await self._print(poster),
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="poster-{event.code}.pdf"'},
        )

    async def _print(self, poster: Poster) -> bytes:
        if self._waiting >= POSTERS_WAITING_MAX:
            raise Unavailable("The poster printer is busy and")
        self._waiting += 1
        try:
            async with asyncio.timeout(POSTER_SECONDS_MAX):
                return await asyncio.get_running_loop().run_in_executor(
                    self._printer, _draw, poster
                )
        except TimeoutError as error:
            raise Unavailable("The poster printer is busy and") from error
        finally:
            self._waiting -= 1

    async def _links(self, event: EventView, language: Language) -> EventLinks:
        links = links_of(event.code, event.title, await self._accounts.known(), language)
        if links.telegram is None and links.whatsapp is None:
            raise Problem(
                503,
                "accounts-unknown",
                "Nobody has said yet what our bot and number are called",
                "The notifier asks Telegram and WhatsApp. It does not answer, or its tokens are "
                "not taken: look at its /health/ready, and send the same request again.",
                headers={"Retry-After": "10"},
            )
        return links

    async def _find(self, event_id: UUID) -> EventView:
        async def find(connection: AsyncConnection) -> EventView | None:
            return await find_view(connection, event_id)

        event = await self._database.run(find)
        if event is None:
            raise refusal("unknown-event")
        return event


def _draw(poster: Poster) -> bytes:
    # Imported by the first poster: the library costs memory that most processes never need.
    from registry.poster.drawing import Undrawable, draw  # noqa: PLC0415

    try:
        return draw(poster)
    except Undrawable as error:
        raise invalid("title", str(error)) from error
