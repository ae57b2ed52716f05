"""Who may use the organiser API, and for what."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from contracts import Scope
from registry.access_tokens import ALL_SCOPES, AccessTokens, Fault, read_token
from registry.api.problems import Problem, unavailable
from runtime.health import Health

_bearer = HTTPBearer(
    auto_error=False,
    description="ADMIN_TOKEN, which may do everything, or a token of `/api/tokens` that has one of "
    "the scopes that the operation names: `read`, `write`, `check-in`, `admin`.",
)
_FAULTS: dict[Fault, tuple[str, str]] = {
    "unknown": (
        "This needs an organiser's token",
        "Send `Authorization: Bearer <token>` with an API token or the value of ADMIN_TOKEN.",
    ),
    "revoked": (
        "This token was revoked",
        "Ask whoever has ADMIN_TOKEN for another one (POST /api/tokens).",
    ),
    "expired": (
        "This token has expired",
        "Ask whoever has ADMIN_TOKEN for another one (POST /api/tokens).",
    ),
}

Given = HTTPAuthorizationCredentials | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request."""

    by: str
    """`admin` or the id of a token; goes into commands and the audit."""
    scopes: frozenset[Scope]


def identified(
    admin_token: SecretStr, tokens: AccessTokens
) -> Callable[[Request, Given], Awaitable[None]]:
    """A dependency that lets in whoever has a token; what for, `needs` says route by route."""
    expected = admin_token.get_secret_value().encode()

    async def identify(request: Request, given: Annotated[Given, Depends(_bearer)]) -> None:
        text = given.credentials if given else ""
        # In constant time: the time of a comparison must not tell how much of a guess is right.
        if hmac.compare_digest(text.encode(), expected):
            request.state.caller = Caller(by="admin", scopes=frozenset(ALL_SCOPES))
            return
        if (token := read_token(text)) is None:
            raise _unauthorized("unknown")
        found = await tokens.recognise(*token)
        if not isinstance(found, frozenset):
            raise _unauthorized(found)
        request.state.caller = Caller(by=str(token[0]), scopes=found)

    return identify


def needs(*scopes: Scope) -> Callable[[Request, Given], Awaitable[Caller]]:
    """A dependency that lets pass whoever has one of `scopes`, and says who it is.

    A route names its scopes with `Depends(needs("read"))`, or takes the caller with
    `caller: Annotated[Caller, Depends(needs("write"))]`. It stands behind `identified`.
    """

    async def check(
        request: Request,
        # `identified` looks at it. It is named here so that the OpenAPI document tells the scopes.
        given: Annotated[Given, Security(_bearer, scopes=list(scopes))],  # noqa: ARG001
    ) -> Caller:
        caller: Caller = request.state.caller
        if caller.scopes.isdisjoint(scopes):
            raise missing(*scopes)
        return caller

    return check


def missing(*scopes: Scope) -> Problem:
    """The token is good, but not for this."""
    wanted = " or ".join(f"`{scope}`" for scope in scopes)
    return Problem(
        403,
        "scope-missing",
        "This token may not do that",
        f"It lacks the scope {wanted}. Ask whoever has ADMIN_TOKEN for a token that has it "
        "(POST /api/tokens).",
    )


def _unauthorized(fault: Fault) -> Problem:
    title, detail = _FAULTS[fault]
    return Problem(401, "unauthorized", title, detail, headers={"WWW-Authenticate": "Bearer"})


def started_only(health: Health) -> Callable[[], Awaitable[None]]:
    """A dependency that asks callers to wait until there is a broker to publish to."""

    async def check() -> None:
        if not health.started:
            raise unavailable("The registry is still starting and")

    return check
