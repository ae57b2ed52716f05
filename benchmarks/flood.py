"""One chat floods, and the others go on at their pace: how long they wait for their answers."""

import asyncio
import itertools
import json
import statistics
import time
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

import nats
from nats.aio.msg import Msg

from benchmarks.chats import Chats, address
from contracts import InboundMessage, Sender, TextSaid, inbound_id

OTHERS = 512
"""Eight for each lane, on average."""
OTHERS_PER_SECOND = 60.0
PHASE_SECONDS = 8.0
FLOOD_MESSAGES = 1_000
SLOWLY = timedelta(seconds=2)
"""Between two things said by somebody who does not flood."""
FLOODING_CHAT = 800_000
"""Numbers from here on are nobody else's."""
WEBHOOK_SECONDS = 0.001
"""A platform sends a chat's next message once the one before is taken (platforms.md A2); over a
real network that takes tens of milliseconds."""
ANSWERS_SECONDS_MAX = 60.0


class Crossing:
    """Sends for everybody, and sees the answers arrive."""

    def __init__(self, nats_url: str, code: str) -> None:
        self._url = nats_url
        self._chats = Chats(code)
        self._people = itertools.cycle(range(OTHERS))
        self._floods = itertools.count(FLOODING_CHAT)
        self._sent: dict[UUID, float] = {}
        self._taken: dict[UUID, float] = {}

    async def __aenter__(self) -> Self:
        self._client = await nats.connect(self._url, pending_size=64 * 1024 * 1024)
        self._jetstream = self._client.jetstream()
        await self._client.subscribe("out.>", cb=self._hear)
        for _ in range(OTHERS):  # their first step asks the registry, the later ones do not
            await self._say(self._chats.say(next(self._people)))
        await self._answered()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def _hear(self, message: Msg) -> None:
        answered_id = UUID(json.loads(message.data)["correlation_id"])
        if answered_id in self._sent and answered_id not in self._taken:
            self._taken[answered_id] = time.perf_counter() - self._sent[answered_id]

    async def _say(self, message: InboundMessage) -> None:
        self._sent[message.id] = time.perf_counter()
        await self._publish(message)

    async def _publish(self, message: InboundMessage) -> None:
        await self._client.publish(
            message.route(),
            message.model_dump_json().encode(),
            headers={"Nats-Msg-Id": str(message.id)},
        )

    async def _answered(self) -> None:
        async with asyncio.timeout(ANSWERS_SECONDS_MAX):
            while len(self._taken) < len(self._sent):
                await asyncio.sleep(0.01)
            while (await self._jetstream.stream_info("INBOUND")).state.messages:
                await asyncio.sleep(0.01)

    async def phase(
        self, *, flood: bool, read: bool = False, webhooks: bool = False
    ) -> list[float]:
        """The seconds that each of the others waited, while a chat floods or nobody does.

        Args:
            flood: a chat says a thousand things at once.
            webhooks: they come in one after the other, as fast as a gateway could take them.
            read: by the platform's clock they were said one by one, so that all are answered, as
                after an outage: what a flood would do if it were read.
        """
        self._sent.clear()
        self._taken.clear()
        poured = self._flood(SLOWLY if read else timedelta()) if flood else []
        pouring: asyncio.Task[None] | None = None
        begun = time.perf_counter()
        for nth in range(int(OTHERS_PER_SECOND * PHASE_SECONDS)):
            await asyncio.sleep(begun + nth / OTHERS_PER_SECOND - time.perf_counter())
            if flood and nth == int(OTHERS_PER_SECOND):
                pouring = asyncio.create_task(self._pour(poured, webhooks))
            await self._say(self._chats.say(next(self._people)))
        if pouring is not None:
            await pouring
        await self._answered()
        return list(self._taken.values())

    def _flood(self, apart: timedelta) -> list[InboundMessage]:
        chat, now = address(next(self._floods)), datetime.now(UTC)
        ids = [
            inbound_id(chat.platform, chat.account, f"{chat.chat_id}:{nth}")
            for nth in range(FLOOD_MESSAGES)
        ]
        return [
            InboundMessage(
                id=message_id,
                correlation_id=message_id,
                occurred_at=now,
                address=chat,
                sender=Sender(name="Ann Lee", language="en"),
                content=TextSaid(text="/help"),
                sent_at=now - (FLOOD_MESSAGES - nth) * apart,
            )
            for nth, message_id in enumerate(ids)
        ]

    async def _pour(self, flood: list[InboundMessage], webhooks: bool) -> None:
        for message in flood:
            await self._publish(message)
            # At once, too, the same loop must hear when the others are answered.
            await asyncio.sleep(WEBHOOK_SECONDS if webhooks else 0)


def p99(seconds: list[float]) -> float:
    """99 of 100 waited no longer."""
    return statistics.quantiles(seconds, n=100)[98]
