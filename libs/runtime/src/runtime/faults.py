"""Planted faults: how tests die at a named point, and how they prove that a guarantee matters."""

import os
import signal

from runtime.settings import ServiceSettings

_crash_point: str | None = None
_crashes_in = 0
_broken: frozenset[str] = frozenset()


def plant(settings: ServiceSettings) -> None:
    """Read `TURNOUT_CRASH_AT=<point>:<n>` and `TURNOUT_BREAK=<guarantee>`; only in test mode."""
    global _crash_point, _crashes_in, _broken
    _crash_point, _crashes_in, _broken = None, 0, frozenset()
    if not settings.turnout_test:
        return
    if settings.turnout_crash_at:
        _crash_point, _, count = settings.turnout_crash_at.partition(":")
        _crashes_in = int(count or 1)
    _broken = frozenset((settings.turnout_break or "").split(",")) - {""}


def crash_point(name: str) -> None:
    """Die here by SIGKILL if this is the planted point and its count is reached."""
    global _crashes_in
    if name != _crash_point:
        return
    _crashes_in -= 1
    if _crashes_in == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def broken(guarantee: str) -> bool:
    """Whether this guarantee is switched off, so that a test can show what it is worth."""
    return guarantee in _broken
