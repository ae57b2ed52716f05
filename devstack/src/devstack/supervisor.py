"""One run: start everything in its order, keep it running, stop it in the reverse order."""

import asyncio
import os
import sys
import webbrowser
from collections.abc import Iterable

from devstack import postgres_server, seed
from devstack.installation import Installation, clock_file, plan
from devstack.keeper import Keeper
from devstack.options import Options, Request
from devstack.ports import complaint
from devstack.process import Failed, Process, Program, run_once
from devstack.registering import register_webhooks, submit_templates
from devstack.requests import serve_requests
from devstack.screen import Screen
from devstack.state import end_leftovers, write_state
from devstack.watch import restart_what_changed

SERVER_STOP_SECONDS_MAX = 20.0


class Supervisor:
    """Everything that one `./task demo` holds.

    Raises:
        Failed: the wishes in `options` cannot be met.
    """

    def __init__(self, options: Options, screen: Screen) -> None:
        self._options = options
        self._screen = screen
        self._installation: Installation = plan(options)
        self._ready = False
        self._stopping = False
        self._logs = options.home / "log"
        self._keepers = {p.label: self._keeper(p) for p in self._installation.programs}
        self._careers: list[asyncio.Task[None]] = []
        self._chores: list[asyncio.Task[None]] = []

    def _keeper(self, program: Program) -> Keeper:
        return Keeper(
            Process(program, self._logs / f"{program.label}.log"),
            restart=self._options.restart,
            changed=self._write_state,
            say=self._screen.say,
        )

    async def start(self) -> None:
        """Until a message would be answered.

        Raises:
            Failed: something cannot be started; what was started still has to be stopped.
        """
        await self._clear_the_ground()
        self._write_state()
        self._careers = [asyncio.create_task(k.keep()) for k in self._keepers.values()]
        try:
            async with asyncio.TaskGroup() as together:
                together.create_task(self._start_behind_the_broker())
                together.create_task(self._start_the_platforms())
        except* Failed as failures:
            raise _first(failures) from None
        await self._introduce()
        self._ready = True
        self._write_state()
        self._chores = [asyncio.create_task(serve_requests(self._options.run, self._handle))]
        if self._options.watch:
            self._chores.append(asyncio.create_task(restart_what_changed(self._restart_all)))

    def announce(self) -> None:
        """Tell that it is ready, and show it to whoever sits in front of it."""
        self._screen.banner(self._options)
        has_display = sys.platform == "darwin" or any(
            os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
        )
        if self._options.browser and self._screen.is_terminal and has_display:
            webbrowser.open(self._options.ports.url("simulator"))

    async def stop(self) -> None:
        """Services, then the simulator, then the servers; returns when no process is left."""
        self._stopping = True
        for task in (*self._chores, *self._careers):
            task.cancel()
        installation = self._installation
        for group in (
            installation.services,
            (installation.simulator,),
            installation.servers,
        ):
            await asyncio.gather(*(self._keepers[p.label].process.stop() for p in group))
        self._write_state()

    def kill(self) -> None:
        """Stop asking."""
        for keeper in self._keepers.values():
            keeper.process.kill()

    async def _clear_the_ground(self) -> None:
        for left in await asyncio.to_thread(end_leftovers, self._options.run):
            self._screen.say(f"ended {left}, left by an earlier run")
        if self._options.database_url is None:
            await postgres_server.prepare(self._options.home, self._logs / "initdb.log")
        needed = {p.name for p in self._installation.programs} | {"smtp"}
        if "nats" in needed:
            needed.add("nats-monitor")
        if busy := complaint(sorted(needed), self._options.ports):
            raise Failed(busy)

    async def _start_the_platforms(self) -> None:
        await self._first_ready("simulator")
        await submit_templates(self._installation.environment, self._logs)
        self._screen.done("templates")

    async def _start_behind_the_broker(self) -> None:
        async with asyncio.TaskGroup() as together:
            together.create_task(self._prepare_broker())
            together.create_task(self._prepare_database())
            if "redis" in self._keepers:
                together.create_task(self._first_ready("redis"))
        async with asyncio.TaskGroup() as together:
            for program in self._installation.services:
                together.create_task(self._first_ready(program.label))

    async def _prepare_broker(self) -> None:
        if "nats" in self._keepers:
            await self._first_ready("nats")
        await self._once("streams", "runtime.provision")

    async def _prepare_database(self) -> None:
        if "postgres" in self._keepers:
            await self._first_ready("postgres")
            await postgres_server.create_database(self._options.ports)
        await self._once("migrations", "registry.migrate")

    async def _once(self, what: str, module: str) -> None:
        environment = {
            **self._installation.environment,
            **self._installation.database_environment,
        }
        command = (sys.executable, "-m", module)
        self._screen.doing(what)
        await run_once(what, command, environment, self._logs / f"{what}.log")
        self._screen.done(what)

    async def _first_ready(self, label: str) -> None:
        self._screen.doing(label)
        await self._keepers[label].first_ready()
        self._screen.done(label)

    async def _introduce(self) -> None:
        """Make the parts known to each other, and put something on the table."""
        options = self._options
        await register_webhooks(self._installation.environment, self._logs)
        self._screen.done("webhooks")
        if options.seed == "demo":
            now = seed.business_now(clock_file(options.run))
            await seed.seed_events(
                options.ports.url("registry"), self._installation.environment, now
            )
            self._screen.done("events")

    async def _handle(self, request: Request) -> str:
        label = request.name if request.replica == 1 else f"{request.name}.{request.replica}"
        keeper = self._keepers.get(label)
        if keeper is None:
            raise Failed(f"there is no {label}; there are {', '.join(self._keepers)}")
        if request.verb == "start":
            if keeper.process.running:
                return f"{label} already runs"
            keeper.start(request.environment)
        elif request.verb == "stop":
            await keeper.stop()
        else:
            await keeper.restart(request.environment)
        return f"{request.verb}: {label}"

    async def _restart_all(self, names: set[str]) -> None:
        keepers = [k for k in self._keepers.values() if k.process.program.name in names]
        self._screen.say(f"changed: restarting {', '.join(k.label for k in keepers)}")
        await asyncio.gather(*(keeper.restart({}) for keeper in keepers))

    def _write_state(self) -> None:
        facts = {
            "ready": self._ready and not self._stopping,
            "nats_url": self._installation.nats_url,
            "nats_monitor_url": self._options.ports.url("nats-monitor"),
            "database_url": self._installation.database_url,
        }
        processes: Iterable[Process] = (k.process for k in self._keepers.values())
        write_state(self._options.run, processes, facts)


def _first(failures: ExceptionGroup[Failed]) -> Failed:
    """The failure that a person should read: the first, the others follow from it."""
    for failure in failures.exceptions:
        return _first(failure) if isinstance(failure, ExceptionGroup) else failure
    raise AssertionError("an exception group is never empty")
