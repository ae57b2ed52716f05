"""One outbound message, from the stream to its result (design: one message, steps 12 to 15)."""

import time
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Generic, Self

import structlog
from nats.js.errors import NotFoundError

from contracts import DeliveryReported, DeliveryStatus, OutboundMessage, derived_id
from contracts.topology import LEDGER, PEERS, ring
from notifier import measures
from notifier.channel import Channel, R, Refused
from notifier.decisions import (
    Send,
    Settle,
    after_lost_answer,
    backoff_seconds,
    decide,
    expired,
    window_closed,
)
from notifier.floods import Floods
from notifier.ledger import Ledger, Record
from notifier.outage import Outage
from notifier.pauses import Pauses
from notifier.peers import Peers
from notifier.permits import Permit, Permits
from notifier.verdicts import (
    Accepted,
    Down,
    Gone,
    Later,
    Stopped,
    Throttled,
    Unknown,
    Verdict,
    WindowClosed,
)
from runtime.failures import Reject, Retry, Unavailable
from runtime.faults import crash_point
from runtime.service import Service

AFTER_LOST_ANSWER_SECONDS = 1.0
"""Before a send of unknown outcome is looked at again."""

log = structlog.get_logger()


class Sender(Generic[R]):
    """Sends the messages of one account; entered before the first message, left after the last."""

    def __init__(self, service: Service, channel: Channel[R]) -> None:
        self._broker = service.broker
        self._clock = service.clock
        self._channel = channel
        self._ring = ring(channel.platform, channel.account)
        self._permits = Permits(service.broker, service.health, self._ring)
        self._outage = Outage(channel.platform)
        self._floods = Floods()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        ledger, peers = (await self._broker.bucket(LEDGER), await self._broker.bucket(PEERS))
        self._ledger = Ledger(ledger)
        self._peers = Peers(peers)
        self._pauses = Pauses(self._broker, peers, self._ring)
        self._stack.push_async_callback(self._channel.close)
        self._stack.push_async_callback(self._permits.close)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def check_ring(self) -> None:
        """Readiness: without the ring's consumer no permit is ever given."""
        try:
            await self._broker.jetstream.consumer_info(self._ring.stream, self._ring.consumer)
        except NotFoundError as error:
            raise LookupError(f"{self._ring.stream} is missing; run `task streams`") from error

    async def check_channel(self) -> None:
        """Readiness: the platform takes messages, as far as the last call showed."""
        if self._outage.reason is not None:
            raise ConnectionError(f"nothing goes out: {self._outage.reason}")

    async def handle(self, message: OutboundMessage) -> None:
        """The person gets the message, or its result says why not."""
        if message.address.account != self._channel.account:
            raise Reject("addressed to an account that is not configured here")
        record = await self._ledger.open(message.id)
        if record.entry.state == "attempting":
            await self._look_back(message, record)
        if not record.settled:
            await self._settle(message, record, await self._send(message, record))
        await self._report(message, record)

    async def give_up(self, message: OutboundMessage, _reason: str) -> None:
        """The message is set aside for a human: that is its result."""
        record = await self._ledger.open(message.id)
        if not record.settled:
            status: DeliveryStatus = "unknown" if record.entry.state == "attempting" else "failed"
            await self._settle(message, record, Settle(status, "set-aside"))
        await self._report(message, record)

    async def _look_back(self, message: OutboundMessage, record: Record) -> None:
        """An earlier call may have been made, and its answer is lost."""
        measures.sends_unknown.labels(
            platform=self._channel.platform, priority=message.priority
        ).inc()
        settle = after_lost_answer(message.priority, record.entry)
        if settle is not None:
            await self._settle(message, record, settle)
        else:
            log.warning("sent once more", outbound_id=str(message.id))
            again = record.entry.model_copy(update={"state": "ready", "repeated": True})
            await record.write(again)

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
        try:
            request = await self._channel.prepare(request)
        except Refused as refused:
            return refused.verdict
        permit = await self._permits.take(message.priority)
        if expired(message, self._clock.now()):
            return None
        self._outage.admit()
        try:
            return await self._call_under_ledger(message, record, request, permit)
        except BaseException:
            # Whatever it was, it says nothing about the platform.
            self._outage.try_again()
            raise

    async def _call_under_ledger(
        self, message: OutboundMessage, record: Record, request: R, permit: Permit
    ) -> Verdict:
        """The call, between the two entries that tell of it."""
        await record.write(record.entry.model_copy(update={"state": "attempting"}))
        crash_point("notifier.before-call")
        await self._refresh(permit, message, record)
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

    async def _settle(self, message: OutboundMessage, record: Record, settle: Settle) -> None:
        """Write the result down; whatever happens from here on, it stays this one."""
        await record.insist(
            record.entry.model_copy(
                update={"state": "settled", "status": settle.status, "reason": settle.reason}
            )
        )
        crash_point("notifier.after-ledger")
        platform = self._channel.platform
        measures.sends.labels(
            platform=platform, priority=message.priority, status=settle.status
        ).inc()
        log.info(
            "outbound settled",
            outbound_id=str(message.id),
            platform=platform,
            priority=message.priority,
            status=settle.status,
            reason=settle.reason,
            repeated=record.entry.repeated,
            refusals=record.entry.refusals,
        )

    async def _report(self, message: OutboundMessage, record: Record) -> None:
        """Tell the result; under a derived id, so that it counts once."""
        entry = record.entry
        assert entry.status is not None
        await self._broker.publish(
            DeliveryReported(
                id=derived_id(message.id, entry.status),
                occurred_at=self._clock.now(),
                correlation_id=message.correlation_id,
                platform=self._channel.platform,
                outbound_id=message.id,
                status=entry.status,
                source="notifier",
                reason=entry.reason,
                repeated=entry.repeated,
            )
        )
