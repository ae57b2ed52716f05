"""Ending a connection without an answer, which no web framework offers."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TRANSPORT_KEY = "simulator.transport"
CLOSE_SECONDS_MAX = 5.0


class KnowsItsConnection:
    """Outermost ASGI layer: keeps uvicorn's transport where `drop_connection` finds it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, with the transport in the scope."""
        if scope["type"] == "http":
            # uvicorn's `send` is a bound method of the object that holds the transport.
            scope[TRANSPORT_KEY] = getattr(getattr(send, "__self__", None), "transport", None)
        await self._app(scope, receive, send)


async def drop_connection(request: Request) -> None:
    """Close the connection of this request; whatever is returned afterwards reaches nobody."""
    transport: Any = request.scope.get(TRANSPORT_KEY)
    if transport is None:
        raise RuntimeError("The server does not let the simulator close a connection.")
    transport.close()
    await wait_for_disconnect(request, CLOSE_SECONDS_MAX)


async def wait_for_disconnect(request: Request, seconds_max: float) -> None:
    """Wait until the other side is gone, for at most `seconds_max`."""

    async def gone() -> None:
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await request.receive()

    try:
        await asyncio.wait_for(gone(), seconds_max)
    except TimeoutError:
        return
