"""How much may be in the gateway at once, and how much one chat may say.

Two kinds of too much, and two answers. What is too much for *us* is refused with 503 before it is
taken, and the platform brings it again: nothing is lost. What is too much from *one chat* is
answered with 200 and dropped, or the platform would bring the flood again for hours.
"""

import time
from collections.abc import Callable
from typing import Literal

from contracts import (
    ChatBlocked,
    ChatMoved,
    ChatUnblocked,
    DeliveryReported,
    InboundMessage,
    MarketingPreferred,
    Platform,
)
from gateway.refusals import Refused
from runtime.metrics import counter

CHAT_ITEMS_PER_SECOND = 2.0
"""What one chat may say for as long as it likes. Twice the dialogue's own pace, which answers
"too fast" in words: whoever is shed here was told so long before."""
CHAT_ITEMS_AT_ONCE = 120
"""What one chat may say at once: a minute of the sustained pace, in one batch after an outage."""
CHATS_KNOWN_MAX = 50_000
"""Chats whose pace is remembered, about 10 MB. Beyond it the quietest one starts afresh."""
WEBHOOKS_IN_FLIGHT_MAX: dict[Platform, int] = {"telegram": 1_024, "whatsapp": 6_144}
"""Webhooks of one platform that are being stored, or wait for the broker. Telegram has at most 100
connections per bot (platforms.md A1). WhatsApp's 100 webhooks a second for 19 s, and what it was
refused before and brings again, are 5,700 in the worst minute."""
BODY_BYTES_HELD_MAX = 24 * 1024 * 1024
"""Bytes of one platform's bodies in memory: eight of the largest. Of one platform, because the
author of a WhatsApp body is known only after it was read, and must not shut out Telegram."""

_shed = counter(
    "turnout_webhook_items_shed_total",
    "Items that were dropped because their chat sends too many.",
    ("platform", "scope"),
)
_refused = counter(
    "turnout_webhooks_over_limit_total",
    "Webhooks refused because too much is in the gateway at once.",
    ("platform", "limit"),
)


class ChatPace:
    """The generic cell rate algorithm: one number per chat says when its next item is due."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        per_second: float = CHAT_ITEMS_PER_SECOND,
        at_once: int = CHAT_ITEMS_AT_ONCE,
        chats_max: int = CHATS_KNOWN_MAX,
    ) -> None:
        self._now = now
        self._item_seconds = 1 / per_second
        self._ahead_seconds_max = (at_once - 1) * self._item_seconds
        self._chats_max = chats_max
        self._due: dict[str, float] = {}
        """Chat → when it has its whole allowance again, the chat that spoke last at the end."""

    def __len__(self) -> int:
        return len(self._due)

    def takes(self, chat: str) -> bool:
        """Whether this chat may say one thing more, which is then counted against it."""
        now = self._now()
        due = max(self._due.get(chat, now), now)
        if due - now > self._ahead_seconds_max:
            return False
        self._due.pop(chat, None)
        self._due[chat] = due + self._item_seconds
        while len(self._due) > self._chats_max:
            del self._due[next(iter(self._due))]
        return True

    def gives_back(self, chat: str) -> None:
        """Forget one item: it was not stored, and will be brought again."""
        if chat in self._due:
            self._due[chat] -= self._item_seconds


def may_be_shed(message: InboundMessage | DeliveryReported) -> bool:
    """Whether a message counts against its chat's pace.

    What changes where a person can be reached is always kept: it is never said twice.
    """
    return isinstance(message, InboundMessage) and not isinstance(
        message.content, ChatBlocked | ChatUnblocked | MarketingPreferred | ChatMoved
    )


def count_shed(platform: Platform) -> None:
    """Count an item that its chat's pace did not allow."""
    _shed.labels(platform=platform, scope="chat").inc()


class Room:
    """What of one platform is in the gateway at this moment."""

    def __init__(
        self,
        platform: Platform,
        *,
        webhooks_max: int | None = None,
        bytes_max: int = BODY_BYTES_HELD_MAX,
    ) -> None:
        self._platform = platform
        self._webhooks_max = webhooks_max or WEBHOOKS_IN_FLIGHT_MAX[platform]
        self._bytes_max = bytes_max
        self._webhooks = 0
        self._bytes = 0

    def enter(self) -> None:
        """Begin to store an authentic webhook; `leave` ends it.

        Raises:
            Refused: too many are being stored.
        """
        if self._webhooks >= self._webhooks_max:
            raise self._full("webhooks")
        self._webhooks += 1

    def leave(self) -> None:
        """End what `enter` began."""
        self._webhooks -= 1

    def hold(self, size_bytes: int) -> None:
        """Take bytes of a body into memory; `release` gives them back.

        Raises:
            Refused: too many are held.
        """
        if self._bytes + size_bytes > self._bytes_max:
            raise self._full("bytes")
        self._bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        """Give back what `hold` took."""
        self._bytes -= size_bytes

    def _full(self, limit: Literal["webhooks", "bytes"]) -> Refused:
        _refused.labels(platform=self._platform, limit=limit).inc()
        return Refused(503, "over-limit")
