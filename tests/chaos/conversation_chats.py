"""People who talk to the conversation alone: what they say into INBOUND, what they are owed out.

It stands where gateway and notifier stand. Each thing said has an answer of its own: who it is
for and which input it answers is in every message of OUTBOUND.
"""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext, api

from contracts import (
    Address,
    ChoiceTapped,
    InboundMessage,
    Platform,
    Sender,
    TextSaid,
    inbound_id,
)
from contracts.topology import NOTIFIER_OUTBOUND

ACCOUNTS: dict[Platform, str] = {"telegram": "123456", "whatsapp": "106540352242922"}
PENDING_BYTES_MAX = 64 * 1024 * 1024
"""What the senders may be ahead of their connection."""
UNREAD_MAX = 200_000
POLL_SECONDS = 0.1
PACE = timedelta(seconds=2)
"""Between two things that one person says, by the platform's clock: nobody floods."""
SAID_BEFORE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that was said: the `nth` of its chat."""

    chat: Address
    nth: int
    message: InboundMessage
    names: str | None
    """What its answer must hold, where the answer says it back."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it is in OUTBOUND."""

    sequence: int
    correlation_id: UUID
    body: dict[str, Any]


def chat(number: int) -> Address:
    """The chat with this number; even ones are on Telegram."""
    platform: Platform = "whatsapp" if number % 2 else "telegram"
    return Address(platform=platform, account=ACCOUNTS[platform], chat_id=str(10_000_000 + number))


def script(code: str, address: Address, messages: int, began: datetime) -> list[Said]:
    """A registration is begun; then name, back, name, back, each name another one."""
    said = []
    for nth in range(messages):
        name = f"Ann {chr(ord('A') + nth // 26)}{chr(ord('a') + nth % 26)}" if nth % 2 else None
        content = (
            ChoiceTapped(choice_id=f"reg:{code}") if nth == 0 else TextSaid(text=name or "back")
        )
        input_id = inbound_id(address.platform, address.account, f"{address.chat_id}:{nth}")
        message = InboundMessage(
            id=input_id,
            correlation_id=input_id,
            occurred_at=datetime.now(UTC),
            address=address,
            sender=Sender(name="Ann Lee", language="en"),
            content=content,
            sent_at=began + nth * PACE,
        )
        said.append(Said(address, nth, message, name))
    return said


class Chats:
    """`async with Chats(nats_url, code, people=300, messages=20) as chats: ...`."""

    def __init__(self, nats_url: str, code: str, *, people: int, messages: int) -> None:
        began = datetime.now(UTC) - SAID_BEFORE
        self._url = nats_url
        self.scripts = [script(code, chat(number), messages, began) for number in range(people)]
        self.heard: dict[UUID, list[Heard]] = defaultdict(list)
        """What is in OUTBOUND, by the input that it answers."""
        self.copies = 0
        self._sequences: set[int] = set()
        self._stack = AsyncExitStack()

    @property
    def inputs(self) -> int:
        """How many things are said in all."""
        return sum(map(len, self.scripts))

    async def __aenter__(self) -> Self:
        self._client = await nats.connect(self._url, pending_size=PENDING_BYTES_MAX)
        self._stack.push_async_callback(self._client.close)
        self.jetstream: JetStreamContext = self._client.jetstream()
        # A work queue gives each message to one reader, and here nobody else listens.
        await asyncio.gather(
            *(
                self.jetstream.delete_consumer("OUTBOUND", lane.name)
                for lanes in NOTIFIER_OUTBOUND.values()
                for lane in lanes
            )
        )
        await self.jetstream.subscribe(
            "outbound.>",
            stream="OUTBOUND",
            durable="people",
            cb=self._hear,
            manual_ack=True,
            config=api.ConsumerConfig(
                ack_policy=api.AckPolicy.EXPLICIT, max_ack_pending=UNREAD_MAX
            ),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _hear(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        await message.ack()
        if sequence in self._sequences:
            return
        self._sequences.add(sequence)
        body = json.loads(message.data)
        heard = Heard(sequence, UUID(body["correlation_id"]), body)
        self.heard[heard.correlation_id].append(heard)

    async def say_all(self, chance: random.Random, *, copies_share: float) -> None:
        """Everybody says everything at once, each in order; some of it comes again, later on.

        A copy is what a platform's repetition is after the stream forgot the first one's id.
        """
        longest = max(map(len, self.scripts))
        for nth in range(longest):
            for said in self.scripts:
                await self._say(said[nth].message, str(said[nth].message.id))
                if chance.random() < copies_share:
                    again = said[chance.randint(0, nth)].message
                    self.copies += 1
                    await self._say(again, f"copy-{self.copies}")
            await self._client.flush()

    async def say_again(self, chance: random.Random, count: int) -> None:
        """Copies after the fact."""
        for said in chance.sample([one for script in self.scripts for one in script], count):
            self.copies += 1
            await self._say(said.message, f"copy-{self.copies}")
        await self._client.flush()

    async def _say(self, message: InboundMessage, message_id: str) -> None:
        await self._client.publish(
            message.route(),
            message.model_dump_json().encode(),
            headers={"Nats-Msg-Id": message_id},
        )

    async def settled(self, seconds_max: float) -> None:
        """Wait until nothing is left to be worked on, and all that is owed was read.

        Raises:
            TimeoutError: it takes longer.
        """
        async with asyncio.timeout(seconds_max):
            while (await self.jetstream.stream_info("INBOUND")).state.messages:
                await asyncio.sleep(POLL_SECONDS)
            owed = (await self.jetstream.stream_info("OUTBOUND")).state.last_seq
            while len(self._sequences) < owed:
                await asyncio.sleep(POLL_SECONDS)

    async def waiting(self) -> int:
        """How much is left to be worked on."""
        return (await self.jetstream.stream_info("INBOUND")).state.messages

    def answers(self, script: Sequence[Said]) -> list[tuple[int, Heard]]:
        """What one chat was told, in order, each with the number of what it answers."""
        numbered = [(said.nth, heard) for said in script for heard in self.heard[said.message.id]]
        return sorted(numbered, key=lambda one: one[1].sequence)
