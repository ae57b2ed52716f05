"""What a platform says only later of a message that it accepted: that it did not arrive, and why.

WhatsApp takes a message for somebody who blocked us, or whose window is closed, and fails it in a
status (platforms.md B4, B6). A status names our message and nothing else, so the ledger tells whose
it was. The result itself is the registry's; here it is only learnt whom to leave alone.
"""

import re
from collections.abc import Awaitable, Callable

import structlog

from contracts import Address, DeliveryReported, Platform
from notifier import whatsapp_errors
from notifier.ledger import Entry, Ledger
from notifier.reach import Reach
from notifier.verdicts import Stopped
from notifier.whose import Whose

STATUSES_AT_ONCE = 8

_CODE = re.compile(r"whatsapp-([0-9]{1,9})")

log = structlog.get_logger()


def read_failure(_subject: str, body: bytes) -> DeliveryReported | None:
    """The report, if it is of a failure that a platform tells.

    All that the notifier and the gateway report comes by here; most of it is not worth reading.

    Raises:
        ValueError: it is no report.
    """
    if b'"failed"' not in body or b'"platform"' not in body:
        return None
    report = DeliveryReported.model_validate_json(body)
    return report if report.status == "failed" and report.source == "platform" else None


class Statuses:
    """Learns from failures."""

    def __init__(
        self,
        ledger: Ledger,
        whose: Whose,
        reach: Reach,
        stop: Callable[[tuple[Platform, str], Stopped], Awaitable[None]],
    ) -> None:
        """Prepare.

        Args:
            ledger: what is known of the message.
            whose: whom it was for.
            reach: who can be written to.
            stop: stops an account on every replica.
        """
        self._ledger = ledger
        self._whose = whose
        self._reach = reach
        self._stop = stop

    async def take_in(self, report: DeliveryReported | None) -> None:
        """Learn what a failure tells of the person, or of the account.

        Raises:
            Unavailable: the broker does not answer.
        """
        if report is None or (code := _CODE.fullmatch(report.reason or "")) is None:
            return
        entry = (await self._ledger.open(report.outbound_id)).entry
        address = await self._recipient(report, entry)
        if address is None:
            log.info("failure of a message that is not known", reason=report.reason)
            return
        judged = whatsapp_errors.look_up(int(code[1]))
        whatsapp_errors.TABLE.count(int(code[1]), judged)
        if isinstance(judged.verdict, Stopped):
            await self._stop((address.platform, address.account), judged.verdict)
            return
        peer = await self._reach.follow(address, None)
        heard_at = peer.peer.heard_at
        if heard_at is not None and entry.opened_at is not None and heard_at > entry.opened_at:
            return  # they have written since: it says nothing about now
        await self._reach.learn(peer, judged.verdict, report.correlation_id)

    async def _recipient(self, report: DeliveryReported, entry: Entry) -> Address | None:
        if entry.whose is not None:
            return await self._whose.find(entry.whose)
        if entry.chat_key is None or report.platform is None:
            return None
        return Address.from_key(report.platform, entry.chat_key)
