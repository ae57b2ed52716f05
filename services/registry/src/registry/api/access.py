"""Who may use the organiser API."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from registry.api.problems import Problem, unavailable
from runtime.health import Health

_bearer = HTTPBearer(auto_error=False, description="ADMIN_TOKEN")


def organisers_only(admin_token: SecretStr) -> Callable[..., Awaitable[None]]:
    """A dependency that lets in whoever has the token."""
    expected = admin_token.get_secret_value().encode()

    async def check(
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> None:
        # In constant time: the time of a comparison must not tell how much of a guess is right.
        if given is None or not hmac.compare_digest(given.credentials.encode(), expected):
            raise Problem(
                401,
                "unauthorized",
                "This needs an organiser's token",
                "Send `Authorization: Bearer <token>` with the value of ADMIN_TOKEN.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check


def started_only(health: Health) -> Callable[[], Awaitable[None]]:
    """A dependency that asks callers to wait until there is a broker to publish to."""

    async def check() -> None:
        if not health.started:
            raise unavailable("The registry is still starting and")

    return check
