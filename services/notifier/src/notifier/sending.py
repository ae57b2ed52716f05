"""One call of a platform, under a permit and between two entries of the ledger."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from contracts import OutboundMessage
from notifier import measures
from notifier.channel import Channel, Drops, R, Refused
from notifier.decisions import Send, Settle, decide, expired, stale
from notifier.ledger import Record
from notifier.marks import Mark, Marks, MarksRead
from notifier.outage import Outage
from notifier.peers import PeerRecord
from notifier.permits import Paused, Permit, Permits
from notifier.templates.standing import Approvals
from notifier.verdicts import Accepted, Unknown, Verdict
from notifier.versions import Versions
from notifier.waiting import Behind, rest
from notifier.whose import Whose
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.faults import broken, crash_point


@dataclass(frozen=True, slots=True)
class Job:
    """A message on its way."""

    message: OutboundMessage
    record: Record
    peer: PeerRecord
    parked: bool
    """It is the head of its parked chat; if it is not, it must not overtake those who are there."""


class Calls(Generic[R]):
    """The calls of one account."""

    def __init__(
        self,
        channel: Channel[R],
        permits: Permits,
        outage: Outage,
        clock: Clock,
        versions: Versions,
        approvals: Callable[[], Approvals],
        whose: Whose,
    ) -> None:
        self._channel = channel
        self._permits = permits
        self._outage = outage
        self._clock = clock
        self._versions = versions
        self._approvals = approvals
        self._whose = whose
        self._marks = Marks(channel, permits) if isinstance(channel, MarksRead) else None

    async def close(self) -> None:
        """Let go of the platform; nothing may be under way."""
        if self._marks is not None:
            await self._marks.close()
        await self._channel.close()

    async def make(self, job: Job, request: R, plan: Send) -> Verdict | Send | Settle:
        """One request; or, without a call, what is to be done with the message by now.

        Raises:
            Away: the platform is, as earlier calls have shown.
            Paused: the account is.
            Behind: the chat was parked meanwhile.
            TooSoon: this chat must be left alone.
            Retry: another replica works on this message.
            Unavailable: the broker does not answer.
        """
        self._outage.check()
        mark = self._marks.begin(job.message) if self._marks is not None else None
        try:
            return await self._with_permit(job, request, plan, mark)
        finally:
            if mark is not None:
                mark.over()

    async def _with_permit(
        self, job: Job, request: R, plan: Send, mark: Mark | None
    ) -> Verdict | Send | Settle:
        try:
            request = await self._channel.prepare(request)
        except Refused as refused:
            return refused.verdict
        try:
            permit = await self._book(job, plan)
            if isinstance(permit, Permit):
                self._outage.admit()
        except BaseException:
            self._drop(request)
            raise
        if not isinstance(permit, Permit):
            self._drop(request)
            return permit
        try:
            return await self._under_ledger(job, request, permit, mark)
        except BaseException:
            # Whatever it was, it says nothing about the platform.
            self._outage.try_again()
            raise

    def _drop(self, request: R) -> None:
        if isinstance(self._channel, Drops):
            self._channel.drop(request)

    async def _book(self, job: Job, plan: Send) -> Permit | Send | Settle:
        """A permit of the account's and a place in the chat's pace, unless it is too late."""
        while True:
            await rest(job.peer)
            permit = await self._permits.take(job.message.priority)
            if expired(job.message, self._clock.now()):
                permit.give_back()
                return Settle("expired")
            if stale(plan, job.message, job.peer.peer, self._clock.now()):
                # It has waited until the window was over.
                now, peer = self._clock.now(), job.peer.peer
                permit.give_back()
                return decide(job.message, peer, now, self._approvals())
            if await self._versions.overtaken(job.message):
                permit.give_back()
                return Settle("suppressed", "newer-notice")
            await self._whose.name(job.peer)
            if await job.peer.book():
                permit.give_back()
                continue  # somebody else has written to the chat meanwhile
            # What was booked was written over the newest peer, so this is how things stand now.
            if job.peer.peer.parked and not job.parked and not broken("parking"):
                raise Behind
            return permit

    async def _under_ledger(
        self, job: Job, request: R, permit: Permit, mark: Mark | None
    ) -> Verdict:
        """The call, between the two entries that tell of it."""
        record = job.record
        update = {"state": "attempting", "whose": job.peer.peer.whose}
        await record.write(record.entry.model_copy(update=update))
        crash_point("notifier.before-call")
        permit = await self._refresh(permit, job)
        if mark is not None:
            mark.begin_answer()
        started = time.perf_counter()
        with permit.call():
            verdict = await self._channel.send(job.message, request)
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

    async def _refresh(self, permit: Permit, job: Job) -> Permit:
        """This permit, or another one if writing to the ledger took too long for it."""
        try:
            while not permit.use():
                permit = await self._permits.take(job.message.priority, prepared=True)
            return permit
        except (Paused, Unavailable):
            # No call was made, so nothing is unknown.
            record = job.record
            await record.insist(record.entry.model_copy(update={"state": "ready"}))
            raise
