"""Health: alive, ready, and why not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from runtime.clock import Clock

PROBE_SECONDS_MAX = 2.0

Probe = Callable[[], Awaitable[None]]
Detail = Callable[[], Awaitable[object]]


@dataclass
class Health:
    """What this process knows of its own state."""

    service: str
    replica: int
    clock: Clock
    started: bool = False
    stopping: bool = False
    probes: dict[str, Probe] = field(default_factory=dict)
    details: dict[str, Detail] = field(default_factory=dict)
    """What is worth seeing beside ready or not; it never makes a service unready."""
    missing: dict[str, int] = field(default_factory=dict)
    """What handlers wait for at this moment, and how many of them."""
    starting_problem: str | None = None

    def lost(self, what: str) -> None:
        """A handler began to wait for `what`."""
        self.missing[what] = self.missing.get(what, 0) + 1

    def found(self, what: str) -> None:
        """A handler no longer waits for `what`."""
        count = self.missing.get(what, 0) - 1
        if count > 0:
            self.missing[what] = count
        else:
            self.missing.pop(what, None)

    async def failures(self) -> dict[str, str]:
        """What keeps this service from doing its work, by name; empty when it is ready."""
        failed = dict.fromkeys(self.missing, "is unavailable")
        if self.stopping:
            failed["service"] = "is stopping"
        elif not self.started:
            failed["service"] = self.starting_problem or "is starting"
        else:
            names = list(self.probes)
            results = await asyncio.gather(*(self._probe(name) for name in names))
            failed |= {
                name: text for name, text in zip(names, results, strict=True) if text is not None
            }
        return failed

    async def shown(self) -> dict[str, object]:
        """The details; what cannot be told at the moment is None."""
        names = list(self.details) if self.started else []
        found = await asyncio.gather(*(self._detail(name) for name in names))
        return dict(zip(names, found, strict=True))

    async def _detail(self, name: str) -> object:
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                return await self.details[name]()
        except Exception:  # noqa: BLE001 - whatever it is, the probes tell what matters
            return None

    async def _probe(self, name: str) -> str | None:
        try:
            async with asyncio.timeout(PROBE_SECONDS_MAX):
                await self.probes[name]()
        except TimeoutError:
            return f"did not answer within {PROBE_SECONDS_MAX:g} s"
        except Exception as error:  # noqa: BLE001 - a probe may fail in any way; that is its answer
            return str(error) or type(error).__name__
        return None


def routes(health: Health) -> APIRouter:
    """The endpoints that every service has."""
    router = APIRouter(include_in_schema=False)

    async def summary(response: Response) -> dict[str, object]:
        failed = await health.failures()
        response.status_code = 503 if failed else 200
        return {
            "status": "unavailable" if failed else "ok",
            "service": health.service,
            "replica": health.replica,
            "clock_offset_seconds": health.clock.offset_seconds,
            "failing": failed,
            **await health.shown(),
        }

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    router.add_api_route("/health", summary)
    router.add_api_route("/health/ready", summary)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
