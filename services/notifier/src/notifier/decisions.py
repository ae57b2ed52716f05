"""What to do with a message, as functions of what is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import DeliveryStatus, OutboundMessage, Priority
from notifier.codes import CODE_TO_SCOPED_ID, is_authentication, is_scoped
from notifier.ledger import Entry
from notifier.peers import Peer
from notifier.templates.catalogue import Language, catalogue
from notifier.templates.standing import NOTHING_KNOWN, Approvals

WINDOW = timedelta(hours=24) - timedelta(minutes=10)
"""WhatsApp lets a business write freely for 24 h after the person did (platforms.md B4); ten
minutes are kept for clocks that differ and messages that wait."""
BACKOFF_BASE_SECONDS = 4
BACKOFF_SECONDS_MAX = 256.0
"""4^X seconds after refusal X, counted from 0, as Meta advises (platforms.md B5)."""


@dataclass(frozen=True, slots=True)
class Send:
    """Make the call."""

    by_template: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """It has its result."""

    status: DeliveryStatus
    reason: str | None = None


def decide(
    message: OutboundMessage, peer: Peer, now: datetime, approvals: Approvals = NOTHING_KNOWN
) -> Send | Settle:
    """Whether this message may be sent to this person now, and how."""
    if expired(message, now):
        return Settle("expired")
    if peer.blocked:
        return Settle("suppressed", "blocked")
    if message.marketing and not marketing_allowed(peer, now):
        return Settle("suppressed", "marketing-stopped")
    if message.address.platform == "whatsapp" and not window_open(peer, now):
        return window_closed(message, peer, approvals)
    document = message.document
    if message.address.platform == "email" and document and document.kind == "mydata":
        # It goes to the chat that asked: of a mailbox nobody knows who else reads it.
        return Settle("suppressed", "not-by-mail")
    return Send()


def stale(plan: Send, message: OutboundMessage, peer: Peer, now: datetime) -> bool:
    """Whether what was decided as free text has waited until the window was over."""
    if message.address.platform != "whatsapp" or plan.by_template:
        return False
    return not window_open(peer, now)


def tier_full(message: OutboundMessage) -> Settle | None:
    """What becomes of a message to somebody new when WhatsApp lets us write to nobody new today.

    News for many, and whatever has another way to the person, do not wait. The rest does, until
    its deadline: somebody else's day ends first. None: it waits.
    """
    if message.priority == "bulk" or message.alternatives:
        return Settle("suppressed", "tier-limit")
    return None


def expired(message: OutboundMessage, now: datetime) -> bool:
    """Whether its deadline has passed."""
    return message.expires_at is not None and message.expires_at <= now


def marketing_allowed(peer: Peer, now: datetime) -> bool:
    """Whether an organiser's own words may go to them now."""
    rests = peer.marketing_rests_until is not None and now < peer.marketing_rests_until
    return not (peer.marketing_stopped or rests)


def window_open(peer: Peer, now: datetime, window: timedelta = WINDOW) -> bool:
    """Whether WhatsApp takes free text for this person, as far as it has not said otherwise."""
    if peer.heard_at is None or peer.heard_at == peer.window_closed_for:
        return False
    return now - peer.heard_at < window


def window_closed(
    message: OutboundMessage, peer: Peer, approvals: Approvals = NOTHING_KNOWN
) -> Send | Settle:
    """Outside the window only an approved template may be sent.

    What nobody knows is tried: Meta's answer tells, and costs one call.
    """
    template = message.template
    if template is None:
        return Settle("suppressed", "window-closed")
    if is_scoped(message.address) and is_authentication(template):
        return Settle("suppressed", CODE_TO_SCOPED_ID)
    if peer.marketing_stopped and category(template.name, message.language, approvals) == (
        "marketing"
    ):
        return Settle("suppressed", "marketing-stopped")
    if too_long(template.name, message.language, template.parameters):
        return Settle("suppressed", "text-unfit-for-template")
    if approvals.usable(template.name, message.language) == "no":
        return Settle("suppressed", "template-not-approved")
    return Send(by_template=True)


def category(name: str, language: Language, approvals: Approvals) -> str:
    """What a template counts as: Meta's own word, or else what our file asks for."""
    approval = approvals.of(name, language)
    if approval is not None and approval.category:
        return approval.category
    known = catalogue().get(name)
    return known.category if known else ""


def too_long(name: str, language: Language, parameters: Sequence[str]) -> bool:
    """Whether the words that belong into a template make it longer than Meta takes.

    Another number of parameters than the template has is a bug of ours; Meta's refusal says so.
    """
    known = catalogue().get(name)
    if known is None or len(parameters) != len(known.parameters):
        return False
    return not known.takes(language, parameters)


def after_lost_answer(priority: Priority, entry: Entry) -> Settle | None:
    """A call was made and nobody knows its outcome: its result, or None to send once more.

    Whoever waits for an answer gets it, perhaps twice; a reminder twice is worse than none.
    """
    if priority in ("reminder", "bulk") or entry.repeated:
        return Settle("unknown", "answer-lost")
    return None


def backoff_seconds(refusals: int) -> float:
    """How long to wait after `refusals` earlier refusals of the same message."""
    return min(float(BACKOFF_BASE_SECONDS**refusals), BACKOFF_SECONDS_MAX)
