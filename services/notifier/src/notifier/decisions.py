"""What to do with a message, as functions of what is known."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import DeliveryStatus, OutboundMessage, Priority
from notifier.ledger import Entry
from notifier.peers import Peer

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


def decide(message: OutboundMessage, peer: Peer, now: datetime) -> Send | Settle:
    """Whether this message may be sent to this person now, and how."""
    if expired(message, now):
        return Settle("expired")
    if peer.blocked:
        return Settle("suppressed", "blocked")
    if message.address.platform == "whatsapp" and not window_open(peer, now):
        return window_closed(message)
    return Send()


def expired(message: OutboundMessage, now: datetime) -> bool:
    """Whether its deadline has passed."""
    return message.expires_at is not None and message.expires_at <= now


def window_open(peer: Peer, now: datetime) -> bool:
    """Whether WhatsApp takes free text for this person."""
    return peer.heard_at is not None and now - peer.heard_at < WINDOW


def window_closed(message: OutboundMessage) -> Send | Settle:
    """Outside the window only an approved template may be sent."""
    if message.template is None:
        return Settle("suppressed", "window-closed")
    return Send(by_template=True)


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
