"""How a message comes to wait with its chat."""

import structlog

from contracts import OutboundMessage
from notifier import measures, real_time
from notifier.ledger import Record
from notifier.parking.parked import Parked
from notifier.parking.wakes import Wakes
from notifier.peers import Peers
from notifier.waiting import Wait
from runtime.broker import Broker
from runtime.faults import crash_point

log = structlog.get_logger()


class Entrance:
    """Parks messages, one by one, as `notifier.parking` says."""

    def __init__(self, broker: Broker, peers: Peers) -> None:
        self._parked = Parked(broker, peers)
        self._wakes = Wakes(broker)

    async def take(self, message: OutboundMessage, record: Record, wait: Wait) -> None:
        """Let the message wait with its chat; then it may be acknowledged.

        Raises:
            Retry: another replica works on it.
            Unavailable: the broker does not answer, or there is no room.
        """
        if not record.entry.parked:
            await record.write(record.entry.model_copy(update={"parked": True}))
        appended = await self._parked.append(message)
        crash_point("notifier.after-park")
        peer = await self._parked.mark(
            message, appended, wait.until if wait.reason == "chat" else None
        )
        crash_point("notifier.after-mark")
        if peer.parked_by == message.id:
            # Whoever parks a chat sees to its wake. Who comes behind needs none: the chat has one,
            # or its first message is not acknowledged yet and comes here again.
            await self._wakes.at(message.address, wait.until)
            crash_point("notifier.after-wake")
            _say(message, wait)
        if not appended.repeated:
            platform, account = message.address.platform, message.address.account
            measures.parked.labels(platform=platform, account=account, reason=wait.reason).inc()


def _say(message: OutboundMessage, wait: Wait) -> None:
    if wait.reason in ("account", "outage"):
        return  # said once for the account, by its pause or its outage
    seconds = None if wait.until is None else (wait.until - real_time.now()).total_seconds()
    log.info(
        "chat parked",
        platform=message.address.platform,
        account=message.address.account,
        outbound_id=str(message.id),
        reason=wait.reason,
        seconds=None if seconds is None else round(seconds, 1),
    )
