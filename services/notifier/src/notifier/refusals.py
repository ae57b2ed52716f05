"""What follows from a call that a platform did not accept."""

from notifier.decisions import Send, Settle, backoff_seconds, window_closed
from notifier.limits import Limits
from notifier.outage import Outage
from notifier.peers import Peers
from notifier.sending import Job
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

    def __init__(self, limits: Limits, outage: Outage, peers: Peers) -> None:
        self._limits = limits
        self._outage = outage
        self._peers = peers

    async def after(self, job: Job, verdict: Verdict, plan: Send) -> Send | Settle:
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
                # Too fast: that says nothing about the message, and costs it no attempt.
                raise Retry(verdict.reason, await self._limits.throttled(job.peer, verdict))
            case Later() if job.record.entry.refusals < verdict.tries_max:
                await self._again(job, verdict)
            case Gone():
                await self._peers.block(job.message.address)
            case MediaGone():
                return plan
            case WindowClosed() if not plan.by_template:
                return window_closed(job.message, job.peer.peer)
        return Settle("failed", verdict.reason)

    async def _again(self, job: Job, verdict: Verdict) -> None:
        entry = job.record.entry
        await job.record.write(entry.model_copy(update={"refusals": entry.refusals + 1}))
        raise Retry(verdict.reason, backoff_seconds(entry.refusals))
