"""The process around a service: HTTP, signals, and the exit code."""

import asyncio
from collections.abc import Callable
from types import FrameType
from typing import Literal, Protocol

import uvicorn
from pydantic import ValidationError
from starlette.datastructures import State
from starlette.types import Receive, Scope, Send

from runtime.service import Service
from runtime.settings import Misconfigured


class Application(Protocol):
    """An ASGI application that a service was built into."""

    state: State
    """Its `service` is ours."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""


class _Server(uvicorn.Server):
    """Fails readiness first, and closes the door when load balancers have noticed."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: an orderly stop. Second: at once.

        uvicorn's own would raise the signal again afterwards, and an orderly stop is no failure.
        """
        if self._service.health.stopping:
            self.should_exit = self.force_exit = True
            return
        self._service.begin_stop()
        asyncio.get_running_loop().call_later(self._service.settings.drain_seconds, self._leave)

    def _leave(self) -> None:
        self.should_exit = True


def serve(
    create_app: Callable[[], Application],
    *,
    http: type[asyncio.Protocol] | Literal["auto"] = "auto",
) -> None:
    """Run a service until SIGTERM or SIGINT.

    `http` is what stands between a connection and the application, if it is not uvicorn's own.

    Exits with 1 and a sentence if a setting is missing, or if it could not start.
    """
    try:
        app = create_app()
    except Misconfigured as error:
        raise SystemExit(f"cannot start: {error}") from None
    except ValidationError as error:
        raise SystemExit(f"cannot start: {Misconfigured.because_of(error)}") from None
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=service.settings.http_host,
        port=service.settings.http_port,
        http=http,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(service.settings.stop_seconds_max),
    )
    server = _Server(config, service)
    server.run()
    if service.failed or not server.started:
        raise SystemExit(1)
