"""What follows from a call that a platform did not accept."""

from contracts import OutboundMessage
from notifier.again import Again
from notifier.credentials import AccountWatch
from notifier.decisions import Send, Settle, backoff_seconds, window_closed
from notifier.limits import Limits
from notifier.outage import Outage
from notifier.reach import Reach
from notifier.sending import Job
from notifier.templates.standing import DOUBTS, AccountTemplates
from notifier.verdicts import (
    Down,
    Failed,
    Later,
    MediaGone,
    Moved,
    Stopped,
    Throttled,
    Unknown,
    Verdict,
    WindowClosed,
)
from runtime.failures import Retry

AFTER_LOST_ANSWER_SECONDS = 1.0
"""Before a send of unknown outcome is looked at again."""
STUMBLES = frozenset({"whatsapp-1", "whatsapp-131000"})
"""Meta's "something went wrong": about this message, or about everything (platforms.md B6)."""
AFTER_MOVE_SECONDS = 0.05
"""Before a message goes to its chat's new id, under a permit of its own."""
MOVES_MAX = 3
"""How often one message follows its chat; the platforms say that there is one new id."""


class Refusals:
    """What one account does about the answers that are no acceptance."""

    def __init__(
        self,
        limits: Limits,
        outage: Outage,
        reach: Reach,
        watch: AccountWatch,
        templates: AccountTemplates,
    ) -> None:
        """Prepare.

        Args:
            limits: what a refusal as too fast pauses.
            outage: whether the platform works.
            reach: who can be written to.
            watch: stops the account on every replica, and tells the admin.
            templates: what the account says of its templates.
        """
        self._limits = limits
        self._outage = outage
        self._reach = reach
        self._watch = watch
        self._templates = templates

    async def after(self, job: Job, verdict: Verdict, plan: Send) -> Send | Settle:
        """The message's result, or how else it is to be sent now.

        Raises:
            Away: the platform is; its messages are held.
            Retry: the message comes again later.
        """
        await self._judge_platform(job, verdict)
        await self._reach.learn(job.peer, verdict, job.message.correlation_id)
        if isinstance(verdict, Failed):
            await self._doubt_template(job.message, verdict)
        match verdict:
            case Throttled():
                # Too fast: that says nothing about the message, and costs it no attempt.
                raise Retry(verdict.reason, await self._limits.throttled(job.peer, verdict))
            case Later() if job.record.entry.refusals < verdict.tries_max:
                await self._again(job, verdict, verdict.after_seconds)
            case Moved() if job.record.entry.refusals < MOVES_MAX:
                await self._reach.moved(job.peer.address, verdict.chat_id)
                await self._again(job, verdict, AFTER_MOVE_SECONDS)
            case MediaGone():
                return plan
            case WindowClosed() if not plan.by_template:
                return window_closed(job.message, job.peer.peer, self._templates.approvals())
        return Settle("failed", verdict.reason)

    async def _judge_platform(self, job: Job, verdict: Verdict) -> None:
        """What the answer says of the platform and the account, whatever the message."""
        match verdict:
            case Down():
                self._outage.begin(verdict.reason)
                raise self._outage.away()
            case Stopped():
                await self._watch.stop(verdict)
                raise self._outage.away()
            case Unknown():
                self._outage.try_again()
                raise Again(verdict.reason, AFTER_LOST_ANSWER_SECONDS)
            case Later(reason=reason) if reason in STUMBLES:
                if self._outage.stumbled(job.message.address.chat_id, reason):
                    raise self._outage.away()
            case _:
                self._outage.end()

    async def _doubt_template(self, message: OutboundMessage, verdict: Failed) -> None:
        if message.template is None:
            return
        name = message.template.name
        if verdict.reason in DOUBTS:
            await self._templates.doubt(name, message.language, DOUBTS[verdict.reason])
            if self._templates.approvals().known:
                return  # whoever asks Meta about it tells the admin
        if verdict.effect in ("template-wrong", "template-unusable"):
            self._watch.template_refused(name, verdict.reason)

    async def _again(self, job: Job, verdict: Verdict, after_seconds: float | None) -> None:
        entry = job.record.entry
        await job.record.write(entry.model_copy(update={"refusals": entry.refusals + 1}))
        raise Again(verdict.reason, after_seconds or backoff_seconds(entry.refusals))
