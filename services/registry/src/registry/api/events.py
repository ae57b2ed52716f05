"""Creating, reading, changing and cancelling events."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AwareDatetime, BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import CancelEvent, ChangeEvent, CreateEvent, EventDetails, EventStatus, derived_id
from registry.api.access import Caller, needs
from registry.api.answers import CommandStatus, etag, refusal, version_of, written
from registry.api.bodies import Cancellation, EventChanges, NewEvent
from registry.api.commanding import Call, Commander, read_call
from registry.api.pages import decode_cursor, encode_cursor
from registry.api.problems import ProblemDetails
from registry.database import Database
from registry.event_store import find_view, list_views
from registry.results import EventView
from runtime.clock import Clock

EVENTS_PER_PAGE, EVENTS_PER_PAGE_MAX = 50, 200

_CHANGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": CommandStatus, "description": "Not carried out yet; ask at Location"},
    404: {"model": ProblemDetails},
    409: {"model": ProblemDetails},
}


class EventPage(BaseModel):
    """Some events, the latest start first."""

    events: list[EventView]
    next_cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


def event_routes(*, database: Database, commander: Commander, clock: Clock) -> APIRouter:
    """The endpoints under /api/events that are about events themselves."""
    router = APIRouter(prefix="/api/events", tags=["events"])
    events = _Events(database=database, commander=commander, clock=clock)
    change: dict[str, Any] = {"response_model": EventView, "responses": _CHANGE_RESPONSES}
    # Whoever stands at the door has to see which event it is.
    read = [Depends(needs("read", "check-in"))]
    router.post("", status_code=201, **change)(events.create_event)
    router.get("", dependencies=read)(events.list_events)
    router.get("/{event_id}", dependencies=read, responses={404: {"model": ProblemDetails}})(
        events.read_event
    )
    router.patch("/{event_id}", **change)(events.change_event)
    router.post("/{event_id}/cancel", **change)(events.cancel_event)
    return router


Organiser = Annotated[Caller, Depends(needs("write"))]
TheCall = Annotated[Call, Depends(read_call)]


class _Events:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(self, *, database: Database, commander: Commander, clock: Clock) -> None:
        self._database = database
        self._commander = commander
        self._clock = clock

    async def create_event(
        self, body: NewEvent, call: TheCall, caller: Organiser, response: Response
    ) -> EventView | Response:
        """Add an event. A draft is seen by nobody until its status is `published`."""

        async def command() -> CreateEvent:
            if body.starts_at <= self._clock.now():
                raise refusal("past-start")
            return CreateEvent(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=derived_id(call.command_id, "event"),
                details=EventDetails(**body.model_dump()),
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return written(found, call.command_id, response, status=201)

    async def list_events(
        self,
        status: EventStatus | None = None,
        starts_from: AwareDatetime | None = None,
        starts_before: AwareDatetime | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=EVENTS_PER_PAGE_MAX)] = EVENTS_PER_PAGE,
    ) -> EventPage:
        """Events, the latest start first: what lies ahead before what is over."""
        events = await self._database.run(
            partial(
                list_views,
                after=decode_cursor(cursor),
                limit=limit + 1,
                status=status,
                starts_from=starts_from,
                starts_before=starts_before,
            )
        )
        last = events[limit - 1] if len(events) > limit else None
        return EventPage(
            events=events[:limit],
            next_cursor=encode_cursor((last.starts_at, last.id)) if last else None,
        )

    async def read_event(self, event_id: UUID, response: Response) -> EventView:
        """One event with its figures; its ETag is needed to change it."""
        event = await self._find(event_id)
        response.headers["ETag"] = etag(event.version)
        return event

    async def change_event(
        self,
        event_id: UUID,
        body: EventChanges,
        call: TheCall,
        caller: Organiser,
        response: Response,
        if_match: Annotated[str | None, Header(description="The ETag you have read.")] = None,
    ) -> EventView | Response:
        """Change an event. Lowering the capacity drops nobody; it only stops new registrations."""
        version = version_of(if_match)

        async def command() -> ChangeEvent:
            event = await self._find(event_id)
            if event.version != version:
                raise refusal("stale")
            if event.status in ("cancelled", "finished"):
                raise refusal(event.status)
            if body.starts_at is not None and body.starts_at <= self._clock.now():
                raise refusal("past-start")
            as_read = event.model_dump(include=set(EventDetails.model_fields))
            return ChangeEvent(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=event_id,
                expected_version=version,
                details=EventDetails(**as_read | body.model_dump(exclude_unset=True)),
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return written(found, call.command_id, response)

    async def cancel_event(
        self,
        event_id: UUID,
        call: TheCall,
        caller: Organiser,
        response: Response,
        body: Cancellation | None = None,
    ) -> EventView | Response:
        """Call an event off. Everybody who has a seat is told at once."""

        async def command() -> CancelEvent:
            await self._find(event_id)
            return CancelEvent(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=event_id,
                reason=body.reason if body else None,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return written(found, call.command_id, response)

    async def _find(self, event_id: UUID) -> EventView:
        async def find(connection: AsyncConnection) -> EventView | None:
            return await find_view(connection, event_id)

        event = await self._database.run(find)
        if event is None:
            raise refusal("unknown-event")
        return event
