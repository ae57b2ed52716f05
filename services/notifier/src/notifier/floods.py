"""Is it one chat that gets too much, or the whole bot? A 429 does not say (platforms.md A5).

Refusals of several chats within a second mean the bot, whichever replicas made the calls: each
tells the others of its own over NATS, without an answer, and with a hash in place of the chat.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256

import nats.errors
from nats.aio.msg import Msg
from pydantic import BaseModel, ConfigDict, ValidationError

from contracts.topology import Ring
from runtime.broker import Broker

CHATS_MIN = 3
WINDOW_SECONDS = 1.0
REFUSALS_KEPT_MAX = 1024


class Refusal(BaseModel):
    """One 429, as told to the other replicas."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    chat: str
    """A hash of the chat: only whether two are the same matters."""
    seconds: float
    """The wait that the platform asked for."""


class Floods:
    """Remembers whose calls were refused within the last second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._refused: deque[tuple[float, Refusal]] = deque(maxlen=REFUSALS_KEPT_MAX)

    def count(self, refusal: Refusal) -> float | None:
        """Count one refusal; several chats at a time mean the whole account.

        Returns:
            The longest wait that any of them was asked for; None while it is single chats.
        """
        now = self._now()
        self._refused.append((now, refusal))
        while self._refused[0][0] < now - WINDOW_SECONDS:
            self._refused.popleft()
        recent = [one for _, one in self._refused]
        if len({one.chat for one in recent}) < CHATS_MIN:
            return None
        return max(one.seconds for one in recent)


class SharedFloods:
    """The floods of one account over all replicas."""

    def __init__(
        self, broker: Broker, ring: Ring, on_flood: Callable[[float], Awaitable[None]]
    ) -> None:
        """Prepare to count.

        Args:
            broker: carries what the replicas tell each other.
            ring: whose account it is.
            on_flood: called with the seconds for which the whole account must pause.
        """
        self._broker = broker
        self._subject = f"floods.{ring.platform}.{ring.account}"
        self._on_flood = on_flood
        self._floods = Floods()
        self._listening: asyncio.Task[object] | None = None

    def start(self) -> None:
        """Listen from now on."""
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def refused(self, chat_id: str, seconds: float) -> None:
        """Count a refusal here, and tell the other replicas."""
        refusal = Refusal(chat=sha256(chat_id.encode()).hexdigest()[:16], seconds=seconds)
        with suppress(nats.errors.Error, OSError):
            await self._broker.nats.publish(self._subject, refusal.model_dump_json().encode())
        await self._count(refusal)

    async def _listen(self) -> None:
        subscription = await self._broker.nats.subscribe(self._subject)
        try:
            async for message in subscription.messages:
                await self._hear(message)
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _hear(self, message: Msg) -> None:
        # One's own comes back too, and counts once: it is the same chat.
        with suppress(ValidationError):
            await self._count(Refusal.model_validate_json(message.data))

    async def _count(self, refusal: Refusal) -> None:
        seconds = self._floods.count(refusal)
        if seconds is not None:
            await self._on_flood(seconds)
