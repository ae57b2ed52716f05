"""The registry on its own as a fixture: real processes and servers, seen from outside only."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from devstack import postgres_server
from devstack.house import free_base
from devstack.installation import DEMO_VALUES, clock_file
from devstack.monitor import Monitor
from devstack.nats_server import answers, nats_program
from devstack.ports import LOOPBACK, Ports
from devstack.process import Failed, Process, Program, run_once

READY_SECONDS_MAX = 60.0
DEATH_SECONDS_MAX = 10.0
"""PostgreSQL's backends notice within moments that their postmaster died."""

_Step = Coroutine[None, None, None]


class RegistryRig:
    """A nats-server, a PostgreSQL and some registry processes, in a passing folder.

    `async with RegistryRig(processes=4) as rig: ...`. PostgreSQL writes to the disk as in
    production (fsync on): what is measured or killed here must be the real thing. Nothing is
    started again by itself. Processes are numbered from 1. All the while the monitor queries are
    asked, unless a guarantee is switched off (TURNOUT_BREAK).
    """

    def __init__(
        self,
        *,
        processes: int = 1,
        environment: Mapping[str, str] | None = None,
        monitored: bool = True,
    ) -> None:
        """What to start.

        Args:
            processes: how many registries.
            environment: added for each of them, such as TURNOUT_BREAK or COMMANDS_PER_BATCH_MAX.
            monitored: whether the monitor queries are asked; who measures wants nothing beside.
        """
        self._ports = Ports(free_base())
        self.home = Path(tempfile.mkdtemp(prefix="turnout-rig-"))
        self._common = {
            **DEMO_VALUES,
            "NATS_URL": self.nats_url,
            "DATABASE_URL": self.database_url,
            "HTTP_HOST": LOOPBACK,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "warning",
            "TURNOUT_TEST": "1",
            "TURNOUT_CLOCK_FILE": str(clock_file(self.home / "run")),
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self._nats = self._process(nats_program(self.home, self._ports))
        self._postgres = self._process(postgres_server.postgres_program(self.home, self._ports))
        self._monitor: Monitor | None = None
        if monitored and "TURNOUT_BREAK" not in self._common:
            self._monitor = Monitor(self.database_url)
        # The second and later ones where the replicas of an installation are.
        self._spare_ports = self._ports.spare()
        self._registries = [
            self.service("registry", number, {}) for number in range(1, processes + 1)
        ]

    def _process(self, program: Program) -> Process:
        return Process(program, self.home / "log" / f"{program.label}.log")

    def service(self, name: str, number: int, environment: Mapping[str, str]) -> Process:
        """A process with these servers, not started; who asks for it starts and stops it."""
        port = next(self._spare_ports)

        async def ready() -> bool:
            return await answers(f"http://{LOOPBACK}:{port}/health/ready")

        return self._process(
            Program(
                name=name,
                command=(sys.executable, "-m", name),
                environment={
                    **self._common,
                    "HTTP_PORT": str(port),
                    "TURNOUT_REPLICA": str(number),
                    **environment,
                },
                ready=ready,
                port=port,
                replica=number,
            )
        )

    @property
    def nats_url(self) -> str:
        """The broker."""
        return f"nats://{LOOPBACK}:{self._ports.of('nats')}"

    @property
    def database_url(self) -> str:
        """The database."""
        return postgres_server.database_url(self._ports)

    @property
    def urls(self) -> list[str]:
        """URL of each registry."""
        return [f"http://{LOOPBACK}:{one.program.port}" for one in self._registries]

    def url(self, number: int = 1) -> str:
        """URL of one registry."""
        return self.urls[number - 1]

    @property
    def admin(self) -> dict[str, str]:
        """Headers that the organiser's API asks for."""
        return {"Authorization": f"Bearer {self._common['ADMIN_TOKEN']}"}

    def pid(self, number: int = 1) -> int | None:
        """A registry's process id, or None while it is dead."""
        return self._registries[number - 1].pid

    async def open(self) -> Self:
        """Start it; returns when every registry is ready.

        Raises:
            Failed: something cannot be started; nothing is left running.
        """
        is_open = False
        try:
            await together(self._open_broker(), self._open_database())
            await self.start_all()
            if self._monitor is not None:
                await self._monitor.begin()
            is_open = True
        finally:
            if not is_open:
                await self.stop()
        return self

    async def _open_broker(self) -> None:
        await self._start(self._nats)
        await self._once("streams", "runtime.provision")

    async def _open_database(self) -> None:
        await postgres_server.prepare(self.home, self.home / "log" / "initdb.log")
        await self._start(self._postgres)
        await postgres_server.create_database(self._ports)
        await self._once("migrations", "registry.migrate")

    async def _once(self, what: str, module: str) -> None:
        log = self.home / "log" / f"{what}.log"
        await run_once(what, (sys.executable, "-m", module), self._common, log)

    async def _start(self, process: Process, environment: Mapping[str, str] | None = None) -> None:
        await process.start(environment)
        await process.until_ready(READY_SECONDS_MAX)

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
        await self.halt_all()
        await asyncio.gather(self._postgres.stop(), self._nats.stop())
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

    async def kill(self, number: int = 1) -> None:
        """SIGKILL to a registry, nothing graceful; returns when it is dead, which it may be."""
        process = self._registries[number - 1]
        if process.running:
            process.kill()
            await process.exited()

    async def start(self, number: int = 1, *, environment: Mapping[str, str] | None = None) -> None:
        """Start a dead registry in its place; returns when it is ready.

        Args:
            number: which.
            environment: added for this one life.

        Raises:
            Failed: it does not get ready.
        """
        await self._start(self._registries[number - 1], environment)

    async def halt(self, number: int = 1) -> None:
        """Stop a registry gracefully and leave it stopped until `start`."""
        await self._registries[number - 1].stop()

    async def start_all(self) -> None:
        """Start every registry that is dead."""
        await self._each(self.start, running=False)

    async def halt_all(self) -> None:
        """Stop every registry gracefully."""
        await self._each(self.halt, running=True)

    async def _each(self, do: Callable[[int], _Step], *, running: bool) -> None:
        await together(
            *(
                do(number)
                for number, process in enumerate(self._registries, start=1)
                if process.running is running
            )
        )

    async def kill_postgres(self) -> None:
        """SIGKILL to the postmaster: what is committed must be found again by recovery.

        Returns when its children are gone as well, for the next one waits for their memory.
        """
        if self._postgres.pid is None:
            return
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._postgres.pid).children(recursive=True)
        self._postgres.kill()
        await self._postgres.exited()
        _, left = await asyncio.to_thread(psutil.wait_procs, children, DEATH_SECONDS_MAX)
        for child in left:
            with suppress(psutil.NoSuchProcess):
                child.kill()

    async def start_postgres(self) -> None:
        """Start PostgreSQL in its folder; returns when it has recovered and answers.

        Raises:
            Failed: it does not.
        """
        await postgres_server.prepare(self.home, self.home / "log" / "initdb.log")
        await self._start(self._postgres)


async def together(*parts: _Step) -> None:
    """Do all at once; when one fails, the others end too, so that nothing starts behind a stop.

    Raises:
        Failed: the first failure, which is enough to read.
    """
    try:
        async with asyncio.TaskGroup() as together:
            for part in parts:
                together.create_task(part)
    except* Failed as failures:
        raise failures.exceptions[0] from None
