"""One process of the installation: how it is started, watched and stopped."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from asyncio.subprocess import Process as Subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STOP_SECONDS_MAX = 20.0
"""A service has 15 s for its work in flight (design § 3); after this it is killed."""
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 15

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Failed(Exception):
    """The installation cannot be started; the message says why, to a person."""


def die_with_the_supervisor(with_signal: int = signal.SIGTERM) -> None:
    """In a new child, before its program runs: go when the supervisor goes, even by SIGKILL.

    Only Linux can; elsewhere the next start ends what was left.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, with_signal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is started, and how one sees that it works."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    port: int
    replica: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    before_exec: Callable[[], None] = die_with_the_supervisor
    after_ready: Callable[[], Awaitable[None]] | None = None
    """Done each time that it is ready again: what it keeps only in memory."""

    @property
    def label(self) -> str:
        """`notifier`, `notifier.2`."""
        return self.name if self.replica == 1 else f"{self.name}.{self.replica}"


class Process:
    """A program that runs, has run or will run."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self.log = log
        self.pid: int | None = None
        self.started_at: float | None = None
        """The kernel's time of birth: with the pid it names this process and no later one."""
        self.exit_code: int | None = None
        self._lives = 0
        self._exit: asyncio.Task[int] | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    @property
    def running(self) -> bool:
        """Whether it lives, as far as was noticed."""
        return self.pid is not None

    async def start(self, extra: Mapping[str, str] | None = None) -> None:
        """Start it; what it prints goes to its log.

        Raises:
            Failed: the program cannot be executed.
        """
        environment = {**os.environ, **self.program.environment}
        if self._lives > 0:
            # A planted crash is for the first life: the next one must get past that point.
            environment.pop("TURNOUT_CRASH_AT", None)
        environment.update(extra or {})
        self._lives += 1
        with self.log.open("ab") as log:
            try:
                subprocess = await asyncio.create_subprocess_exec(
                    *self.program.command,
                    env=environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    # Ctrl-C is for the supervisor, which then stops everything in its order.
                    start_new_session=True,
                    preexec_fn=self.program.before_exec,
                )
            except OSError as error:
                raise Failed(f"{self.program.label} cannot be executed: {error}") from error
        self.pid = subprocess.pid
        with suppress(psutil.Error):
            self.started_at = psutil.Process(self.pid).create_time()
        self.exit_code = None
        self._exit = asyncio.create_task(self._reap(subprocess))

    async def _reap(self, subprocess: Subprocess) -> int:
        code = await subprocess.wait()
        self.pid, self.started_at, self.exit_code = None, None, code
        return code

    async def exited(self) -> int:
        """Wait for its end: the exit code, negative for a signal."""
        assert self._exit is not None
        return await asyncio.shield(self._exit)

    async def until_ready(self, seconds_max: float) -> None:
        """Wait until it works.

        Raises:
            Failed: it ended, or it took too long.
        """
        deadline = time.monotonic() + seconds_max
        while not await self.program.ready():
            if not self.running:
                raise Failed(self.obituary())
            if time.monotonic() > deadline:
                raise Failed(
                    f"{self.program.label} is not ready after {seconds_max:.0f} s{self.tail()}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self, seconds_max: float = STOP_SECONDS_MAX) -> None:
        """Ask it to stop; kill it when it does not."""
        if not self.running or self._exit is None:
            return
        self._signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(self.exited(), seconds_max)
        except TimeoutError:
            self.kill()
            await self.exited()

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def obituary(self) -> str:
        """How it ended, with the last lines of its log."""
        code = self.exit_code or 0
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return f"{self.program.label} ended {how}{self.tail()}"

    def tail(self) -> str:
        """The last lines of its log, to be printed behind a sentence."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "".join([f"; the end of {self.log}:", *(f"\n    {line}" for line in lines)])


async def run_once(
    label: str,
    command: tuple[str, ...],
    environment: Mapping[str, str],
    log: Path,
    before_exec: Callable[[], None] = die_with_the_supervisor,
) -> None:
    """Run something that does its work and ends.

    Raises:
        Failed: it ended with an error.
    """

    async def ended() -> bool:
        return not process.running

    program = Program(
        name=label,
        command=command,
        environment=environment,
        ready=ended,
        port=0,
        before_exec=before_exec,
    )
    process = Process(program, log)
    await process.start()
    if await process.exited() != 0:
        raise Failed(process.obituary())
