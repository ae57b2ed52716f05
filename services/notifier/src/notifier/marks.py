"""WhatsApp's blue ticks, and its "typing…" while an answer takes longer (platforms.md B4).

A mark is worth something only while nothing more important goes on: it is made beside the answer,
by one call that is never repeated, under a permit that no message wants. It is no message, and
whether Meta counts it among the messages per second is not documented; so it is counted here.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from typing import Protocol, runtime_checkable

from contracts import OutboundMessage
from notifier import measures
from notifier.permits import Permits
from notifier.verdicts import Accepted, Throttled, Verdict

TYPING_AFTER_SECONDS = 0.3
"""An answer that is not on its way by then is announced."""
MARKED_MAX = 1024
"""Messages that are remembered as marked; one may have several answers."""
MARKS_AT_ONCE_MAX = 16


@runtime_checkable
class MarksRead(Protocol):
    """What a channel must be able to do."""

    async def mark_read(self, message_id: str, *, typing: bool) -> Verdict:
        """Mark what a person wrote, and all before it, as read; one call, not repeated."""
        ...


class Mark:
    """One message that is being answered."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def begin_answer(self) -> None:
        """The answer is on its way: no typing any more."""
        self.answered.set()

    def over(self) -> None:
        """Nothing more is done for the answer now; if it never began, there is no mark either."""
        if self.task is not None and not self.answered.is_set():
            self.task.cancel()


class Marks:
    """The marks of one number."""

    def __init__(self, channel: MarksRead, permits: Permits) -> None:
        self._channel = channel
        self._permits = permits
        # Their hashes: WhatsApp's ids contain the person's phone number.
        self._marked: OrderedDict[int, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, message: OutboundMessage) -> Mark:
        """Work on an answer begins; what it answers is marked meanwhile, if at all."""
        mark, message_id = Mark(), message.in_reply_to
        if message_id is None or hash(message_id) in self._marked:
            return mark
        if len(self._tasks) >= MARKS_AT_ONCE_MAX:
            measures.read_marks.labels(outcome="scarce").inc()
            return mark
        self._remember(message_id)
        mark.task = asyncio.create_task(
            # A document is drawn and uploaded first.
            self._mark(message_id, mark.answered, slow=message.document is not None)
        )
        self._tasks.add(mark.task)
        mark.task.add_done_callback(self._tasks.discard)
        return mark

    async def close(self) -> None:
        """Leave out what is not marked yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _remember(self, message_id: str) -> None:
        self._marked[hash(message_id)] = None
        if len(self._marked) > MARKED_MAX:
            self._marked.popitem(last=False)

    async def _mark(self, message_id: str, answered: asyncio.Event, *, slow: bool) -> None:
        try:
            if not slow:
                with suppress(TimeoutError):
                    await asyncio.wait_for(answered.wait(), TYPING_AFTER_SECONDS)
            if await self._permits.take_spare() is None:
                measures.read_marks.labels(outcome="scarce").inc()
                return
        except asyncio.CancelledError:
            # Tried again, and so marked again, when the answer is.
            self._marked.pop(hash(message_id), None)
            raise
        typing = not answered.is_set()
        verdict = await self._channel.mark_read(message_id, typing=typing)
        if isinstance(verdict, Accepted):
            outcome = "typing" if typing else "read"
        else:
            outcome = "refused"
            if isinstance(verdict, Throttled):
                self._permits.spare_none()
        measures.read_marks.labels(outcome=outcome).inc()
