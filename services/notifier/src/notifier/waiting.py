"""What must wait, and whether it does so here or parked."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from notifier import real_time
from notifier.again import Again
from notifier.outage import Away
from notifier.peers import PeerRecord
from notifier.permits import Paused
from runtime.failures import Retry

PARK_AFTER_SECONDS = 1.0
"""Who must wait for longer does not wait in a lane: its other chats would wait along."""

Reason = Literal["behind", "pace", "chat", "account", "outage"]
"""behind: others of its chat wait already. pace: the chat has been written to enough. chat: a
platform refused this message for now. account: all of the account's must wait. outage: the same,
and nobody knows until when."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A message that cannot be sent within `PARK_AFTER_SECONDS`."""

    reason: Reason
    until: datetime | None = None
    """Real time; None: nobody knows."""


class TooSoon(Retry):
    """The chat's pace forbids it, or a pause; both stand in the peer."""

    def __init__(self, after_seconds: float) -> None:
        super().__init__("pace", after_seconds)


class Behind(Exception):
    """The chat was parked while this message was on its way; nothing was sent."""


def wait_after(error: Behind | Away | Paused | Retry) -> Wait | None:
    """What an attempt that ended like this waits for; None when that is short."""
    match error:
        case Behind():
            return Wait("behind")
        case Away():
            return Wait("outage")
        case Paused(seconds=seconds):
            return Wait("account", real_time.after(seconds))
        case TooSoon(after_seconds=seconds) if seconds > PARK_AFTER_SECONDS:
            return Wait("pace", real_time.after(seconds))
        case Again(chosen_seconds=seconds) if seconds <= PARK_AFTER_SECONDS:
            return None  # what is added at random parks nobody
        case Retry(after_seconds=seconds) if seconds > PARK_AFTER_SECONDS:
            return Wait("chat", real_time.after(seconds))
    return None


async def rest(peer: PeerRecord) -> None:
    """Wait until the chat may be written to, if that is soon.

    Raises:
        TooSoon: it is not.
    """
    while seconds := peer.wait_seconds():
        if seconds > PARK_AFTER_SECONDS:
            raise TooSoon(seconds)
        await asyncio.sleep(seconds)
