"""Keeps one process alive, or dead, as was asked."""

import asyncio
from collections.abc import Callable, Mapping

from devstack.process import Failed, Process

READY_SECONDS_MAX = 90.0
RESTART_SECONDS = 1.0


class Keeper:
    """Starts a process, watches it, and starts it again a second after it died."""

    def __init__(
        self,
        process: Process,
        *,
        restart: bool,
        changed: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self.process = process
        self._restart = restart
        self._changed = changed
        self._say = say
        self._wanted = asyncio.Event()
        self._at_once = False
        self._extra: Mapping[str, str] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def label(self) -> str:
        """`notifier`, `notifier.2`."""
        return self.process.program.label

    async def first_ready(self) -> None:
        """Ask for the start and wait until it works.

        Raises:
            Failed: it died before it ever worked, or takes too long.
        """
        self._wanted.set()
        await asyncio.shield(self._ready)

    async def keep(self) -> None:
        """The process's whole career; ends when cancelled, leaving the process to `stop_now`."""
        while True:
            await self._wanted.wait()
            extra, self._extra, self._at_once = self._extra, {}, False
            try:
                await self._one_life(extra)
            except Failed as failure:
                if not self._ready.done():
                    self._ready.set_exception(failure)
                    return
                self._say(str(failure))
            self._changed()
            if not self._at_once:
                await asyncio.sleep(RESTART_SECONDS)

    async def _one_life(self, extra: Mapping[str, str]) -> None:
        await self.process.start(extra)
        self._changed()
        await self.process.until_ready(READY_SECONDS_MAX)
        if self.process.program.after_ready is not None and self._ready.done():
            await self.process.program.after_ready()
        if self._ready.done():
            self._say(f"{self.label} is ready again")
        else:
            self._ready.set_result(None)
        code = await self.process.exited()
        if self._wanted.is_set() and not self._at_once:
            if not self._restart:
                self._wanted.clear()
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            then = "starting it again" if self._restart else "leaving it dead"
            self._say(f"{self.label} ended {how}; {then}")

    def start(self, extra: Mapping[str, str]) -> None:
        """Let it live from now on; nothing changes when it already does."""
        if not self.process.running:
            self._extra = extra
            self._wanted.set()

    async def stop(self) -> None:
        """Stop it and leave it stopped."""
        self._wanted.clear()
        await self.process.stop()

    async def restart(self, extra: Mapping[str, str]) -> None:
        """Stop it and start it at once."""
        self._extra, self._at_once = extra, True
        self._wanted.set()
        await self.process.stop()
