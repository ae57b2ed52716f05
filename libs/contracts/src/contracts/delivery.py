"""What became of an outbound message, by ids only."""

from typing import ClassVar, Literal, get_args
from uuid import UUID

from contracts.address import Platform
from contracts.message import Message

DeliveryStatus = Literal[
    "unknown",
    "set-aside",
    "accepted",
    "sent",
    "failed",
    "delivered",
    "read",
    "suppressed",
    "expired",
]
"""The notifier says accepted, failed, unknown, set-aside, suppressed or expired; a platform sent,
delivered, read or failed; the conversation suppressed or expired, of a notice that it did not tell.

`unknown`: the platform may or may not have it. `set-aside`: not sent, left to a human in DEAD, who
may have it sent after all. `suppressed`: not sent on purpose (blocked, window closed, a newer
notice). `expired`: its deadline passed first.

In the order in which `fold` lets one replace another.
"""

PART_DIGITS_MAX = 3
"""A message of more requests would be no message."""

_RANK: dict[DeliveryStatus, int] = {
    status: rank for rank, status in enumerate(get_args(DeliveryStatus))
}


def fold(known: DeliveryStatus | None, told: DeliveryStatus) -> DeliveryStatus:
    """What is known of a message after one more report of it, in any order and repeated at will.

    Reports come reordered and repeated (platforms.md B2), so the statuses stand in one line and the
    higher one stays:

    - accepted < sent < delivered < read; any may be left out.
    - A platform's `failed` is the end, unless the person has it: `delivered` and `read` stay.
    - `unknown` gives way to everything: any word of the platform is better than none.
    - `set-aside` gives way to whatever becomes of the message when it is sent after all.
    - `suppressed` and `expired` are said only of what was certainly not sent, or not all of it.

    A report counts if the result differs from `known`; whatever is kept beside the status (reason,
    time) is then the report's.

    Args:
        known: the result so far; None before the first report.
        told: the status of one `DeliveryReported`.
    """
    return told if known is None or _RANK[told] > _RANK[known] else known


def handle(outbound_id: UUID, part: int) -> str:
    """What a platform is given with one request of a message, and gives back in its statuses."""
    return f"{outbound_id}.{part}" if part else str(outbound_id)


def read_handle(given: str) -> tuple[UUID, int]:
    """The message and the part that a handle is of.

    Raises:
        ValueError: it is none of ours.
    """
    outbound_id, _, part = given.partition(".")
    if part and not (part.isascii() and part.isdecimal() and len(part) <= PART_DIGITS_MAX):
        raise ValueError("not a handle of ours")
    return UUID(outbound_id), int(part or 0)


class DeliveryReported(Message):
    """One result for one outbound message.

    The platform's own message id is left out: WhatsApp's contains the person's phone number.
    """

    subject: ClassVar[str] = "delivery.{platform}.{outbound_id}"

    platform: Platform | None
    """None: a notice that never became a message to any channel."""
    outbound_id: UUID
    status: DeliveryStatus
    source: Literal["notifier", "platform", "conversation"]
    reason: str | None = None
    """A short code such as `window-closed` or `telegram-403`, never a platform's sentence."""
    repeated: bool = False
    """Sent once more after an unknown result: the person may have it twice."""
    part: int = 0
    """Which of the message's requests a platform speaks of, from 0; most have one."""
    notice_id: UUID | None = None
    """The notice that the message told; only the notifier knows it."""
    passed_on_to: Platform | None = None
    """The same words went to another channel of the same person, as a message of their own."""

    def route(self) -> str:
        """The subject of this message's results."""
        return self.subject.format(platform=self.platform or "none", outbound_id=self.outbound_id)
