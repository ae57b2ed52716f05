"""Messages that wait in INBOUND, and how fast one worker makes an end of them."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import nats

from contracts import InboundMessage

WORKED_OFF_SECONDS_MAX = 120.0
"""A round that takes longer is no measurement any more."""
POLL_SECONDS = 0.01


class Inbound:
    """A client that puts messages where they wait, while the worker is stopped."""

    def __init__(self, nats_url: str, worker_pid: int) -> None:
        self._url = nats_url
        self.worker_pid = worker_pid

    async def __aenter__(self) -> Self:
        self.client = await nats.connect(self._url, pending_size=64 * 1024 * 1024)
        self.jetstream = self.client.jetstream()
        self.rest()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._work()
        await self.client.close()

    def rest(self) -> None:
        """Stop the worker where it is: the machine is another's."""
        os.kill(self.worker_pid, signal.SIGSTOP)

    def _work(self) -> None:
        os.kill(self.worker_pid, signal.SIGCONT)

    async def _waiting(self) -> int:
        return (await self.jetstream.stream_info("INBOUND")).state.messages

    async def rate(self, messages: Sequence[InboundMessage]) -> float:
        """Messages per second, from the worker's start to the last acknowledgement.

        Raises:
            TimeoutError: it does not come to an end.
        """
        for one in messages:
            await self.client.publish(
                one.route(),
                one.model_dump_json().encode(),
                headers={"Nats-Msg-Id": str(one.id)},
            )
        async with asyncio.timeout(WORKED_OFF_SECONDS_MAX):
            while await self._waiting() < len(messages):
                await asyncio.sleep(POLL_SECONDS)
            started = time.perf_counter()
            self._work()
            while await self._waiting():
                await asyncio.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - started
        self.rest()
        return len(messages) / seconds
