"""`--watch`: a changed sentence or line of code is live within seconds."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from watchfiles import awatch

from devstack.installation import SERVICES
from devstack.options import ROOT

SUFFIXES = frozenset({".py", ".po", ".html", ".css", ".js", ".sql"})
DEBOUNCE_MILLISECONDS = 300
"""An editor writes several files at once; they are one change."""


def affected(paths: Iterable[str], root: Path = ROOT) -> set[str]:
    """Names of the processes that run what was changed: a library concerns every service."""
    names: set[str] = set()
    for path in map(Path, paths):
        parts = path.relative_to(root).parts
        if path.suffix not in SUFFIXES or "src" not in parts:
            continue
        if parts[0] == "libs":
            names.update(SERVICES)
        elif parts[0] == "services":
            names.add(parts[1])
        elif parts[0] == "simulator":
            names.add("simulator")
    return names


async def restart_what_changed(restart: Callable[[set[str]], Awaitable[None]]) -> None:
    """Call `restart` with the names that a change concerns, until cancelled."""
    folders = [ROOT / "libs", ROOT / "services", ROOT / "simulator"]
    async for changes in awatch(*folders, debounce=DEBOUNCE_MILLISECONDS, step=100):
        if names := affected(path for _, path in changes):
            await restart(names)
