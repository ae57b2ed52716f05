"""One outbound message, from the stream to its result (design: one message, steps 12 to 15)."""

from contextlib import suppress
from typing import Generic

from nats.js.errors import NotFoundError

from contracts import OutboundMessage
from contracts.topology import ring
from notifier.again import Again
from notifier.channel import Channel, R
from notifier.credentials import AccountWatch
from notifier.decisions import Send, Settle, decide, tier_full
from notifier.exports import Exports
from notifier.ledger import Record
from notifier.limits import Allowed, Limits
from notifier.lookback import LookBack
from notifier.outage import Away, Outage
from notifier.parking.entering import Entrance
from notifier.peers import Peers
from notifier.permits import Paused
from notifier.reach import Reach, is_untold
from notifier.refusals import Refusals
from notifier.results import Results
from notifier.sending import Calls, Job
from notifier.templates.standing import AccountTemplates, NoTemplates
from notifier.verdicts import Accepted
from notifier.versions import Versions
from notifier.waiting import Behind, Wait, wait_after
from notifier.whose import Whose
from runtime.documents import Documents
from runtime.failures import Retry, Unavailable
from runtime.faults import broken
from runtime.service import Service

TIER_FULL_SECONDS = 600.0
"""Between two looks whether somebody else's day has ended, so that there is room for a new person.
"""


class Sender(Generic[R]):
    """Sends the messages of one account, through its own channel, permits and pauses."""

    def __init__(
        self,
        service: Service,
        channel: Channel[R],
        results: Results,
        peers: Documents,
        watch: AccountWatch,
        templates: AccountTemplates | None = None,
        allowed: Allowed | None = None,
    ) -> None:
        """Prepare.

        Args:
            service: broker, clock and health.
            channel: how the account speaks.
            results: where results are written down and told.
            peers: the bucket of what is known of people.
            watch: stops the account on every replica, and tells the admin.
            templates: what may be said when a window is closed; None: there are no windows.
            allowed: what settings say of the account's limits.
        """
        self.channel = channel
        self._broker = service.broker
        self._clock = service.clock
        self._ring = ring(channel.platform, channel.account)
        self.outage = Outage(channel.platform, channel.account)
        self._results = results
        self._look_back = LookBack(service.broker, results)
        allowed = allowed or Allowed()
        self._peers = Peers(peers, allowed.paces)
        self._entrance = Entrance(service.broker, self._peers)
        self._limits = Limits(service.broker, service.health, peers, self._ring, allowed)
        self._limits.start()
        self._templates = templates or NoTemplates()
        self._calls = Calls(
            channel,
            self._limits.permits,
            self.outage,
            service.clock,
            Versions(service.broker),
            self._templates.approvals,
            Whose(service.broker, peers),
        )
        self._exports = Exports(service.broker)
        self._reach = Reach(service.broker, service.clock, self._peers)
        self._watch = watch
        self._refusals = Refusals(self._limits, self.outage, self._reach, watch, self._templates)

    async def close(self) -> None:
        """Let go of the platform; nothing may be under way."""
        await self._calls.close()
        await self._limits.close()

    async def check_ring(self) -> None:
        """Readiness: without the ring's consumer everybody sends at a part of the limit."""
        await self._limits.check()
        try:
            await self._broker.jetstream.consumer_info(self._ring.stream, self._ring.consumer)
        except NotFoundError as error:
            raise LookupError(f"{self._ring.stream} is missing; run `task streams`") from error

    @property
    def problem(self) -> str | None:
        """Why nothing goes out, as far as the last call showed; None when all is well."""
        return self.outage.reason

    @property
    def holding(self) -> str:
        """What the parked chats of this account wait for, in a word."""
        if self.outage.reason is not None:
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
            job = await self._job(message, record, parked=False)
            wait = await self._deliver_or_wait(job)
            if wait is not None:
                if wait.reason == "outage":
                    self._watch.waits(message)
                await self._entrance.take(job.message, record, wait)
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
            await self._deliver(await self._job(message, record, parked=True))
        await self._results.report(message, record)

    async def _job(self, message: OutboundMessage, record: Record, *, parked: bool) -> Job:
        """The message as it is now to be sent: the chat may have another id by now."""
        # What is parked under the old id comes first.
        peer = await self._reach.follow(
            message.address, message.heard_at, past_parked=parked or broken("parking")
        )
        if peer.address != message.address:
            message = message.model_copy(update={"address": peer.address})
        return Job(message, record, peer, parked)

    async def _deliver_or_wait(self, job: Job) -> Wait | None:
        if job.record.entry.parked:
            return Wait("behind")  # this process or another one was stopped on the way there
        if job.peer.peer.parked and not broken("parking"):
            return Wait("behind")
        try:
            await self._deliver(job)
        except (Behind, Away, Paused, Retry) as error:
            wait = wait_after(error)
            if wait is None:
                raise
            return wait
        return None

    async def _deliver(self, job: Job) -> None:
        """Bring the message to its result."""
        message, record, peer = job.message, job.record, job.peer
        if record.entry.state == "attempting":
            await self._look_back.at(message, record)
        if not record.settled:
            settle = await self._send(job)
            await peer.save()
            await self._results.settle(message, record, settle)
            if is_untold(peer.peer):
                with suppress(Unavailable):  # whoever finds it next tells it
                    await self._reach.tell(peer.address, message.correlation_id)

    async def _send(self, job: Job) -> Settle:
        """Make the calls that the message needs."""
        message = job.message
        plan = decide(message, job.peer.peer, self._clock.now(), self._templates.approvals())
        while isinstance(plan, Send):
            if plan.by_template and (settle := await self._admit(message)):
                return settle
            # A template takes no documents.
            whole = message if plan.by_template else await self._exports.filled(message)
            requests = self.channel.render(whole, by_template=plan.by_template)
            plan = await self._call_each(job, requests, plan)
        return plan

    async def _admit(self, message: OutboundMessage) -> Settle | None:
        """Whether somebody may be written to first today.

        Raises:
            Retry: not yet.
            Unavailable: nobody can tell.
        """
        if await self._limits.admit(message.address):
            return None
        if settle := tier_full(message):
            return settle
        raise Again("tier-limit", TIER_FULL_SECONDS)

    async def _call_each(self, job: Job, requests: tuple[R, ...], plan: Send) -> Send | Settle:
        """Call for each request that was not accepted before; says what is to be done then."""
        record = job.record
        record.expect(len(requests))
        while record.entry.parts_accepted < len(requests):
            request = requests[record.entry.parts_accepted]
            answer = await self._calls.make(job, request, plan)
            if isinstance(answer, Send | Settle):
                return answer
            if not isinstance(answer, Accepted):
                return await self._refusals.after(job, answer, plan)
            record.accept()
            if record.entry.parts_accepted < len(requests):
                await record.insist(record.entry)
        return Settle("accepted")
