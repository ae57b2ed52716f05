"""What waits at the same time is kept in one transaction; each that waits hears of its own end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """A queue in process; nothing is in it that is not in the stream as well."""

    def __init__(self, keep: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """Keep what to do with all that has come: all of it, or none."""
        self._keep = keep
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._keeping: asyncio.Task[None] | None = None

    async def add(self, one: T) -> None:
        """Wait until this one is kept, with whatever else has come meanwhile.

        Raises:
            Exception: whatever keeping them raised.
        """
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((one, kept))
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep_all())
        await kept

    async def _keep_all(self) -> None:
        try:
            while self._waiting:
                together, self._waiting = self._waiting, []
                await self._settle(together)
        finally:
            self._keeping = None

    async def _settle(self, together: Sequence[tuple[T, asyncio.Future[None]]]) -> None:
        failure: Exception | None = None
        try:
            await self._keep([one for one, _ in together])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is each waiting handler's
            failure = error
        for _, kept in together:
            if kept.done():
                continue
            if failure is None:
                kept.set_result(None)
            else:
                kept.set_exception(failure)
