"""One outbound message, from the stream to its result (design: one message, steps 12 to 15)."""

from typing import Generic

from nats.js.errors import NotFoundError

from contracts import OutboundMessage
from contracts.topology import ring
from notifier.channel import Channel, R
from notifier.decisions import Send, Settle, decide
from notifier.ledger import Record
from notifier.limits import Limits
from notifier.lookback import LookBack
from notifier.outage import Away, Outage
from notifier.parking.entering import Entrance
from notifier.peers import Peers
from notifier.permits import Paused
from notifier.refusals import Refusals
from notifier.results import Results
from notifier.sending import Calls, Job
from notifier.verdicts import Accepted
from notifier.waiting import Behind, Wait, wait_after
from runtime.documents import Documents
from runtime.failures import Retry
from runtime.faults import broken
from runtime.service import Service


class Sender(Generic[R]):
    """Sends the messages of one account, through its own channel, permits and pauses."""

    def __init__(
        self, service: Service, channel: Channel[R], results: Results, peers: Documents
    ) -> None:
        self.channel = channel
        self._broker = service.broker
        self._clock = service.clock
        self._ring = ring(channel.platform, channel.account)
        self._outage = Outage(channel.platform, channel.account)
        self._results = results
        self._look_back = LookBack(service.broker, results)
        self._peers = Peers(peers)
        self._entrance = Entrance(service.broker, self._peers)
        self._limits = Limits(service.broker, service.health, peers, self._ring)
        self._limits.start()
        self._calls = Calls(channel, self._limits.permits, self._outage, service.clock)
        self._refusals = Refusals(self._limits, self._outage, self._peers)

    async def close(self) -> None:
        """Let go of the platform; nothing may be under way."""
        await self._calls.close()
        await self._limits.close()

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

    @property
    def holding(self) -> str:
        """What the parked chats of this account wait for, in a word."""
        if self._outage.reason is not None:
            return "outage"
        return "chat" if self._limits.pauses.until is None else "account"

    async def handle(self, message: OutboundMessage) -> None:
        """The person gets the message, or its result says why not, or it waits with its chat.

        Raises:
            Retry: not now, but soon.
            Unavailable: the broker does not answer.
        """
        record = await self._results.open(message)
        if not record.settled:
            wait = await self._deliver_or_wait(message, record)
            if wait is not None:
                await self._entrance.take(message, record, wait)
                return
        await self._results.report(message, record)

    async def handle_parked(self, message: OutboundMessage) -> None:
        """The same for the head of a parked chat, whose wake sees to it that it comes again.

        Raises:
            Paused: the account is.
            Retry: not now.
            Unavailable: the broker does not answer; as `Away`, the platform.
        """
        record = await self._results.open(message)
        if not record.settled:
            await self._deliver(message, record, parked=True)
        await self._results.report(message, record)

    async def _deliver_or_wait(self, message: OutboundMessage, record: Record) -> Wait | None:
        if record.entry.parked:
            return Wait("behind")  # this process or another one was stopped on the way there
        try:
            await self._deliver(message, record, parked=False)
        except (Behind, Away, Paused, Retry) as error:
            wait = wait_after(error)
            if wait is None:
                raise
            return wait
        return None

    async def _deliver(self, message: OutboundMessage, record: Record, *, parked: bool) -> None:
        """Bring the message to its result."""
        peer = await self._peers.open(message.address, message.heard_at)
        if peer.peer.parked and not parked and not broken("parking"):
            raise Behind
        if record.entry.state == "attempting":
            await self._look_back.at(message, record)
        if not record.settled:
            settle = await self._send(Job(message, record, peer, parked))
            await peer.save()
            await self._results.settle(message, record, settle)

    async def _send(self, job: Job) -> Settle:
        """Make the calls that the message needs."""
        message = job.message
        plan = decide(message, job.peer.peer, self._clock.now())
        while isinstance(plan, Send):
            requests = self.channel.render(message, by_template=plan.by_template)
            plan = await self._call_each(job, requests, plan)
        return plan

    async def _call_each(self, job: Job, requests: tuple[R, ...], plan: Send) -> Send | Settle:
        """Call for each request that was not accepted before; says what is to be done then."""
        record = job.record
        record.expect(len(requests))
        while record.entry.parts_accepted < len(requests):
            request = requests[record.entry.parts_accepted]
            answer = await self._calls.make(job, request)
            if isinstance(answer, Settle):
                return answer
            if not isinstance(answer, Accepted):
                return await self._refusals.after(job, answer, plan)
            record.accept(answer.provider_id)
            if record.entry.parts_accepted < len(requests):
                await record.insist(record.entry)
        return Settle("accepted")
