"""People who talk to the registry alone: their commands in, the outcomes they are told out.

It stands where the conversation stands: it publishes to COMMANDS and reads INBOUND. So it knows,
of every command, which outcomes are in the stream, in which order, and how often they were said.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import api

from contracts import Address, ClaimSeat, Command, Platform, Sender, derived_id
from contracts.topology import CONVERSATION_INBOUND

CONNECTIONS = 64
"""As many people at once as the promise is about (field.md B4.1), each on a line of their own."""
CONNECTIONS_OPENED_AT_ONCE = 8
UNREAD_MAX = 100_000
PUBLISH_SECONDS_MAX = 10.0
PUBLISH_ATTEMPTS_MAX = 5
ANSWER_SECONDS_MAX = 60.0
"""Longer than the recovery of anything that a test kills."""
SETTLE_POLL_SECONDS = 0.05

C = TypeVar("C", bound=Command)


@dataclass(frozen=True, slots=True)
class Told:
    """One outcome as it is in the stream."""

    sequence: int
    """Its place in INBOUND: the order in which people are told."""
    command_id: UUID
    kind: str
    outcome: dict[str, Any]
    """What became of the command."""
    raw: bytes
    """The whole message, to the letter."""

    @property
    def registration(self) -> dict[str, Any]:
        """The seat or the place in line that it is about."""
        found: dict[str, Any] = self.outcome["registration"]
        return found


class Crowd:
    """`async with Crowd(nats_url) as crowd: await crowd.send_all(commands)`."""

    def __init__(self, nats_url: str, *, connections: int = CONNECTIONS) -> None:
        self._nats_url = nats_url
        self._connections = connections
        self._stack = AsyncExitStack()
        self._clients: list[Client] = []
        self._lines: Iterable[Client] = ()
        self._awaited: dict[UUID, asyncio.Future[Told]] = {}
        self._sequences: set[int] = set()
        self._run = uuid4()
        self._made: Counter[str] = Counter()
        self.offset_seconds = 0.0
        """How far business time is ahead, where a test turns the clock."""
        self.sent: dict[UUID, Command] = {}
        self.unanswered: dict[UUID, Command] = {}
        """Commands from a chat that was not told anything yet."""
        self.told: dict[UUID, list[Told]] = defaultdict(list)
        """What is in the stream, by command; more than one is a fault."""
        self.said: Counter[tuple[UUID, bytes]] = Counter()
        """How often an outcome was published, by command and content; the stream keeps one."""

    async def __aenter__(self) -> Self:
        gate = asyncio.Semaphore(CONNECTIONS_OPENED_AT_ONCE)

        async def connect() -> Client:
            async with gate:
                return await nats.connect(self._nats_url)

        self._clients = await asyncio.gather(*(connect() for _ in range(self._connections)))
        for client in self._clients:
            self._stack.push_async_callback(client.close)
        self._lines = cycle(self._clients)
        await self._read()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _read(self) -> None:
        client = await nats.connect(self._nats_url)
        self._stack.push_async_callback(client.close)
        jetstream = client.jetstream()
        # A work queue gives each message to one reader, and here nobody else listens.
        await asyncio.gather(
            *(jetstream.delete_consumer("INBOUND", lane.name) for lane in CONVERSATION_INBOUND),
            return_exceptions=True,
        )
        await client.subscribe("in.>", cb=self._note_saying)
        await jetstream.subscribe(
            "inbound.>",
            stream="INBOUND",
            durable="crowd",
            cb=self._hear,
            manual_ack=True,
            config=api.ConsumerConfig(
                ack_policy=api.AckPolicy.EXPLICIT, max_ack_pending=UNREAD_MAX
            ),
        )

    async def _note_saying(self, message: Msg) -> None:
        self.said[UUID(json.loads(message.data)["command_id"]), message.data] += 1

    async def _hear(self, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        await message.ack()
        if sequence in self._sequences:
            return
        self._sequences.add(sequence)
        body = json.loads(message.data)
        outcome = body["outcome"]
        told = Told(sequence, UUID(body["command_id"]), outcome["kind"], outcome, message.data)
        self.told[told.command_id].append(told)
        self.unanswered.pop(told.command_id, None)
        if (awaited := self._awaited.get(told.command_id)) and not awaited.done():
            awaited.set_result(told)

    def new_id(self, name: str) -> UUID:
        """An id for a command that no other has; `name` says whose."""
        self._made[name] += 1
        return derived_id(self._run, f"{name}:{self._made[name]}")

    def now(self) -> datetime:
        """Business time."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)

    def make(self, kind: type[C], cause: str, /, **fields: Any) -> C:
        """A command of that kind, made now."""
        command_id = self.new_id(cause)
        return kind(id=command_id, occurred_at=self.now(), correlation_id=command_id, **fields)

    def claim(self, event_id: UUID, number: int) -> ClaimSeat:
        """Person `number` wants a seat."""
        address = person(number)
        return self.make(
            ClaimSeat,
            f"claim:{number}",
            event_id=event_id,
            address=address,
            sender=Sender(),
            name=f"Person {number}",
            email_claimed=f"person{number}@example.com",
            language="en",
            registered_via=address.platform,
        )

    async def send(self, command: Command, *, as_copy: bool = False) -> None:
        """Publish a command; a copy is kept by the stream beside what was sent before.

        Raises:
            nats.errors.Error: the stream did not acknowledge it.
        """
        self.sent[command.id] = command
        if getattr(command, "address", None) is not None and command.id not in self.told:
            self.unanswered[command.id] = command
        message_id = str(self.new_id("copy") if as_copy else command.id)
        client = next(iter(self._lines))
        for attempt in range(1, PUBLISH_ATTEMPTS_MAX + 1):
            try:
                await client.jetstream().publish(
                    command.route(),
                    command.model_dump_json().encode(),
                    timeout=PUBLISH_SECONDS_MAX,
                    headers={"Nats-Msg-Id": message_id},
                )
            except nats.errors.TimeoutError:
                if attempt == PUBLISH_ATTEMPTS_MAX:
                    raise
            else:
                return

    async def send_all(self, commands: Sequence[Command], *, as_copies: bool = False) -> None:
        """Publish them at once, one after the other on each connection."""
        gate = asyncio.Semaphore(self._connections)

        async def one(command: Command) -> None:
            async with gate:
                await self.send(command, as_copy=as_copies)

        await asyncio.gather(*map(one, commands))

    async def ask(self, command: Command, seconds_max: float = ANSWER_SECONDS_MAX) -> Told:
        """Publish a command and wait for what becomes of it.

        Raises:
            TimeoutError: nothing is told in time.
        """
        self._awaited[command.id] = asyncio.get_running_loop().create_future()
        try:
            await self.send(command)
            return await asyncio.wait_for(self._awaited[command.id], seconds_max)
        except TimeoutError:
            raise TimeoutError(
                f"{command.route()} {command.id} is not answered after {seconds_max:.0f} s; "
                f"{await self._where_commands_are()}"
            ) from None
        finally:
            del self._awaited[command.id]

    async def _where_commands_are(self) -> str:
        """Which lanes hold commands: nobody's yet, or in the hands of a process."""
        jetstream = self._clients[0].jetstream()
        lanes = [
            f"{lane.name}: {lane.num_pending} not fetched, {lane.num_ack_pending} with a process"
            for lane in await jetstream.consumers_info("COMMANDS")
            if lane.num_pending or lane.num_ack_pending
        ]
        return "; ".join(lanes) or "no command is left in the stream"

    def answer(self, command: Command) -> Told:
        """What became of a command that was answered."""
        return self.told[command.id][0]

    async def settled(self, seconds_max: float = ANSWER_SECONDS_MAX) -> None:
        """Wait until every chat is answered and no command is left in the stream.

        Raises:
            TimeoutError: some are not; the message says how many.
        """
        jetstream = self._clients[0].jetstream()
        left = -1
        try:
            async with asyncio.timeout(seconds_max):
                while self.unanswered or left:
                    await asyncio.sleep(SETTLE_POLL_SECONDS)
                    left = (await jetstream.stream_info("COMMANDS")).state.messages
        except TimeoutError:
            raise TimeoutError(
                f"after {seconds_max:.0f} s {len(self.unanswered)} commands are unanswered, "
                f"{left} left in the stream"
            ) from None


def person(number: int) -> Address:
    """The chat of one person; even numbers are on Telegram, odd ones on WhatsApp."""
    platform: Platform = "whatsapp" if number % 2 else "telegram"
    if platform == "telegram":
        return Address(platform=platform, account="123456", chat_id=str(10_000_000 + number))
    return Address(
        platform=platform, account="106540352242922", chat_id=f"49151{10_000_000 + number}"
    )
