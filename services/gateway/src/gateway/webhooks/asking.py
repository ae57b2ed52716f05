"""Calls to a platform's API whose failures tell nothing secret.

Telegram's token is in the path, and httpx puts the URL into its exceptions: none of them leaves
this module, not even as the context of another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpx

from gateway.payload import JsonObject

ANSWER_SECONDS_MAX = 10.0
PAUSE_SECONDS_MAX = 10.0
"""A longer pause that a platform asks for is not waited for, but told."""
ATTEMPTS_MAX = 4

T = TypeVar("T")


class Away(Exception):
    """The platform's API does not answer as it should; the message says how, without the URL."""


class Busy(Exception):
    """The platform asks for a pause of `after_seconds` (429), or another call came first (409)."""

    def __init__(self, says: str, after_seconds: float) -> None:
        super().__init__(says)
        self.after_seconds = after_seconds


def client() -> httpx.AsyncClient:
    """A client for the platforms; redirects are not followed, for they would take the token."""
    return httpx.AsyncClient(
        timeout=ANSWER_SECONDS_MAX,
        follow_redirects=False,
        # A proxy of the environment may be the way to the platforms, but never to the simulator.
        mounts={"all://127.0.0.1": None, "all://localhost": None},
    )


async def ask(
    http: httpx.AsyncClient, method: str, url: str, **options: Any
) -> tuple[httpx.Response, JsonObject]:
    """The answer and its JSON object, whatever its status below 500.

    Raises:
        Away: no connection, no answer in time, a server's error, or no JSON.
    """
    says: str | None = None
    try:
        answer = await http.request(method, url, **options)
    except httpx.TimeoutException:
        says = f"no answer within {ANSWER_SECONDS_MAX:g} s"
    except httpx.ConnectError:
        says = "no connection"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        says = f"no answer ({type(error).__name__})"
    if says is not None:
        raise Away(says)
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise Away(f"it answers {answer.status_code}")
    body: Any = None
    with suppress(ValueError):
        body = answer.json()
    if not isinstance(body, dict):
        raise Away(f"it answers {answer.status_code} with something that is no JSON object")
    return answer, body


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """What `call()` gives, called again after the pauses that the platform asks for.

    Raises:
        Away: it still asks for one, or for one that is too long.
    """
    says = ""
    for _ in range(ATTEMPTS_MAX):
        try:
            return await call()
        except Busy as busy:
            says, after_seconds = str(busy), busy.after_seconds
        if after_seconds > PAUSE_SECONDS_MAX:
            break
        await asyncio.sleep(after_seconds)
    raise Away(says)
