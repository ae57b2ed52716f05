"""The other way to a person, when one certainly does not reach them.

The words go on as a message of their own, whose id follows from the first one's: however often this
is done, and whoever dies in between, the person gets them once. Only what is certain counts. After
an unknown outcome, or when a part of a message has arrived, nothing is passed on; nor when a
platform says later that it could not deliver what it had accepted, for by then the words are gone
from the stream, and the next message finds the person blocked and takes the other way by itself.

A code proves who reads it: whoever gives it other ways says that it proves the same on each of them
(the registry adds a person's mailbox only where the code stands for that very address).
"""

from collections.abc import Callable, Mapping

from contracts import Address, OutboundMessage, Priority, derived_id
from notifier.codes import CODE_TO_SCOPED_ID
from notifier.ledger import Entry

NAME = "fallback"
"""Of the id that follows from the first message's."""

GOES_ON: Mapping[Priority, bool] = {
    # Somebody waits for it, in the very chat where they asked.
    "reply": False,
    "transactional": True,
    "reminder": True,
    "bulk": True,
}

SUPPRESSED_FOR_THE_CHANNEL = frozenset(
    {
        "blocked",
        "window-closed",
        "template-not-approved",
        "text-unfit-for-template",
        "tier-limit",
        "no-mail-server",
        CODE_TO_SCOPED_ID,
    }
)
"""Reasons that are about this way to the person. Others are about the words (a newer notice) or
about the person's wish (no marketing), which another way would circumvent."""

FAILED_BY_WISH = frozenset({"whatsapp-131050"})
"""Failures that are a person's wish: they stopped an organiser's words at the platform."""


def passed_on(
    message: OutboundMessage, entry: Entry, *, serves: Callable[[Address], bool]
) -> OutboundMessage | None:
    """The same words to the person's next address; None when they do not go on.

    Args:
        message: what has its result.
        entry: the ledger's, settled.
        serves: whether we can write to an address at all.
    """
    if not (GOES_ON[message.priority] and _is_lost(entry)):
        return None
    for number, other in enumerate(message.alternatives):
        if other.address == message.address or not serves(other.address):
            continue
        return message.model_copy(
            update={
                "id": derived_id(message.id, NAME),
                "address": other.address,
                "email_to": other.email_to,
                "alternatives": message.alternatives[number + 1 :],
                # Both are about the chat that it came from.
                "heard_at": None,
                "in_reply_to": None,
                "redriven": None,
            }
        )
    return None


def _is_lost(entry: Entry) -> bool:
    """Whether certainly nothing of the message has reached the person, nor will."""
    if entry.state != "settled" or entry.parts_accepted or entry.repeated:
        return False
    if entry.status == "suppressed":
        return entry.reason in SUPPRESSED_FOR_THE_CHANNEL
    return entry.status == "failed" and entry.reason not in FAILED_BY_WISH
