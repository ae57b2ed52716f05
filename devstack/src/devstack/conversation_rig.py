"""The conversation with a registry behind it: real processes, seen from outside only."""

import os
import signal
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from devstack.ports import LOOPBACK
from devstack.rig import READY_SECONDS_MAX, RegistryRig, together


class ConversationRig:
    """Some conversation processes, one registry, and their servers, in a passing folder.

    `async with ConversationRig(replicas=3) as rig: ...`. No notifier: what people are owed stays
    in OUTBOUND, to be looked at. Nothing is started again by itself. Replicas count from 1.
    """

    def __init__(self, *, replicas: int = 1, environment: Mapping[str, str] | None = None) -> None:
        """What to start.

        Args:
            replicas: how many conversations.
            environment: added for each of them, such as TURNOUT_BREAK.
        """
        self.registry = RegistryRig()
        self._replicas = [
            self.registry.service("conversation", number, environment or {})
            for number in range(1, replicas + 1)
        ]

    @property
    def nats_url(self) -> str:
        """The broker."""
        return self.registry.nats_url

    @property
    def urls(self) -> list[str]:
        """Where each replica shows its health and metrics."""
        return [f"http://{LOOPBACK}:{one.program.port}" for one in self._replicas]

    def pid(self, number: int = 1) -> int | None:
        """A replica's process id, or None while it is dead."""
        return self._replicas[number - 1].pid

    async def __aenter__(self) -> Self:
        await self.registry.open()
        is_open = False
        try:
            await together(*(self.start(number) for number in range(1, len(self._replicas) + 1)))
            is_open = True
        finally:
            if not is_open:
                await self.stop()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop everything, gracefully; the passing folder goes."""
        for number in range(1, len(self._replicas) + 1):
            self.thaw(number)  # a stopped process hears nothing
        await together(*(one.stop() for one in self._replicas))
        await self.registry.stop()

    async def start(self, number: int = 1, *, environment: Mapping[str, str] | None = None) -> None:
        """Start a dead replica in its place; returns when it is ready.

        Args:
            number: which.
            environment: added for this one life.

        Raises:
            Failed: it does not get ready.
        """
        replica = self._replicas[number - 1]
        await replica.start(environment)
        await replica.until_ready(READY_SECONDS_MAX)

    async def kill(self, number: int = 1) -> None:
        """SIGKILL to a replica, nothing graceful; returns when it is dead."""
        replica = self._replicas[number - 1]
        if replica.running:
            replica.kill()
            await replica.exited()

    async def halt(self, number: int = 1) -> None:
        """Stop a replica gracefully and leave it stopped until `start`."""
        await self._replicas[number - 1].stop()

    def freeze(self, number: int = 1) -> None:
        """SIGSTOP: it holds on to what it has in its hands, and tells nobody that it lives."""
        self._signal(number, signal.SIGSTOP)

    def thaw(self, number: int = 1) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self._signal(number, signal.SIGCONT)

    def _signal(self, number: int, which: signal.Signals) -> None:
        if (pid := self.pid(number)) is not None:
            os.kill(pid, which)
