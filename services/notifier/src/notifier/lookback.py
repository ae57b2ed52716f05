"""A call was made and its answer is lost: what the platform says of it, and what follows from that.

Unknown is a result (design 3.9). Telegram cannot be asked. WhatsApp tells what became of a message
in statuses, under the id that we gave it; the gateway keeps them in DELIVERY, also those that come
before the answer to the call.
"""

import asyncio
import time

import structlog
from nats.js.errors import NotFoundError

from contracts import DeliveryReported, OutboundMessage
from contracts.delivery import fold
from notifier import measures
from notifier.decisions import Settle, after_lost_answer
from notifier.ledger import Record
from notifier.results import Results
from notifier.whose import TELLS_LATER
from runtime.broker import UNREACHABLE, Broker
from runtime.failures import Unavailable

STATUS_SECONDS_MAX = 3.0
"""How long a status may take: the first comes 50 to 300 ms after the call (platforms.md E2), and
webhooks may be slow just when an answer was lost."""
STATUS_POLL_SECONDS = 0.2

log = structlog.get_logger()


class LookBack:
    """Finds out what became of a send of unknown outcome, as far as anybody can."""

    def __init__(self, broker: Broker, results: Results) -> None:
        self._broker = broker
        self._results = results

    async def at(self, message: OutboundMessage, record: Record) -> None:
        """Leave the record with a result, or ready for what is still to be sent.

        Raises:
            Retry: another replica works on it.
            Unavailable: the broker does not answer.
        """
        told = await self._told(message, part=record.entry.parts_accepted)
        if told is None:
            await self._by_class(message, record)
        elif told.status == "failed":
            await self._results.settle(message, record, Settle("failed", told.reason))
            _count(message, "known-by-status")
        else:
            record.accept()
            if record.entry.parts_accepted < record.entry.parts:
                await record.write(record.entry)
            else:
                await self._results.settle(message, record, Settle("accepted"))
            _count(message, "known-by-status")

    async def _by_class(self, message: OutboundMessage, record: Record) -> None:
        settle = after_lost_answer(message.priority, record.entry)
        if settle is not None:
            await self._results.settle(message, record, settle)
            _count(message, "given-up")
            return
        await record.write(record.entry.model_copy(update={"state": "ready", "repeated": True}))
        log.warning("sent once more", outbound_id=str(message.id))
        _count(message, "sent-again")

    async def _told(self, message: OutboundMessage, *, part: int) -> DeliveryReported | None:
        """What the platform says of one request; None if it says nothing in time."""
        if message.address.platform not in TELLS_LATER:
            return None
        ends = time.monotonic() + STATUS_SECONDS_MAX
        while (told := await self._read(message, part)) is None and time.monotonic() < ends:
            await asyncio.sleep(STATUS_POLL_SECONDS)
        return told

    async def _read(self, message: OutboundMessage, part: int) -> DeliveryReported | None:
        subject = DeliveryReported.subject.format(
            platform=message.address.platform, outbound_id=message.id
        )
        known: DeliveryReported | None = None
        sequence = 1
        while True:
            try:
                raw = await self._broker.jetstream.get_msg(
                    "DELIVERY", seq=sequence, subject=subject, next=True
                )
            except NotFoundError:
                return known
            except UNREACHABLE as error:
                raise Unavailable("nats") from error
            assert raw.seq is not None
            sequence = raw.seq + 1
            report = DeliveryReported.model_validate_json(raw.data or b"")
            # What the notifier itself said before it was sent again from DEAD tells nothing new.
            if report.source != "platform" or report.part != part:
                continue
            if known is None or fold(known.status, report.status) != known.status:
                known = report


def _count(message: OutboundMessage, outcome: str) -> None:
    measures.sends_unknown.labels(
        platform=message.address.platform, priority=message.priority, outcome=outcome
    ).inc()
