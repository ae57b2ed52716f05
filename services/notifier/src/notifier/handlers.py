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
from notifier.outage import Outage
from notifier.peers import Peers
from notifier.refusals import Refusals
from notifier.results import Results
from notifier.sending import Calls
from notifier.verdicts import Accepted
from runtime.documents import Documents
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
            requests = self.channel.render(message, by_template=plan.by_template)
            plan = await self._call_each(message, record, requests, plan)
        return plan

    async def _call_each(
        self, message: OutboundMessage, record: Record, requests: tuple[R, ...], plan: Send
    ) -> Send | Settle:
        """Call for each request that was not accepted before; says what is to be done then."""
        record.expect(len(requests))
        while record.entry.parts_accepted < len(requests):
            request = requests[record.entry.parts_accepted]
            answer = await self._calls.make(message, record, request)
            if isinstance(answer, Settle):
                return answer
            if not isinstance(answer, Accepted):
                return await self._refusals.after(message, record, answer, plan)
            record.accept(answer.provider_id)
            if record.entry.parts_accepted < len(requests):
                await record.insist(record.entry)
        return Settle("accepted")
