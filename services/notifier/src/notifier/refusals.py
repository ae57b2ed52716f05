"""What follows from a call that a platform did not accept."""

from contracts import OutboundMessage, Platform
from notifier.decisions import Send, Settle, backoff_seconds, window_closed
from notifier.floods import Floods
from notifier.ledger import Record
from notifier.outage import Outage
from notifier.pauses import Pauses
from notifier.peers import Peers
from notifier.verdicts import (
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
from runtime.failures import Retry

AFTER_LOST_ANSWER_SECONDS = 1.0
"""Before a send of unknown outcome is looked at again."""


class Refusals:
    """What one account does about the answers that are no acceptance."""

    def __init__(self, platform: Platform, outage: Outage, peers: Peers, pauses: Pauses) -> None:
        self._platform = platform
        self._outage = outage
        self._peers = peers
        self._pauses = pauses
        self._floods = Floods()

    async def after(
        self, message: OutboundMessage, record: Record, verdict: Verdict, plan: Send
    ) -> Send | Settle:
        """The message's result, or how else it is to be sent now.

        Raises:
            Away: the platform is; its messages are held.
            Retry: the message comes again later.
        """
        match verdict:
            case Down() | Stopped():
                needs_human = isinstance(verdict, Stopped)
                self._outage.begin(verdict.reason, needs_human=needs_human)
                raise self._outage.away()
            case Unknown():
                self._outage.try_again()
                raise Retry(verdict.reason, AFTER_LOST_ANSWER_SECONDS)
        self._outage.end()
        match verdict:
            case Throttled():
                await self._throttled(message, record, verdict)
            case Later() if record.entry.refusals < verdict.tries_max:
                await self._again(record, verdict)
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
        """Too fast: this chat waits, or the whole account; the message is none the worse for it."""
        scope = verdict.scope
        if scope == "chat" and self._platform == "telegram":
            scope = self._floods.scope(message.address.chat_id)
        throttled = record.entry.throttled
        after_seconds = verdict.after_seconds or backoff_seconds(throttled)
        if scope == "account":
            await self._pauses.pause(after_seconds)
        await record.write(record.entry.model_copy(update={"throttled": throttled + 1}))
        raise Retry(verdict.reason, after_seconds)

    async def _again(self, record: Record, verdict: Verdict) -> None:
        refusals = record.entry.refusals
        await record.write(record.entry.model_copy(update={"refusals": refusals + 1}))
        raise Retry(verdict.reason, backoff_seconds(refusals))
