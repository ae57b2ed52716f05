"""How outcomes are told over HTTP."""

from functools import partial
from typing import Literal
from uuid import UUID

from fastapi import Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from contracts import CancellationRefused, RegistrationReleased
from registry.api.commanding import Call
from registry.api.problems import Problem
from registry.database import Database
from registry.journal import HandledOutcome
from registry.messages.results import MessageRefused
from registry.registration_views import RegistrationView, find_registration
from registry.results import CheckedIn, EventView, EventWritten, RegistrationWritten, WriteRefused
from registry.rules import WriteRefusal

_REFUSALS: dict[WriteRefusal, tuple[int, str, str]] = {
    "unknown-event": (404, "There is no such event", "Check the id; GET /api/events lists all."),
    "stale": (
        412,
        "The event was changed since you read it",
        "GET it again, decide anew, and send If-Match with its new ETag.",
    ),
    "cancelled": (
        409,
        "The event is cancelled",
        "A cancelled event stays as it is. Create a new one if it takes place after all.",
    ),
    "finished": (409, "The event is over", "A finished event stays as it is."),
    "started": (409, "The event has started", "It can no longer be called off."),
    "past-start": (422, "The event would start in the past", "starts_at must lie in the future."),
    "unpublish": (
        409,
        "The event is published",
        "People may have registered, so it cannot become a draft again; it can be cancelled.",
    ),
    "bad-window": (
        422,
        "Nobody could ever register",
        "registration_opens_at must lie before registration_closes_at, that not after starts_at.",
    ),
    "unknown-registration": (
        404,
        "There is no such registration",
        "Check the id; GET /api/events/{id}/registrations lists all of an event.",
    ),
    "not-published": (409, "The event is not published", "Publish it first: PATCH its status."),
    "no-seat-left": (
        409,
        "Every seat is taken",
        "Raise max_participants, or move them to the front of the line: the next seat is theirs.",
    ),
    "line-full": (409, "The waiting list is full", "Raise max_participants."),
    "already-registered": (
        409,
        "Somebody with this e-mail address was added before",
        "One person has one seat. Leave the address out if it is somebody else.",
    ),
    "not-active": (
        409,
        "The registration has ended",
        "It stays as it is; add the person again if they come after all.",
    ),
    "not-confirmed": (
        409,
        "This ticket is worth nothing",
        "It was cancelled, handed on, still waits, or is held until an address is proven.",
    ),
    "checked-in": (
        409,
        "They have come in",
        "Take the check-in back first, if it was a mistake: DELETE the check-in.",
    ),
    "not-checked-in": (409, "They have not come in", "There is no check-in to take back."),
}


class CommandStatus(BaseModel):
    """What became of a change that took long."""

    id: UUID
    status: Literal["pending", "done", "refused", "failed"]
    """pending: no outcome yet, or no command has this id. failed: a fault of ours; set aside."""
    event: EventView | None = None
    registration_id: UUID | None = None
    reason: str | None = None
    """Why it was refused."""


def status_of(command_id: UUID, found: HandledOutcome | None) -> CommandStatus:
    """The status of a command, as far as it concerns organisers."""
    if found is None:
        return CommandStatus(id=command_id, status="pending")
    if found.failed:
        return CommandStatus(id=command_id, status="failed")
    match found.result:
        case EventWritten(event=event):
            return CommandStatus(id=command_id, status="done", event=event)
        case RegistrationWritten(registration_id=registration_id):
            return CommandStatus(id=command_id, status="done", registration_id=registration_id)
        case RegistrationReleased(registration_id=registration_id):
            return CommandStatus(id=command_id, status="done", registration_id=registration_id)
        case CheckedIn(registration_id=registration_id):
            return CommandStatus(id=command_id, status="done", registration_id=registration_id)
        case MessageRefused(reason=reason):
            return CommandStatus(id=command_id, status="refused", reason=reason)
        case WriteRefused(reason=reason) | CancellationRefused(reason=reason):
            return CommandStatus(id=command_id, status="refused", reason=reason)
    return CommandStatus(id=command_id, status="done")


def accepted(command_id: UUID) -> JSONResponse:
    """The change is safe in the stream, but not carried out yet."""
    return JSONResponse(
        status_of(command_id, None).model_dump(mode="json", exclude_none=True),
        status_code=202,
        headers={"Location": f"/api/commands/{command_id}", "Retry-After": "1"},
    )


def refusal(reason: WriteRefusal) -> Problem:
    """A refused change as a problem."""
    status, title, detail = _REFUSALS[reason]
    return Problem(status, reason, title, detail)


def written(
    found: HandledOutcome | None, command_id: UUID, response: Response, *, status: int = 200
) -> EventView | Response:
    """The answer to a change of an event.

    Raises:
        Problem: it was refused, or we failed.
    """
    if found is None:
        return accepted(command_id)
    match found.result:
        case EventWritten(event=event):
            response.status_code = status
            response.headers["ETag"] = etag(event.version)
            if status == 201:
                response.headers["Location"] = f"/api/events/{event.id}"
            return event
        case WriteRefused(reason=reason):
            raise refusal(reason)
    raise failed(command_id)


async def registration_written(
    found: HandledOutcome | None,
    call: Call,
    response: Response,
    database: Database,
    *,
    status: int = 200,
) -> RegistrationView | Response:
    """The answer to a change of a registration: how it stands now.

    Raises:
        Problem: it was refused, or we failed.
    """
    if found is None:
        return accepted(call.command_id)
    match found.result:
        case (
            RegistrationWritten(registration_id=registration_id)
            | RegistrationReleased(registration_id=registration_id)
            | CheckedIn(registration_id=registration_id)
        ):
            view = await database.run(partial(find_registration, registration_id=registration_id))
        case CancellationRefused(reason=reason):
            raise refusal(_CANCEL_REFUSALS[reason])
        case WriteRefused(reason=reason):
            raise refusal(reason)
        case _:
            view = None
    if view is None:
        raise failed(call.command_id)
    response.status_code = status
    if status == 201:
        response.headers["Location"] = f"/api/registrations/{view.id}"
    return view


_CANCEL_REFUSALS: dict[str, WriteRefusal] = {
    "not-yours": "unknown-registration",
    "started": "started",
    "checked-in": "checked-in",
}


def failed(command_id: UUID) -> Problem:
    """A command was set aside through a fault of ours."""
    return Problem(
        500,
        "failed",
        "This could not be carried out",
        f"The fault is ours. The operator finds the command {command_id} among the dead letters.",
    )


def etag(version: int) -> str:
    """The ETag of an event's version."""
    return f'"{version}"'


def version_of(if_match: str | None) -> int:
    """The version that `If-Match` names.

    Raises:
        Problem: it is missing (428) or was never an ETag of ours (412).
    """
    if if_match is None:
        raise Problem(
            428,
            "if-match-missing",
            "Say which version you are changing",
            "GET the event first and send its ETag as If-Match, "
            "so that you do not overwrite what somebody else has just changed.",
        )
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise refusal("stale")
    return int(digits)
