"""The whole installation as a fixture: real processes, seen from outside only."""

import asyncio
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from devstack.installation import DEMO_VALUES
from devstack.monitor import Monitor
from devstack.options import Request
from devstack.ports import REPLICA_OFFSETS, Ports, is_free
from devstack.quiet import until_quiet
from devstack.requests import ask
from devstack.state import read_state

READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 60.0
QUIET_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1
BASES = range(10_000, 32_000, 200)
"""Below the system's range of passing ports."""
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR")


class House:
    """One installation of its own, in its own folder, on its own ports.

    `async with House(replicas={"notifier": 2}) as house: ...`; or `await house.open()` and
    `await house.stop()`. All the while the monitor queries are asked, unless a guarantee is
    switched off (TURNOUT_BREAK).
    """

    def __init__(
        self,
        *,
        replicas: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        restart: bool = True,
        seed: Literal["demo", "empty"] = "empty",
        home: Path | None = None,
    ) -> None:
        """What to start.

        Args:
            replicas: how many of a service; one where nothing is said.
            environment: added for every process, such as TURNOUT_BREAK.
            restart: whether the dead are started again after a second.
            seed: which events there are at the beginning.
            home: kept afterwards; without one, a passing folder.
        """
        self.ports = Ports(free_base())
        self._passing = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="turnout-"))
        self._arguments = ["--no-browser", "--seed", seed]
        if not restart:
            self._arguments.append("--no-restart")
        for name, count in (replicas or {}).items():
            self._arguments += ["--replicas", f"{name}={count}"]
        # Nothing of the developer's own settings may change what a test sees.
        self._environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **(environment or {}),
            "TURNOUT_HOME": str(self.home),
            "TURNOUT_PORT_BASE": str(self.ports.base),
            "TURNOUT_STOP_WITH_PARENT": "1",
        }
        self._supervisor: asyncio.subprocess.Process | None = None
        self._is_broken = "TURNOUT_BREAK" in self._environment
        self._monitor: Monitor | None = None

    @property
    def gateway(self) -> str:
        """URL of the gateway."""
        return self.ports.url("gateway")

    @property
    def registry(self) -> str:
        """URL of the organiser's API."""
        return self.ports.url("registry")

    @property
    def simulator(self) -> str:
        """URL of the simulator: its control API and both platforms."""
        return self.ports.url("simulator")

    @property
    def nats_url(self) -> str:
        """The broker."""
        return str(self.state()["nats_url"])

    @property
    def database_url(self) -> str:
        """The database."""
        return str(self.state()["database_url"])

    @property
    def admin(self) -> dict[str, str]:
        """Headers that the organiser's API asks for."""
        token = self._environment.get("ADMIN_TOKEN", DEMO_VALUES["ADMIN_TOKEN"])
        return {"Authorization": f"Bearer {token}"}

    async def open(self) -> Self:
        """Start it; returns when a message would be answered.

        Raises:
            RuntimeError: it does not start; the message is what it said.
        """
        output = self.home / "devstack.log"
        with output.open("wb") as log:
            self._supervisor = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "devstack", *self._arguments),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self._is_ready(output):
            if self._supervisor.returncode is not None or time.monotonic() > deadline:
                said = output.read_text(errors="replace")
                await self.stop()
                raise RuntimeError(f"the house does not start:\n{said}")
            await asyncio.sleep(POLL_SECONDS)
        if not self._is_broken:
            self._monitor = Monitor(self.database_url)
            await self._monitor.begin()
        return self

    def _is_ready(self, output: Path) -> bool:
        return b"ready" in output.read_bytes().splitlines()

    async def stop(self) -> None:
        """Stop everything, gracefully; the passing folder goes.

        Raises:
            ImpossibleState: the monitor queries have found something.
        """
        try:
            if self._monitor is not None:
                await self._monitor.end()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        if self._supervisor is not None and self._supervisor.returncode is None:
            self._supervisor.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._supervisor.wait(), STOP_SECONDS_MAX)
            except TimeoutError:
                self._supervisor.kill()
                await self._supervisor.wait()
        if self._passing:
            shutil.rmtree(self.home, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def state(self) -> dict[str, Any]:
        """What `state.json` says now: processes that live, and the servers' addresses."""
        state = read_state(self.home / "run")
        assert state is not None, "state.json is written before anything is started"
        return state

    def pid(self, name: str, replica: int = 1) -> int | None:
        """The process's id, or None while it is dead."""
        for process in self.state()["processes"]:
            if (process["name"], process["replica"]) == (name, replica):
                return int(process["pid"])
        return None

    async def kill(self, name: str, replica: int = 1) -> None:
        """SIGKILL, nothing graceful; returns when its death was noticed.

        It is started again a second later, unless the house was opened with `restart=False`.

        Raises:
            LookupError: it does not live.
        """
        pid = self.pid(name, replica)
        if pid is None:
            raise LookupError(f"{name} replica {replica} does not live")
        os.kill(pid, signal.SIGKILL)
        while self.pid(name, replica) == pid:
            await asyncio.sleep(POLL_SECONDS / 10)

    async def start(
        self, name: str, replica: int = 1, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start what is dead; returns when it is ready."""
        await self._ask("start", name, replica, environment)
        await self.ready(name, replica)

    async def restart(
        self, name: str, replica: int = 1, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Stop gracefully and start at once, with `environment` added for this one life."""
        pid = self.pid(name, replica)
        await self._ask("restart", name, replica, environment)
        await self.ready(name, replica, other_than=pid)

    async def halt(self, name: str, replica: int = 1) -> None:
        """Stop gracefully and leave it stopped until `start`."""
        await self._ask("stop", name, replica, None)

    async def _ask(
        self, verb: Any, name: str, replica: int, environment: Mapping[str, str] | None
    ) -> None:
        request = Request(
            verb=verb, name=name, replica=replica, environment=dict(environment or {})
        )
        await asyncio.to_thread(ask, self.home / "run", request)

    async def ready(self, name: str, replica: int = 1, *, other_than: int | None = None) -> None:
        """Wait until it lives (under another pid than `other_than`) and says it is ready.

        Raises:
            TimeoutError: it does not within 60 s.
        """
        async with (
            asyncio.timeout(60),
            httpx.AsyncClient(timeout=2, trust_env=False, verify=False) as client,
        ):
            while True:
                process = next(
                    (
                        process
                        for process in self.state()["processes"]
                        if (process["name"], process["replica"]) == (name, replica)
                        and process["pid"] != other_than
                    ),
                    None,
                )
                if process is not None and await self._answers(client, process):
                    return
                await asyncio.sleep(POLL_SECONDS)

    async def _answers(self, client: httpx.AsyncClient, process: Mapping[str, Any]) -> bool:
        paths = {"nats": None, "postgres": None, "redis": None, "simulator": "/sim/stats"}
        path = paths.get(process["name"], "/health/ready")
        if path is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", process["port"])
                writer.close()
                return True
            return False
        try:
            answer = await client.get(f"http://127.0.0.1:{process['port']}{path}")
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def quiet(self, seconds_max: float = QUIET_SECONDS_MAX) -> dict[str, int]:
        """Wait until nothing is on its way: no webhook pending, every consumer's queue empty.

        Returns:
            How many messages each stream has ever stored.

        Raises:
            TimeoutError: something still waits; the message says what.
        """
        return await until_quiet(self.simulator, self.ports.url("nats-monitor"), seconds_max)


def free_base() -> int:
    """A port base under which everything is free."""
    for base in random.sample(BASES, len(BASES)):
        ports = [base + offset for offset in Ports.offsets.values()]
        if all(map(is_free, [*ports, *(base + o for o in list(REPLICA_OFFSETS)[:8])])):
            return base
    raise RuntimeError("no free ports on this machine")
