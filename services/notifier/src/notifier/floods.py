"""Is it one chat that gets too much, or the whole bot? A 429 does not say (platforms.md A5)."""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

CHATS_MIN = 3
WINDOW_SECONDS = 1.0


class Floods:
    """Remembers whose calls were refused within the last second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._refused: deque[tuple[float, str]] = deque()

    def scope(self, chat_id: str) -> Literal["chat", "account"]:
        """Count one refusal; several chats at a time mean the whole account."""
        now = self._now()
        self._refused.append((now, chat_id))
        while self._refused[0][0] < now - WINDOW_SECONDS:
            self._refused.popleft()
        chats = {refused for _, refused in self._refused}
        return "account" if len(chats) >= CHATS_MIN else "chat"
