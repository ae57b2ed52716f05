"""Business time of the installation: real time plus an offset that testers advance.

The offset travels to the services through one file; the simulator only writes that file and
then asks each service's `/health` until all show the new number.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

SERVICES_WITH_A_CLOCK = frozenset(
    {"gateway", "conversation", "registry", "notifier", "scheduler", "console"}
)
SERVICES_WAIT_SECONDS_MAX = 10.0
SERVICES_POLL_SECONDS = 0.1
OFFSET_TOLERANCE_SECONDS = 0.001


class ServicesLag(Exception):
    """Some services did not show the new offset in time; the message names them."""


class Clock:
    """Business time. Limits and retry waits do not use it: they run in real time."""

    def __init__(self, clock_file: str | None = None, state_file: str | None = None) -> None:
        self._clock_file = Path(clock_file) if clock_file else None
        self._state_file = Path(state_file) if state_file else None
        self.offset_seconds = self._read_offset()

    def now(self) -> datetime:
        """The business time, UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def timestamp(self) -> float:
        """The business time in unix seconds."""
        return time.time() + self.offset_seconds

    def as_json(self) -> dict[str, Any]:
        """What `/sim/clock` answers."""
        return {"offset_seconds": self.offset_seconds, "now": self.now().isoformat()}

    async def advance(self, seconds: float) -> None:
        """Move business time forward and wait until every running service shows it.

        Raises `ServicesLag` after 10 s; the simulator's own clock has moved all the same.
        """
        self.offset_seconds += seconds
        if self._clock_file is None:
            return
        self._write_offset(self._clock_file)
        if self._state_file is not None:
            await self._wait_for_services(self._state_file)

    def _read_offset(self) -> float:
        # A simulator that was started again must not throw the installation back in time.
        if self._clock_file is None or not self._clock_file.exists():
            return 0.0
        try:
            return float(json.loads(self._clock_file.read_text())["offset_seconds"])
        except (ValueError, KeyError, TypeError):
            return 0.0

    def _write_offset(self, clock_file: Path) -> None:
        clock_file.parent.mkdir(parents=True, exist_ok=True)
        partial = clock_file.with_name(f"{clock_file.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps({"offset_seconds": self.offset_seconds}))
        partial.replace(clock_file)

    async def _wait_for_services(self, state_file: Path) -> None:
        deadline = time.monotonic() + SERVICES_WAIT_SECONDS_MAX
        lagging = ["?"]
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            while True:
                services = _running_services(state_file)
                shown = await asyncio.gather(
                    *(_shows(client, port, self.offset_seconds) for _, port in services)
                )
                lagging = [
                    name for (name, _), good in zip(services, shown, strict=True) if not good
                ]
                if not lagging:
                    return
                if time.monotonic() > deadline:
                    raise ServicesLag(
                        f"The clock moved, but after {SERVICES_WAIT_SECONDS_MAX:.0f} s these "
                        f"services do not show it yet: {', '.join(sorted(lagging))}."
                    )
                await asyncio.sleep(SERVICES_POLL_SECONDS)


async def _shows(client: httpx.AsyncClient, port: int, offset_seconds: float) -> bool:
    try:
        answer = await client.get(f"http://127.0.0.1:{port}/health")
        shown = float(answer.json()["clock_offset_seconds"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False
    return abs(shown - offset_seconds) <= OFFSET_TOLERANCE_SECONDS


def _running_services(state_file: Path) -> list[tuple[str, int]]:
    """Name and port of each listed service whose process is alive.

    A dead process is not waited for: it reads the clock file when it starts again.
    """
    try:
        processes = json.loads(state_file.read_text())["processes"]
    except (OSError, ValueError, KeyError):
        return []
    found: list[tuple[str, int]] = []
    for process in processes:
        if process.get("name") not in SERVICES_WITH_A_CLOCK or not process.get("port"):
            continue
        if _is_alive(process.get("pid")):
            found.append((f"{process['name']}#{process.get('replica', 1)}", int(process["port"])))
    return found


def _is_alive(pid: Any) -> bool:
    if not isinstance(pid, int) or pid <= 0:
        return True  # unknown is not dead
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
