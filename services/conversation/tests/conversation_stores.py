"""Both stores, and what can go wrong around them: a registry's desk, and a cable to cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import (
    Address,
    ChatSavedAnswer,
    ChatState,
    ChatStateAnswer,
    DropChatState,
    LoadChatState,
    SaveChatState,
)
from conversation.settings import Settings
from conversation.stores import Store, open_store
from runtime.broker import UNAVAILABLE_HEADER
from runtime.service import Service
from runtime.testing import eventually


@dataclass
class Desk:
    """The registry's seam, played by the test: it keeps states as `user_states` does."""

    states: dict[Address, ChatState] = field(default_factory=dict)
    mood: Literal["answers", "is away", "forgets to answer"] = "answers"
    """The last: it does what it was asked to, and the answer is lost."""
    asked: int = 0

    async def open(self, client: Client) -> None:
        """Answer all questions on this connection."""
        await client.subscribe(LoadChatState.subject, cb=self._load)
        await client.subscribe(SaveChatState.subject, cb=self._save)
        await client.subscribe(DropChatState.subject, cb=self._drop)
        await client.flush()
        self._client = client

    async def _load(self, message: Msg) -> None:
        query = LoadChatState.model_validate_json(message.data)
        await self._answer(message, ChatStateAnswer(state=self.states.get(query.address)))

    async def _save(self, message: Msg) -> None:
        query = SaveChatState.model_validate_json(message.data)
        current = self.states.get(query.address)
        saved = (current and current.revision) in (query.base, query.state.revision)
        if self.mood != "is away" and saved:
            self.states[query.address] = query.state
        await self._answer(message, ChatSavedAnswer(saved=saved))

    async def _drop(self, message: Msg) -> None:
        query = DropChatState.model_validate_json(message.data)
        current = self.states.get(query.address)
        if self.mood != "is away" and current is not None and current.revision == query.base:
            del self.states[query.address]
        await self._answer(message, ChatSavedAnswer(saved=query.address not in self.states))

    async def _answer(self, message: Msg, answer: ChatStateAnswer | ChatSavedAnswer) -> None:
        self.asked += 1
        if self.mood == "answers":
            await message.respond(answer.model_dump_json().encode())
        else:
            await self._client.publish(message.reply, headers={UNAVAILABLE_HEADER: "postgres"})


class Cable:
    """Between one replica and Redis; the test can cut it."""

    def __init__(self, port: int) -> None:
        self._far = port
        self._near: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Redis, by way of this cable."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def mend(self) -> None:
        """Let everything through."""
        if self._near is None:
            self._near = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
            self.port = self._near.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Let nothing through, and end what is on its way."""
        if self._near is not None:
            self._near.close()
            self._near = None
        for end in self._ends:
            end.transport.abort()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self._ends.add(back)
        try:
            far, there = await asyncio.open_connection("127.0.0.1", self._far)
        except OSError:
            back.transport.abort()
            return
        finally:
            self._ends.discard(back)
        ends = {back, there}
        self._ends |= ends
        await asyncio.gather(_pump(near, there), _pump(far, back))
        self._ends -= ends


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.transport.abort()


@asynccontextmanager
async def stores_at(
    nats_url: str, redis_urls: list[str] | None, replicas: int = 1
) -> AsyncIterator[list[Store]]:
    """The stores of some replicas; in JetStream when no Redis is named."""
    async with AsyncExitStack() as stack:
        stores = []
        for number in range(replicas):
            settings = Settings.model_validate(
                {"nats_url": nats_url, "turnout_replica": number + 1}
                | (
                    {"state_store": "redis", "redis_url": redis_urls[number % len(redis_urls)]}
                    if redis_urls
                    else {}
                )
            )
            service = Service("conversation", settings)
            stores.append(open_store(settings, service))
            app = service.build()
            await stack.enter_async_context(app.router.lifespan_context(app))
            await eventually(partial(getattr, service.health, "started"))
        yield stores
