"""Planted faults: how tests die at a named point, and how they prove that a guarantee matters."""

import asyncio
import os
import random
import signal
from dataclasses import dataclass

from runtime.settings import ServiceSettings


@dataclass
class _Plan:
    crash_point: str | None = None
    crashes_in: int = 0
    broken: frozenset[str] = frozenset()
    slow_seconds_max: float = 0.0


_plan = _Plan()


def plant(settings: ServiceSettings) -> None:
    """Read `TURNOUT_CRASH_AT=<point>:<n>`, `TURNOUT_BREAK=<guarantee>` and `TURNOUT_SLOW_MS=<max>`;
    only in test mode.
    """
    _plan.crash_point, _plan.crashes_in, _plan.broken = None, 0, frozenset()
    _plan.slow_seconds_max = 0.0
    if not settings.turnout_test:
        return
    if settings.turnout_crash_at:
        _plan.crash_point, _, count = settings.turnout_crash_at.partition(":")
        _plan.crashes_in = int(count or 1)
    _plan.broken = frozenset((settings.turnout_break or "").split(",")) - {""}
    _plan.slow_seconds_max = settings.turnout_slow_ms / 1000


def crash_point(name: str) -> None:
    """Die here by SIGKILL if this is the planted point and its count is reached."""
    if name != _plan.crash_point:
        return
    _plan.crashes_in -= 1
    if _plan.crashes_in == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def broken(guarantee: str) -> bool:
    """Whether this guarantee is switched off, so that a test can show what it is worth."""
    return guarantee in _plan.broken


async def slow_point() -> None:
    """Take a random time here, up to the planted one, as a slow neighbour would."""
    if _plan.slow_seconds_max:
        await asyncio.sleep(random.uniform(0, _plan.slow_seconds_max))  # noqa: S311 - no secret
