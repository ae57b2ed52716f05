"""Problem details (RFC 9457): what went wrong, in sentences that one can act on."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from runtime.failures import Retry, Unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2


class ProblemDetails(BaseModel):
    """The body of every answer that is not a success."""

    type: str = Field(examples=["urn:turnout:problem:stale"])
    title: str
    status: int
    detail: str
    """What happened and what to do about it."""
    errors: list[dict[str, str]] | None = None
    """For 422: one entry per field."""


class Problem(Exception):
    """An answer that is not a success."""

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
        extensions: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.headers = headers
        self.extensions = extensions or {}
        """Further members of the body (RFC 9457, 3.2): what a program wants to read."""
        self.details = ProblemDetails(
            type=f"urn:turnout:problem:{name}",
            title=title,
            status=status,
            detail=detail,
            errors=errors,
        )


def invalid(field: str, detail: str) -> Problem:
    """One field that cannot be taken as it is."""
    return Problem(
        422,
        "invalid",
        "The request cannot be taken as it is",
        f"{field}: {detail}",
        errors=[{"field": field, "detail": detail}],
    )


def unavailable(what: str) -> Problem:
    """Something we need is away; the same request may be sent again."""
    return Problem(
        503,
        "unavailable",
        "Not available at the moment",
        f"{what} does not answer. Send the same request again in a moment, with the same "
        "Idempotency-Key if it was a change.",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    )


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetails, "description": description}
    for status, description in {
        401: "No valid token",
        403: "The token has none of the scopes that this needs",
        422: "A field cannot be taken as it is",
        503: "Database or broker away; send again",
    }.items()
}
"""What every endpoint may answer, for the OpenAPI document."""


def install(app: FastAPI) -> None:
    """Answer every failure of this application as problem details."""

    async def problem(_request: Request, error: Exception) -> JSONResponse:
        return _response(_as_problem(error))

    for kind in (Problem, RequestValidationError, HTTPException, Unavailable, Retry):
        app.add_exception_handler(kind, problem)


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        errors = [_field_error(one) for one in error.errors()]
        return Problem(
            422,
            "invalid",
            "The request cannot be taken as it is",
            " ".join(f"{one['field']}: {one['detail']}" for one in errors),
            errors=errors,
        )
    if isinstance(error, Unavailable):
        return unavailable(error.what)
    if isinstance(error, HTTPException):
        return Problem(
            error.status_code, "http", error.detail, error.detail, headers=dict(error.headers or {})
        )
    return unavailable("the database")


def _field_error(error: dict[str, Any]) -> dict[str, str]:
    # The place begins with "body", "query", "path" or "header", which says little to a person.
    field = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    if error["type"] == "json_invalid":
        return {"field": "body", "detail": "This is not JSON."}
    if error["type"] == "model_attributes_type":
        return {"field": field, "detail": "Send an object, with Content-Type: application/json."}
    if error["type"] == "missing":
        return {"field": field, "detail": "This is required."}
    if error["type"] == "extra_forbidden":
        return {"field": field, "detail": "There is no such field; is it a misspelling?"}
    detail = str(error["msg"]).removeprefix("Value error, ")
    return {"field": field, "detail": detail if detail.endswith(".") else f"{detail}."}


def _response(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.extensions | problem.details.model_dump(exclude_none=True),
        status_code=problem.details.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )
