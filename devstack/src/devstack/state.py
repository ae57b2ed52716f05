"""What runs, written down for tests, the simulator, and the next run after an unclean end."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from devstack.process import STOP_SECONDS_MAX, Process

SAME_BIRTH_SECONDS = 2.0
"""The kernel counts from its start, and the clock may have been set since. A pid is not used again
so soon."""


def write_state(run: Path, processes: Iterable[Process], facts: dict[str, Any]) -> None:
    """Replace `state.json` as a whole; the processes listed are those that live."""
    listed = [
        {
            "name": process.program.name,
            "replica": process.program.replica,
            "pid": process.pid,
            "port": process.program.port,
            "log": str(process.log),
            "started_at": process.started_at,
        }
        for process in processes
        if process.running
    ]
    state = {"processes": listed, "supervisor": os.getpid(), **facts}
    partial = run / "state.json.partial"
    partial.write_text(json.dumps(state, indent=2))
    partial.replace(run / "state.json")


def read_state(run: Path) -> dict[str, Any] | None:
    """The last state written, or None."""
    try:
        state = json.loads((run / "state.json").read_text())
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) else None


def end_leftovers(run: Path) -> list[str]:
    """End what an earlier run left behind; the names of what had to be ended.

    A process is only ended when it is the one that was written down: same pid, same birth.
    PostgreSQL is left to its own pid file, which knows more.
    """
    listed = (read_state(run) or {}).get("processes", [])
    found: dict[str, psutil.Process] = {}
    for entry in listed:
        if entry["name"] == "postgres" or not entry.get("started_at"):
            continue
        try:
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["started_at"]) < SAME_BIRTH_SECONDS:
                process.terminate()
                found[f"{entry['name']} {entry['replica']}"] = process
        except psutil.NoSuchProcess:
            continue
    _, stubborn = psutil.wait_procs(list(found.values()), timeout=STOP_SECONDS_MAX)
    for process in stubborn:
        process.kill()
    return sorted(found)
