"""A conversation in front of a real broker, with the registry's seam played by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import nats
from conversation_stores import Desk
from conversation_talk import World
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import KeyNotFoundError

from contracts import (
    ClaimSeat,
    FindEvent,
    FindNotice,
    FindNoticeToPerson,
    InboundItem,
    ListEvents,
    ListRegistrations,
    MoveIdentity,
    NoticeAnswer,
    NoticeToPersonAnswer,
    OutboundMessage,
    Query,
)
from contracts.topology import FSM
from conversation.handlers import Handlers
from conversation.registry import Registry
from conversation.settings import Settings
from conversation.store import Chats
from conversation.stores import document_key, open_store
from runtime.broker import UNAVAILABLE_HEADER
from runtime.service import Service
from runtime.testing import eventually

QUERIES: tuple[type[Query], ...] = (
    ListEvents,
    FindEvent,
    ListRegistrations,
    FindNotice,
    FindNoticeToPerson,
)


@dataclass
class House:
    """What the tests look at: the broker itself, and what the registry was asked."""

    url: str
    client: Client
    world: World
    notice: NoticeAnswer = NoticeAnswer()  # noqa: RUF009 - a frozen value
    to_person: NoticeToPersonAnswer = NoticeToPersonAnswer()  # noqa: RUF009 - a frozen value
    asked: list[Query] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    """The ids that somebody published at `out.>` and `command.>`, copies included."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """The registry answers while it is open."""
    states: Desk = field(default_factory=Desk)
    """Where the registry keeps dialogue states, when the store asks it to."""

    async def stored(self, stream: str) -> list[bytes]:
        """The bodies that a stream holds, in order."""
        jetstream = self.client.jetstream()
        last = (await jetstream.stream_info(stream)).state.last_seq
        return [
            (await jetstream.get_msg(stream, sequence)).data or b""
            for sequence in range(1, last + 1)
        ]

    async def messages(self, stream: str = "OUTBOUND") -> list[OutboundMessage]:
        """What people are owed."""
        return [OutboundMessage.model_validate_json(body) for body in await self.stored(stream)]

    async def claims(self) -> list[ClaimSeat]:
        """The claims that the registry is owed."""
        bodies = [body for body in await self.stored("COMMANDS") if b'"event_id"' in body]
        return [ClaimSeat.model_validate_json(body) for body in bodies]

    async def moves(self) -> list[MoveIdentity]:
        """What the registry is owed of people who are known by another id."""
        bodies = [body for body in await self.stored("COMMANDS") if b'"previous"' in body]
        return [MoveIdentity.model_validate_json(body) for body in bodies]

    async def hears(self, count: int) -> list[OutboundMessage]:
        """Wait until that many messages are owed in all."""
        async with asyncio.timeout(20):
            while len(found := await self.messages()) < count:
                await asyncio.sleep(0.02)
        return found

    async def says(self, item: InboundItem) -> None:
        """Put an item into the stream, as gateway and registry do."""
        await self.client.jetstream().publish(
            item.route(),
            item.model_dump_json().encode(),
            headers={"Nats-Msg-Id": str(item.id)},
        )

    async def revision(self, item: InboundItem) -> int | None:
        """The revision of the chat's document."""
        bucket = await self.client.jetstream().key_value(FSM.name)
        try:
            return (await bucket.get(document_key(item.address))).revision
        except KeyNotFoundError:
            return None

    async def _answer(self, message: Msg) -> None:
        query = next(kind for kind in QUERIES if kind.subject == message.subject)
        asked = query.model_validate_json(message.data)
        self.asked.append(asked)
        await self.gate.wait()
        answer = self._of_notice(asked) or self.world.answer(asked)
        if answer is None:
            await self.client.publish(message.reply, headers={UNAVAILABLE_HEADER: "postgres"})
        else:
            await message.respond(answer.model_dump_json().encode())

    def _of_notice(self, asked: Query) -> NoticeAnswer | NoticeToPersonAnswer | None:
        if isinstance(asked, FindNoticeToPerson):
            return self.to_person
        return self.notice if isinstance(asked, FindNotice) else None

    async def _note(self, message: Msg) -> None:
        self.published.append((message.headers or {}).get("Nats-Msg-Id", ""))


@asynccontextmanager
async def house_at(url: str, world: World | None = None) -> AsyncIterator[House]:
    """A registry's seam and a pair of ears on a provisioned server."""
    client = await nats.connect(url)
    house = House(url, client, world or World())
    house.gate.set()

    async def answer(message: Msg) -> None:
        # Each in its own task: one that waits at the gate must not hold up the next.
        tasks.add(asyncio.create_task(house._answer(message)))

    tasks: set[asyncio.Task[None]] = set()
    for query in QUERIES:
        await client.subscribe(query.subject, cb=answer)
    await house.states.open(client)
    for subject in ("out.>", "bulk.>", "command.>"):
        await client.subscribe(subject, cb=house._note)
    await client.flush()
    try:
        yield house
        await asyncio.gather(*tasks)
    finally:
        await client.close()


@asynccontextmanager
async def handlers_at(url: str, **settings: Any) -> AsyncIterator[Handlers]:
    """One replica's handlers on a connection of their own, called by the test."""
    of_this = Settings(nats_url=url, **settings)
    service = Service("conversation", of_this)
    chats, registry = Chats(open_store(of_this, service)), Registry(service.broker, service.clock)
    service.own(registry)
    app = service.build()
    async with app.router.lifespan_context(app):
        await eventually(lambda: service.health.started)
        yield Handlers(service.broker, chats, registry, service.clock)
