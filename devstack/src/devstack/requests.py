"""How `./task demo -- start NAME` reaches the installation that already runs.

By files in its run folder: nothing listens, nothing has a name that could be too long.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import psutil

from devstack.options import Request
from devstack.process import Failed
from devstack.state import read_state

POLL_SECONDS = 0.1
ANSWER_SECONDS_MAX = 30.0


async def serve_requests(run: Path, handle: Callable[[Request], Awaitable[str]]) -> None:
    """Take requests in, one after the other, until cancelled; `handle` returns the answer."""
    inbox = _inbox(run)
    inbox.mkdir(parents=True, exist_ok=True)
    for old in inbox.iterdir():
        old.unlink()
    while True:
        for path in sorted(inbox.glob("*.request")):
            request = Request(**json.loads(path.read_text()))
            path.unlink()
            try:
                answer = {"done": await handle(request)}
            except Failed as failure:
                answer = {"failed": str(failure)}
            _write(path.with_suffix(".answer"), answer)
        await asyncio.sleep(POLL_SECONDS)


def ask(run: Path, request: Request) -> str:
    """Put a request to the running installation and wait for its answer.

    Raises:
        Failed: none runs here, it would not, or it does not answer.
    """
    state = read_state(run)
    if state is None or not psutil.pid_exists(state["supervisor"]):
        raise Failed("no demo is running here; start one with ./task demo")
    path = _inbox(run) / f"{time.time_ns()}-{uuid.uuid4().hex}.request"
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, asdict(request))
    answer_path = path.with_suffix(".answer")
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    while not answer_path.exists():
        if time.monotonic() > deadline:
            path.unlink(missing_ok=True)
            raise Failed(f"the demo does not answer within {ANSWER_SECONDS_MAX:.0f} s")
        time.sleep(POLL_SECONDS)
    answer = json.loads(answer_path.read_text())
    answer_path.unlink()
    if "failed" in answer:
        raise Failed(answer["failed"])
    return str(answer["done"])


def _inbox(run: Path) -> Path:
    return run / "requests"


def _write(path: Path, content: Mapping[str, object]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)
