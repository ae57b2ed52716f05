"""One service between a broker and the platforms, as a fixture: real processes and servers."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from devstack.house import free_base
from devstack.installation import DEMO_VALUES
from devstack.nats_server import answers, nats_program
from devstack.ports import LOOPBACK, Ports
from devstack.process import Process, Program, run_once
from devstack.rig import READY_SECONDS_MAX, together


class ServiceRig:
    """Some processes of one service, a nats-server and the simulator, in a passing folder.

    What the service hears comes from the simulator or is put into the streams by whoever looks;
    what it says stays there to be looked at. Nothing is started again by itself. Replicas count
    from 1.
    """

    def __init__(
        self,
        service: str,
        *,
        replicas: int = 1,
        environment: Mapping[str, str] | None = None,
        platforms: Mapping[str, str] | None = None,
    ) -> None:
        """What to start.

        Args:
            service: its package.
            replicas: how many processes of it.
            environment: added for each of them and for the streams, such as TURNOUT_BREAK or
                TELEGRAM_PER_SECOND.
            platforms: added for the simulator, such as WHATSAPP_RETRY_SECONDS.
        """
        self._ports = Ports(free_base())
        self._home = Path(tempfile.mkdtemp(prefix=f"turnout-{service}-"))
        self._common = {
            **DEMO_VALUES,
            "NATS_URL": self.nats_url,
            # No test may reach the real platforms.
            "TELEGRAM_API_URL": self.simulator_url,
            "WHATSAPP_API_URL": self.simulator_url,
            "SMTP_URL": f"smtp://{LOOPBACK}:{self._ports.of('smtp')}",
            "HTTP_HOST": LOOPBACK,
            "LOG_FORMAT": "json",
            "TURNOUT_TEST": "1",
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self._nats = self._process(nats_program(self._home, self._ports))
        self._simulator = self._process(self._platforms(platforms or {}))
        spare = self._ports.spare()
        self._replicas = [
            self._replica(
                service,
                number,
                self._ports.of(service) if number == 1 else next(spare),
            )
            for number in range(1, replicas + 1)
        ]

    def _process(self, program: Program) -> Process:
        return Process(program, self._home / "log" / f"{program.label}.log")

    def _replica(self, service: str, number: int, port: int) -> Process:
        async def ready() -> bool:
            return await answers(f"http://{LOOPBACK}:{port}/health/ready")

        own = {"HTTP_PORT": str(port), "TURNOUT_REPLICA": str(number)}
        return self._process(
            Program(
                name=service,
                command=(sys.executable, "-m", service),
                environment={**self._common, **own},
                ready=ready,
                port=port,
                replica=number,
            )
        )

    def _platforms(self, environment: Mapping[str, str]) -> Program:
        async def ready() -> bool:
            return await answers(f"{self.simulator_url}/sim/health")

        smtp = str(self._ports.of("smtp"))
        port = self._ports.of("simulator")
        return Program(
            name="simulator",
            command=(sys.executable, "-m", "simulator", "--port", str(port), "--smtp-port", smtp),
            environment={
                **self._common,
                "WHATSAPP_CALLBACK_URL": f"{self._ports.url('gateway')}/whatsapp",
                **environment,
            },
            ready=ready,
            port=port,
        )

    @property
    def nats_url(self) -> str:
        """The broker."""
        return f"nats://{LOOPBACK}:{self._ports.of('nats')}"

    @property
    def simulator_url(self) -> str:
        """Both platforms, and their control."""
        return self._ports.url("simulator")

    @property
    def urls(self) -> list[str]:
        """Each replica."""
        return [f"http://{LOOPBACK}:{one.program.port}" for one in self._replicas]

    @property
    def logs(self) -> list[Path]:
        """What our own processes and the broker wrote so far; not the simulator, which is the
        world outside.
        """
        return [log for log in self._simulator.log.parent.iterdir() if log != self._simulator.log]

    @property
    def values(self) -> Mapping[str, str]:
        """What the processes were told, such as the secrets."""
        return self._common

    def alive(self, number: int = 1) -> bool:
        """Whether a replica lives."""
        return self._replicas[number - 1].running

    def resident_bytes(self, number: int = 1) -> int:
        """How much memory a replica has; 0 while it is dead."""
        pid = self._replicas[number - 1].pid
        try:
            return psutil.Process(pid).memory_info().rss if pid is not None else 0
        except psutil.NoSuchProcess:
            return 0

    def processor_seconds(self, number: int = 1) -> float:
        """How long a living replica computed so far, whatever else the machine did meanwhile."""
        times = psutil.Process(self._replicas[number - 1].pid).cpu_times()
        return float(times.user + times.system)

    async def __aenter__(self) -> Self:
        is_open = False
        try:
            await together(self._open_broker(), self._start(self._simulator))
            await together(*(self.start(number) for number in range(1, len(self._replicas) + 1)))
            await self._introduce()
            is_open = True
        finally:
            if not is_open:
                await self.stop()
        return self

    async def _introduce(self) -> None:
        """What is to be done once when everything runs."""

    async def _open_broker(self) -> None:
        await self.start_nats()
        log = self._home / "log" / "streams.log"
        await run_once("streams", (sys.executable, "-m", "runtime.provision"), self._common, log)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop everything, gracefully; the passing folder goes."""
        await self._simulator.stop()
        await asyncio.gather(*(one.stop() for one in self._replicas))
        await self._nats.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    async def start(self, number: int = 1, *, environment: Mapping[str, str] | None = None) -> None:
        """Start a dead replica in its place; returns when it is ready.

        Args:
            number: which.
            environment: added for this one life.

        Raises:
            Failed: it does not get ready.
        """
        await self._start(self._replicas[number - 1], environment)

    async def _start(self, process: Process, environment: Mapping[str, str] | None = None) -> None:
        await process.start(environment)
        await process.until_ready(READY_SECONDS_MAX)

    async def kill(self, number: int = 1) -> None:
        """SIGKILL to a replica, nothing graceful; returns when it is dead, which it may be."""
        replica = self._replicas[number - 1]
        if replica.running:
            replica.kill()
            await replica.exited()

    async def stop_nats(self) -> None:
        """Stop the broker; what it stored stays."""
        await self._nats.stop()

    async def start_nats(self) -> None:
        """Start the broker again; returns when its streams can be used."""
        await self._start(self._nats)
