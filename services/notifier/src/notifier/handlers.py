"""One outbound message, from the stream to its result (design: one message, steps 12 to 15)."""

import time
from typing import Generic

import structlog
from nats.js.errors import NotFoundError

from contracts import OutboundMessage
from contracts.topology import ring
from notifier import measures
from notifier.channel import Channel, R, Refused
from notifier.decisions import (
    Send,
    Settle,
    backoff_seconds,
    decide,
    expired,
    window_closed,
)
from notifier.floods import Floods
from notifier.ledger import Record
from notifier.lookback import LookBack
from notifier.marks import Mark, Marks, MarksRead
from notifier.outage import Outage
from notifier.pauses import Pauses
from notifier.peers import Peers
from notifier.permits import Permit, Permits
from notifier.results import Results
from notifier.verdicts import (
    Accepted,
    Down,
    Gone,
    Later,
    MediaGone,
    Stopped,
    Throttled,
    Unknown,
    Verdict,
    WindowClosed,
)
from runtime.documents import Documents
from runtime.failures import Retry, Unavailable
from runtime.faults import crash_point
from runtime.service import Service

AFTER_LOST_ANSWER_SECONDS = 1.0
"""Before a send of unknown outcome is looked at again."""

log = structlog.get_logger()


class Sender(Generic[R]):
    """Sends the messages of one account, through its own channel, permits and pauses."""

    def __init__(
        self, service: Service, channel: Channel[R], results: Results, peers: Documents
    ) -> None:
        self.channel = channel
        self._broker = service.broker
        self._clock = service.clock
        self._channel = channel
        self._ring = ring(channel.platform, channel.account)
        self._permits = Permits(service.broker, service.health, self._ring)
        self._marks = Marks(channel, self._permits) if isinstance(channel, MarksRead) else None
        self._outage = Outage(channel.platform, channel.account)
        self._floods = Floods()
        self._results = results
        self._look_back = LookBack(service.broker, results)
        self._peers = Peers(peers)
        self._pauses = Pauses(service.broker, peers, self._ring)

    async def close(self) -> None:
        """Let go of the platform; nothing may be under way."""
        if self._marks is not None:
            await self._marks.close()
        await self._permits.close()
        await self._channel.close()

    async def check_ring(self) -> None:
        """Readiness: without the ring's consumer no permit is ever given."""
        try:
            await self._broker.jetstream.consumer_info(self._ring.stream, self._ring.consumer)
        except NotFoundError as error:
            raise LookupError(f"{self._ring.stream} is missing; run `task streams`") from error

    @property
    def problem(self) -> str | None:
        """Why nothing goes out, as far as the last call showed; None when all is well."""
        return self._outage.reason

    async def handle(self, message: OutboundMessage) -> None:
        """The person gets the message, or its result says why not."""
        record = await self._results.open(message)
        if record.entry.state == "attempting":
            await self._look_back.at(message, record)
        if not record.settled:
            await self._results.settle(message, record, await self._send(message, record))
        await self._results.report(message, record)

    async def _send(self, message: OutboundMessage, record: Record) -> Settle:
        """Make the calls that the message needs."""
        peer = await self._peers.hear(message.address, message.heard_at)
        plan = decide(message, peer, self._clock.now())
        while isinstance(plan, Send):
            requests = self._channel.render(message, by_template=plan.by_template)
            plan = await self._call_each(message, record, requests, plan)
        return plan

    async def _call_each(
        self, message: OutboundMessage, record: Record, requests: tuple[R, ...], plan: Send
    ) -> Send | Settle:
        """Call for each request that was not accepted before; says what is to be done then."""
        record.expect(len(requests))
        while record.entry.parts_accepted < len(requests):
            verdict = await self._call(message, record, requests[record.entry.parts_accepted])
            if verdict is None:
                return Settle("expired")
            if not isinstance(verdict, Accepted):
                return await self._after_refusal(message, record, verdict, plan)
            record.accept(verdict.provider_id)
            if record.entry.parts_accepted < len(requests):
                await record.insist(record.entry)
        return Settle("accepted")

    async def _call(self, message: OutboundMessage, record: Record, request: R) -> Verdict | None:
        """One request under a permit and the ledger; None when the deadline passed before."""
        self._outage.check()
        mark = self._marks.begin(message) if self._marks is not None else None
        try:
            return await self._call_with_permit(message, record, request, mark)
        finally:
            if mark is not None:
                mark.over()

    async def _call_with_permit(
        self, message: OutboundMessage, record: Record, request: R, mark: Mark | None
    ) -> Verdict | None:
        try:
            request = await self._channel.prepare(request)
        except Refused as refused:
            return refused.verdict
        permit = await self._permits.take(message.priority)
        if expired(message, self._clock.now()):
            return None
        self._outage.admit()
        try:
            return await self._call_under_ledger(message, record, request, permit, mark)
        except BaseException:
            # Whatever it was, it says nothing about the platform.
            self._outage.try_again()
            raise

    async def _call_under_ledger(
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

    async def _after_refusal(
        self, message: OutboundMessage, record: Record, verdict: Verdict, plan: Send
    ) -> Send | Settle:
        """What follows from a call that was not accepted.

        Raises:
            Unavailable: the platform is away; the message is held.
            Retry: the message comes again later.
        """
        match verdict:
            case Down() | Stopped():
                needs_human = isinstance(verdict, Stopped)
                self._outage.begin(verdict.reason, needs_human=needs_human)
                raise self._outage.unavailable()
            case Unknown():
                self._outage.try_again()
                raise Retry(verdict.reason, AFTER_LOST_ANSWER_SECONDS)
        self._outage.end()
        match verdict:
            case Throttled():
                await self._throttled(message, record, verdict)
            case Later() if record.entry.refusals < verdict.tries_max:
                await self._again(record, verdict, after_seconds=None)
            case Gone():
                await self._peers.block(message.address)
            case MediaGone():
                return plan
            case WindowClosed() if not plan.by_template:
                return window_closed(message)
        return Settle("failed", verdict.reason)

    async def _throttled(
        self, message: OutboundMessage, record: Record, verdict: Throttled
    ) -> None:
        """Too fast: this chat waits, or the whole account."""
        scope = verdict.scope
        if scope == "chat" and self._channel.platform == "telegram":
            scope = self._floods.scope(message.address.chat_id)
        if scope == "account":
            await self._pauses.pause(
                verdict.after_seconds or backoff_seconds(record.entry.refusals)
            )
        await self._again(record, verdict, after_seconds=verdict.after_seconds)

    async def _again(
        self, record: Record, verdict: Verdict, *, after_seconds: float | None
    ) -> None:
        refusals = record.entry.refusals
        await record.write(record.entry.model_copy(update={"refusals": refusals + 1}))
        raise Retry(verdict.reason, after_seconds or backoff_seconds(refusals))
