"""What waits together for one event is carried out together; different events side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from contracts import Command
from registry.carrying_out import Done
from runtime.failures import Retry, Unavailable
from runtime.metrics import counter, histogram

EVENTS_AT_ONCE_MAX = 8
"""Transactions that one process has open at a time: more connections make a hot row slower
(field.md B2), and fewer than the pool has leave some for queries."""

TORN_AWAY_RETRY_SECONDS = 1.0

_batch_commands = histogram(
    "turnout_batch_commands",
    "Commands that were carried out in one transaction.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)
_batches_taken_apart = counter(
    "turnout_batches_taken_apart_total",
    "Batches that failed as a whole and were carried out one by one.",
)

Waiting = tuple[Command, "asyncio.Future[Done]"]
CarryOut = Callable[[Sequence[Command]], Awaitable[list[Done]]]


class Batches:
    """A queue per event, in process; nothing is in it that is not in the stream as well."""

    def __init__(self, carry_out: CarryOut, *, commands_per_batch_max: int) -> None:
        """What to do with a batch.

        Args:
            carry_out: all in one transaction, or none.
            commands_per_batch_max: how many at most.
        """
        self._carry_out = carry_out
        self._size_max = commands_per_batch_max
        self._slots = asyncio.Semaphore(EVENTS_AT_ONCE_MAX)
        self._queues: dict[object, deque[Waiting]] = {}
        self._workers: set[asyncio.Task[None]] = set()

    async def submit(self, command: Command) -> Done:
        """Wait until a command is carried out, with whatever else waits for the same event.

        Raises:
            Unavailable: something that is needed is away; nothing was done, or it is found again.
            Retry: others hold what is needed.
            Exception: this command, carried out alone, fails.
        """
        event_id = getattr(command, "event_id", None)
        # What is about no event goes alone: what one chat says, and ticks of one kind, one after
        # the other.
        key: object = event_id or command.route()
        done: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            size = self._size_max if event_id else 1
            worker = asyncio.create_task(self._work_off(key, queue, size))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        queue.append((command, done))
        return await done

    async def _work_off(self, key: object, queue: deque[Waiting], size_max: int) -> None:
        # Whoever came in the same moment is in the queue after this.
        await asyncio.sleep(0)
        batch: list[Waiting] = []
        try:
            while queue:
                async with self._slots:
                    batch = [queue.popleft() for _ in range(min(size_max, len(queue)))]
                    await self._settle(batch)
        finally:
            # Without a pause since the queue was seen empty, so nobody can have been added to it.
            # Or this worker was torn away, as a driver in mid-call may be: nobody waits for ever.
            del self._queues[key]
            for _, done in (*batch, *queue):
                _fail(done, Retry("the event's worker was torn away", TORN_AWAY_RETRY_SECONDS))

    async def _settle(self, batch: list[Waiting]) -> None:
        _batch_commands.labels().observe(len(batch))
        try:
            outcomes = await self._carry_out([command for command, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is handed to those who wait
            if len(batch) == 1 or isinstance(error, Unavailable | Retry):
                for _, done in batch:
                    _fail(done, error)
                return
        else:
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if not done.done():
                    done.set_result(outcome)
            return
        # One of them is poison. The others must not pay for it.
        _batches_taken_apart.labels().inc()
        for one in batch:
            await self._settle([one])


def _fail(done: "asyncio.Future[Done]", error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
