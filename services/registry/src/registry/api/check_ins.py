"""The door: a ticket is shown, and only the first time it is a welcome."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from contracts import CheckIn, UndoCheckIn
from contracts.organising import REASON_CHARACTERS_MAX
from registry.api.access import Caller, needs
from registry.api.answers import refusal, registration_written
from registry.api.bodies import Scan
from registry.api.commanding import Call, Commander, read_call
from registry.api.problems import Problem, ProblemDetails
from registry.api.registrations import CHANGE_RESPONSES
from registry.database import Database
from registry.registration_views import RegistrationView
from registry.results import CheckedIn, WriteRefused
from registry.tickets import Tickets
from runtime.clock import Clock

AT_THE_DOOR = Annotated[Caller, Depends(needs("check-in", "write"))]
TheCall = Annotated[Call, Depends(read_call)]


def check_in_routes(
    *, database: Database, commander: Commander, clock: Clock, tickets: Tickets
) -> APIRouter:
    """The endpoints under /api/events/{id}/check-ins."""
    router = APIRouter(prefix="/api/events/{event_id}/check-ins", tags=["check-ins"])
    door = _Door(database=database, commander=commander, clock=clock, tickets=tickets)
    router.post(
        "",
        status_code=201,
        response_model=RegistrationView,
        responses=CHANGE_RESPONSES
        | {409: {"model": ProblemDetails, "description": "Not to be let in, and why"}},
    )(door.check_in)
    router.delete("/{ticket}", response_model=RegistrationView, responses=CHANGE_RESPONSES)(
        door.undo_check_in
    )
    return router


class _Door:
    """The endpoints; their names and first sentences are those of the OpenAPI document."""

    def __init__(
        self, *, database: Database, commander: Commander, clock: Clock, tickets: Tickets
    ) -> None:
        self._database = database
        self._commander = commander
        self._clock = clock
        self._tickets = tickets

    async def check_in(
        self, event_id: UUID, body: Scan, call: TheCall, caller: AT_THE_DOOR, response: Response
    ) -> RegistrationView | Response:
        """Let somebody in. 201 is a welcome; a ticket that was shown before is a 409 that says
        when and where, so that a scanner that looks at nothing but the status lets nobody in twice.
        """
        registration_id = self._read(body.ticket)

        async def command() -> CheckIn:
            return CheckIn(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=event_id,
                registration_id=registration_id,
                scanned_at=body.scanned_at,
                scanner=body.scanner,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        match found.result if found is not None else None:
            case CheckedIn(first=False) as seen:
                raise _already_in(seen)
            case WriteRefused(reason="unknown-registration"):
                raise _of_another_event()
        return await registration_written(found, call, response, self._database, status=201)

    async def undo_check_in(
        self,
        event_id: UUID,
        ticket: str,
        call: TheCall,
        caller: AT_THE_DOOR,
        response: Response,
        reason: Annotated[str | None, Query(max_length=REASON_CHARACTERS_MAX)] = None,
    ) -> RegistrationView | Response:
        """Take a check-in back; the audit keeps both."""
        registration_id = self._read(ticket)

        async def command() -> UndoCheckIn:
            return UndoCheckIn(
                id=call.command_id,
                occurred_at=self._clock.now(),
                correlation_id=call.correlation_id,
                event_id=event_id,
                registration_id=registration_id,
                reason=reason,
                by=caller.by,
            )

        found = await self._commander.once(call, command)
        return await registration_written(found, call, response, self._database)

    def _read(self, ticket: str) -> UUID:
        registration_id = self._tickets.check(ticket.strip())
        if registration_id is None:
            raise Problem(
                422,
                "not-a-ticket",
                "This is not one of our tickets",
                "The code is damaged, or somebody made it up. Look the person up by name.",
            )
        return registration_id


def _already_in(seen: CheckedIn) -> Problem:
    where = f", {seen.by}" if seen.by else ""
    return Problem(
        409,
        "already-in",
        "Somebody came in with this ticket before",
        f"First shown at {seen.at:%H:%M} UTC on {seen.at:%d %B}{where}.",
        extensions={
            "registration_id": str(seen.registration_id),
            "checked_in_at": seen.at.isoformat(),
            "checked_in_by": seen.by,
        },
    )


def _of_another_event() -> Problem:
    known = refusal("unknown-registration").details
    return Problem(
        known.status,
        "ticket-of-another-event",
        "This ticket is for another event",
        "It is genuine, but not for this door. GET /api/registrations/{id} says which event.",
    )
