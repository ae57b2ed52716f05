"""Registrations: who they are, and what organisers do with them."""

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    AddRegistration,
    CancelRegistration,
    MoveRegistration,
    RegistrationStatus,
    ResendTicket,
)
from registry.api.access import Caller, needs
from registry.api.answers import CommandStatus, refusal, registration_written
from registry.api.bodies import Cancellation, Move, NewRegistration
from registry.api.commanding import Call, Commander, read_call
from registry.api.pages import decode_cursor, encode_cursor
from registry.api.problems import ProblemDetails
from registry.api.spreadsheet import lines
from registry.database import Database
from registry.registration_views import RegistrationView, find_registration, list_registrations
from registry.tables import EventRow, Registration
from runtime.clock import Clock

REGISTRATIONS_PER_PAGE, REGISTRATIONS_PER_PAGE_MAX = 100, 500

CHANGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": CommandStatus, "description": "Not carried out yet; ask at Location"},
    404: {"model": ProblemDetails},
    409: {"model": ProblemDetails},
}


class RegistrationPage(BaseModel):
    """Some registrations, in the order in which they were made."""

    registrations: list[RegistrationView]
    next_cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


def registration_routes(*, database: Database, commander: Commander, clock: Clock) -> APIRouter:
    """The endpoints under /api/events/{id}/registrations and /api/registrations."""
    router = APIRouter(tags=["registrations"], responses={404: {"model": ProblemDetails}})
    routes = _Registrations(database=database, commander=commander, clock=clock)
    of_event = "/api/events/{event_id}/registrations"
    one = "/api/registrations/{registration_id}"
    read = [Depends(needs("read"))]
    change: dict[str, Any] = {"response_model": RegistrationView, "responses": CHANGE_RESPONSES}
    router.get(of_event, dependencies=read)(routes.list_registrations)
    router.get(f"{of_event}.csv", dependencies=read, response_class=StreamingResponse)(
        routes.export_registrations
    )
    router.post(of_event, status_code=201, **change)(routes.add_registration)
    router.get(one, dependencies=read)(routes.read_registration)
    router.post(f"{one}/cancel", **change)(routes.cancel_registration)
    router.post(f"{one}/move", **change)(routes.move_registration)
    router.post(f"{one}/resend", **change)(routes.resend_ticket)
    return router


Organiser = Annotated[Caller, Depends(needs("write"))]
TheCall = Annotated[Call, Depends(read_call)]


class _Registrations:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(self, *, database: Database, commander: Commander, clock: Clock) -> None:
        self._database = database
        self._commander = commander
        self._clock = clock

    async def list_registrations(
        self,
        event_id: UUID,
        status: RegistrationStatus | None = None,
        registered_via: Literal["telegram", "whatsapp", "organiser"] | None = None,
        checked_in: bool | None = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=REGISTRATIONS_PER_PAGE_MAX)] = REGISTRATIONS_PER_PAGE,
    ) -> RegistrationPage:
        """Who registered, in the order in which they did. All filters together must hold."""
        await self._must_exist(event_id)
        found = await self._database.run(
            partial(
                list_registrations,
                event_id=event_id,
                status=status,
                registered_via=registered_via,
                checked_in=checked_in,
                after=decode_cursor(cursor),
                limit=limit + 1,
            )
        )
        last = found[limit - 1] if len(found) > limit else None
        return RegistrationPage(
            registrations=found[:limit],
            next_cursor=encode_cursor((last.created_at, last.id)) if last else None,
        )

    async def export_registrations(
        self, event_id: UUID, status: RegistrationStatus | None = None
    ) -> StreamingResponse:
        """The same as a CSV file, however long."""
        await self._must_exist(event_id)
        return StreamingResponse(
            lines(self._database, event_id, status, page_rows=REGISTRATIONS_PER_PAGE_MAX),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{event_id}.csv"'},
        )

    async def read_registration(self, registration_id: UUID) -> RegistrationView:
        """One registration."""
        view = await self._database.run(partial(find_registration, registration_id=registration_id))
        if view is None:
            raise refusal("unknown-registration")
        return view

    async def add_registration(
        self,
        event_id: UUID,
        body: NewRegistration,
        call: TheCall,
        caller: Organiser,
        response: Response,
    ) -> RegistrationView | Response:
        """Register somebody by hand. A full event puts them in line, like anybody."""

        async def command() -> AddRegistration:
            await self._must_exist(event_id)
            return AddRegistration(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=event_id,
                name=body.name,
                email_claimed=body.email,
                language=body.language,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return await registration_written(found, call, response, self._database, status=201)

    async def cancel_registration(
        self,
        registration_id: UUID,
        call: TheCall,
        caller: Organiser,
        response: Response,
        body: Cancellation | None = None,
    ) -> RegistrationView | Response:
        """End a registration; a seat goes to who waits first. The person is told."""

        async def command() -> CancelRegistration:
            return CancelRegistration(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=await self._event_of(registration_id),
                registration_id=registration_id,
                address=None,
                by=caller.by,
                reason=body.reason if body else None,
            )

        found = await self._commander.once(call, command)
        return await registration_written(found, call, response, self._database)

    async def move_registration(
        self,
        registration_id: UUID,
        body: Move,
        call: TheCall,
        caller: Organiser,
        response: Response,
    ) -> RegistrationView | Response:
        """Give somebody who waits a seat or another place in line, or the other way round."""

        async def command() -> MoveRegistration:
            return MoveRegistration(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=await self._event_of(registration_id),
                registration_id=registration_id,
                to=body.to,
                place=body.place,
                reason=body.reason,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return await registration_written(found, call, response, self._database)

    async def resend_ticket(
        self, registration_id: UUID, call: TheCall, caller: Organiser, response: Response
    ) -> RegistrationView | Response:
        """Tell somebody once more what they have: a ticket, an offer or a place in line."""

        async def command() -> ResendTicket:
            return ResendTicket(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=await self._event_of(registration_id),
                registration_id=registration_id,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return await registration_written(found, call, response, self._database)

    async def _must_exist(self, event_id: UUID) -> None:
        async def find(connection: AsyncConnection) -> UUID | None:
            return await connection.scalar(select(EventRow.id).where(EventRow.id == event_id))

        if await self._database.run(find) is None:
            raise refusal("unknown-event")

    async def _event_of(self, registration_id: UUID) -> UUID:
        async def find(connection: AsyncConnection) -> UUID | None:
            query = select(Registration.event_id).where(Registration.id == registration_id)
            return await connection.scalar(query)

        event_id = await self._database.run(find)
        if event_id is None:
            raise refusal("unknown-registration")
        return event_id
