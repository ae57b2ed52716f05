"""One call of a platform, under a permit and between two entries of the ledger."""

import time
from typing import Generic

from contracts import OutboundMessage
from notifier import measures
from notifier.channel import Channel, R, Refused
from notifier.decisions import Settle, expired
from notifier.ledger import Record
from notifier.marks import Mark, Marks, MarksRead
from notifier.outage import Outage
from notifier.permits import Permit, Permits
from notifier.verdicts import Accepted, Unknown, Verdict
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.faults import crash_point


class Calls(Generic[R]):
    """The calls of one account."""

    def __init__(self, channel: Channel[R], permits: Permits, outage: Outage, clock: Clock) -> None:
        self._channel = channel
        self._permits = permits
        self._outage = outage
        self._clock = clock
        self._marks = Marks(channel, permits) if isinstance(channel, MarksRead) else None

    async def close(self) -> None:
        """Let go of the platform; nothing may be under way."""
        if self._marks is not None:
            await self._marks.close()
        await self._permits.close()
        await self._channel.close()

    async def make(self, message: OutboundMessage, record: Record, request: R) -> Verdict | Settle:
        """One request; or, without a call, the result that the message has by now.

        Raises:
            Away: the platform is, as earlier calls have shown.
            Retry: another replica works on this message.
            Unavailable: the broker does not answer.
        """
        self._outage.check()
        mark = self._marks.begin(message) if self._marks is not None else None
        try:
            return await self._with_permit(message, record, request, mark)
        finally:
            if mark is not None:
                mark.over()

    async def _with_permit(
        self, message: OutboundMessage, record: Record, request: R, mark: Mark | None
    ) -> Verdict | Settle:
        try:
            request = await self._channel.prepare(request)
        except Refused as refused:
            return refused.verdict
        permit = await self._permits.take(message.priority)
        if expired(message, self._clock.now()):
            return Settle("expired")
        self._outage.admit()
        try:
            return await self._under_ledger(message, record, request, permit, mark)
        except BaseException:
            # Whatever it was, it says nothing about the platform.
            self._outage.try_again()
            raise

    async def _under_ledger(
        self,
        message: OutboundMessage,
        record: Record,
        request: R,
        permit: Permit,
        mark: Mark | None,
    ) -> Verdict:
        """The call, between the two entries that tell of it."""
        await record.write(record.entry.model_copy(update={"state": "attempting"}))
        crash_point("notifier.before-call")
        await self._refresh(permit, message, record)
        if mark is not None:
            mark.begin_answer()
        started = time.perf_counter()
        verdict = await self._channel.send(message, request)
        crash_point("notifier.after-call")
        platform, name = self._channel.platform, type(verdict).__name__
        measures.calls.labels(platform=platform, verdict=name).inc()
        measures.call_seconds.labels(platform=platform).observe(time.perf_counter() - started)
        if isinstance(verdict, Accepted):
            self._outage.end()
        elif not isinstance(verdict, Unknown):
            # Certainly not taken; if the answer was lost, the entry stays as it is.
            await record.insist(record.entry.model_copy(update={"state": "ready"}))
        return verdict

    async def _refresh(self, permit: Permit, message: OutboundMessage, record: Record) -> None:
        """Take another permit if writing to the ledger took too long for this one."""
        try:
            while not permit.fresh:
                permit = await self._permits.take(message.priority)
        except Unavailable:
            # No call was made, so nothing is unknown.
            await record.insist(record.entry.model_copy(update={"state": "ready"}))
            raise
