"""The one result of each message: written down, then told."""

from collections.abc import Callable

import structlog

from contracts import Address, DeliveryReported, DeliveryStatus, OutboundMessage, derived_id
from notifier import measures
from notifier.decisions import Settle
from notifier.ledger import Ledger, Record
from notifier.passing_on import passed_on
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.faults import crash_point

log = structlog.get_logger()


class Results:
    """What became of every message, whichever account it is for."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        ledger: Ledger,
        serves: Callable[[Address], bool] = lambda _address: True,
    ) -> None:
        """Prepare.

        Args:
            broker: where results are told.
            clock: business time.
            ledger: where they are written down.
            serves: whether we can write to an address, for what goes on to another one.
        """
        self._broker = broker
        self._clock = clock
        self._ledger = ledger
        self._serves = serves
        self._hearers: list[Callable[[OutboundMessage, DeliveryStatus], None]] = []

    def tell(self, hearer: Callable[[OutboundMessage, DeliveryStatus], None]) -> None:
        """Call `hearer` with each message that gets its result here."""
        self._hearers.append(hearer)

    async def open(self, message: OutboundMessage) -> Record:
        """What is known of this message; one that an operator has sent again is open again.

        Raises:
            Unavailable: the broker does not answer.
        """
        record = await self._ledger.open(message.id)
        record.note(self._clock.now())
        record.reopen(message.redriven)
        return record

    async def set_aside(self, message: OutboundMessage, reason: str) -> None:
        """The message is left to a human: that is its result."""
        record = await self.open(message)
        if not record.settled:
            lost = record.entry.state == "attempting"
            await self.settle(message, record, Settle("unknown" if lost else "set-aside", reason))
        await self.report(message, record)

    async def settle(self, message: OutboundMessage, record: Record, settle: Settle) -> None:
        """Write the result down; whatever happens from here on, it stays this one."""
        if record.entry.repeated and settle.status in ("suppressed", "expired"):
            # That it was not sent once more does not mean that the first time it did not arrive.
            settle = Settle("unknown", "answer-lost")
        await record.insist(
            record.entry.model_copy(
                update={"state": "settled", "status": settle.status, "reason": settle.reason}
            )
        )
        crash_point("notifier.after-ledger")
        for hearer in self._hearers:
            hearer(message, settle.status)
        platform = message.address.platform
        measures.sends.labels(
            platform=platform, priority=message.priority, status=settle.status
        ).inc()
        log.info(
            "outbound settled",
            outbound_id=str(message.id),
            platform=platform,
            account=message.address.account,
            priority=message.priority,
            status=settle.status,
            reason=settle.reason,
            repeated=record.entry.repeated,
            refusals=record.entry.refusals,
        )

    async def report(self, message: OutboundMessage, record: Record) -> None:
        """Tell the result; under a derived id, so that it counts once.

        What certainly does not reach the person here is said elsewhere first.
        """
        entry = record.entry
        assert entry.status is not None
        other = passed_on(message, entry, serves=self._serves)
        if other is not None:
            await self._broker.publish(other)
            crash_point("notifier.passed-on")
            to = other.address.platform
            measures.passed_on.labels(platform=message.address.platform, to=to).inc()
            log.info(
                "passed on",
                outbound_id=str(message.id),
                to=to,
                as_id=str(other.id),
                reason=entry.reason,
            )
        await self._broker.publish(
            DeliveryReported(
                id=derived_id(message.id, entry.status),
                occurred_at=self._clock.now(),
                correlation_id=message.correlation_id,
                platform=message.address.platform,
                outbound_id=message.id,
                status=entry.status,
                source="notifier",
                reason=entry.reason,
                repeated=entry.repeated,
                notice_id=message.notice_id,
                passed_on_to=other.address.platform if other else None,
            )
        )
