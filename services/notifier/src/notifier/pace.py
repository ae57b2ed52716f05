"""How fast one chat may be written to (platforms.md A5, B5), as a debt: pure functions of time.

A limit with a burst is kept as one time, the generic cell rate algorithm's theoretical arrival
time: when the chat will owe nothing any more. Each message moves it on by one interval, and a chat
may owe for as many intervals as its burst has messages.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import Address

TELEGRAM_CHAT_INTERVAL_SECONDS = 1.1
"""Telegram takes about one a second in a private chat (A5); a tenth of a second is left for calls
of which a later one arrives sooner."""
TELEGRAM_CHAT_BURST = 3
"""At once, after a rest (A5)."""
TELEGRAM_GROUP_INTERVAL_SECONDS = 3.4
"""In a group; 20 a minute are the limit (A5)."""
TELEGRAM_GROUP_BURST = 2
"""At once; so the fullest minute holds 19."""
WHATSAPP_PAIR_INTERVAL_SECONDS = 6.0
"""WhatsApp takes one in six seconds from one number to one person (B5)."""
WHATSAPP_PAIR_BURST = 44
"""At once, borrowed from later (B5); 45 are the limit, and one is left for calls that arrive at
other distances than they were made."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One message per interval, and a burst after a rest."""

    interval_seconds: float
    burst: int

    def wait_seconds(self, tat: datetime | None, now: datetime) -> float:
        """How long the next message must wait; 0.0 when it may go now.

        Args:
            tat: when the chat will owe nothing any more; None when nobody ever wrote to it.
            now: real time, as the platform's limits are.
        """
        if tat is None:
            return 0.0
        may_owe_seconds = (self.burst - 1) * self.interval_seconds
        return max((tat - now).total_seconds() - may_owe_seconds, 0.0)

    def book(self, tat: datetime | None, now: datetime) -> datetime:
        """The theoretical arrival time after a message that goes now."""
        free_at = now if tat is None else max(tat, now)
        return free_at + timedelta(seconds=self.interval_seconds)

    def spend(self, tat: datetime | None, now: datetime) -> datetime:
        """The same when the platform has shown that the burst is used up."""
        spent = now + timedelta(seconds=self.burst * self.interval_seconds)
        return spent if tat is None else max(tat, spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """What is kept for each kind of chat."""

    telegram_chat: Pace = Pace(TELEGRAM_CHAT_INTERVAL_SECONDS, TELEGRAM_CHAT_BURST)
    telegram_group: Pace = Pace(TELEGRAM_GROUP_INTERVAL_SECONDS, TELEGRAM_GROUP_BURST)
    whatsapp_pair: Pace = Pace(WHATSAPP_PAIR_INTERVAL_SECONDS, WHATSAPP_PAIR_BURST)

    def of(self, address: Address) -> Pace | None:
        """The pace of a chat; None where a platform knows none."""
        match address.platform:
            case "telegram":
                # Ids of groups and channels are negative (A3).
                is_group = address.chat_id.startswith("-")
                return self.telegram_group if is_group else self.telegram_chat
            case "whatsapp":
                return self.whatsapp_pair
            case "email":
                return None
