"""Real servers for tests: a nats-server of one's own, provisioned and emptied between tests."""

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import nats
import pytest
import pytest_asyncio

from contracts import topology
from contracts.topology import BUCKETS, STREAMS
from runtime.provision import provision

SERVER_START_SECONDS_MAX = 10.0
FACT_SECONDS_MAX = 10.0
"""How long a test waits for a fact before it fails; the machine may be busy."""
FACT_POLL_SECONDS = 0.01
TEST_RINGS = [
    topology.ring("telegram", "123456"),
    topology.ring("email", topology.MAIL_ACCOUNT),
    topology.ring("whatsapp", "106540352242922"),
]


async def eventually(fact: Callable[[], object], seconds_max: float = FACT_SECONDS_MAX) -> None:
    """Wait until `fact()` is true.

    Raises:
        TimeoutError: it did not come true in time.
    """
    async with asyncio.timeout(seconds_max):
        while not fact():
            await asyncio.sleep(FACT_POLL_SECONDS)


def free_port() -> int:
    """A TCP port on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class NatsServer:
    """A private nats-server on a free port; it can be killed and started again in place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"nats://127.0.0.1:{self._port}"
        self._config = folder / "nats.conf"
        self._config.write_text(
            f"listen: 127.0.0.1:{self._port}\nmax_payload: 4MB\n"
            f'jetstream {{ store_dir: "{folder}/js", max_mem: 256MB, max_file: 64GB }}\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The running server's process, to be stopped and continued.

        Raises:
            RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError("the nats-server does not run")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until the port is open.

        Raises:
            RuntimeError: it did not start in time.
        """
        # Beside the interpreter first: a virtual environment need not be activated to run tests.
        binary = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which(
            "nats-server"
        )
        if binary is None:
            raise RuntimeError("nats-server is missing; run `uv sync`")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own server, no outside input
                [binary, "-c", str(self._config)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + SERVER_START_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), 0.2).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise RuntimeError((self._folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """One nats-server for the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="turnout-nats-"))
    server = NatsServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def nats_url(nats_server: NatsServer) -> str:
    """Where the run's nats-server listens."""
    return nats_server.url


@pytest_asyncio.fixture
async def provisioned(nats_url: str) -> AsyncIterator[str]:
    """The server's address, with every stream, consumer, bucket and ring there and empty."""
    client = await nats.connect(nats_url)
    jetstream = client.jetstream()
    names = [stream.name for stream in STREAMS] + [f"KV_{bucket.name}" for bucket in BUCKETS]
    names += [ring.stream for ring in TEST_RINGS]
    # Made anew, not purged: the memory of message ids must be empty too.
    await asyncio.gather(*(jetstream.delete_stream(name) for name in names), return_exceptions=True)
    await provision(jetstream, TEST_RINGS)
    yield nats_url
    await client.close()
