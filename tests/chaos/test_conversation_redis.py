"""Redis dies in mid-dialogue and comes back with what it had long before: nobody is thrown back."""

import asyncio
import itertools
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import Address, InboundMessage, OutboundMessage, Sender, TextSaid, inbound_id
from devstack.conversation_rig import ConversationRig
from runtime.testing import eventually
from runtime.testing_redis import RedisServer, redis_server

__all__ = ["redis_server"]

CHATS = 30
SCRIPT = (
    *("/start", "1", "yes", "Ann Lee", "ann@example.com"),
    *("back", "ann.lee@example.com", "back", "back", "Anna Lee", "anna@example.com"),
    *("back", "anna.lee@example.com", "back", "back", "Annabel Lee", "annabel@example.com"),
)
"""Each answer tells where the dialogue stands, and the last look says name and address back."""
ANSWER_SECONDS_MAX = 30.0
PACE = timedelta(seconds=2)
"""By the platform's clock, so that nobody floods."""


@dataclass
class People:
    """They all say the same, each in a chat of their own, one thing after the other."""

    client: Client
    heard: dict[UUID, asyncio.Future[str]] = field(default_factory=dict)
    answered: int = 0
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)
    """Whoever wants to say the next thing waits for it."""

    async def listen(self) -> None:
        await self.client.subscribe("out.>", cb=self._hear)
        await self.client.flush()

    async def _hear(self, raw: Msg) -> None:
        message = OutboundMessage.model_validate_json(raw.data)
        waiting = self.heard.get(message.correlation_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(f"{message.text} {[choice.label for choice in message.choices]}")

    async def talk(self, chat: int) -> list[str]:
        """What the person in this chat hears, thing by thing."""
        address = Address(platform="telegram", account="123456", chat_id=str(7_000_000 + chat))
        began = datetime.now(UTC) - timedelta(minutes=10)
        heard = []
        for place, text in enumerate(SCRIPT):
            await self.may_go_on.wait()
            heard.append(await self._say(address, place, text, began + PACE * place))
        return heard

    async def ask_until(self, fact: Callable[[], Awaitable[bool]]) -> None:
        """A stranger asks for help, again and again, until it is so."""
        address = Address(platform="telegram", account="123456", chat_id="6999999")
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            for place in itertools.count():
                if await fact():
                    return
                await self._say(address, place, "/help", datetime.now(UTC))
                await asyncio.sleep(0.1)

    async def _say(self, address: Address, place: int, text: str, at: datetime) -> str:
        input_id = inbound_id("telegram", "123456", f"{address.chat_id} {place}")
        message = InboundMessage(
            id=input_id,
            occurred_at=datetime.now(UTC),
            correlation_id=input_id,
            address=address,
            sender=Sender(name="Ann", language="en"),
            content=TextSaid(text=text),
            sent_at=at,
        )
        self.heard[input_id] = asyncio.get_running_loop().create_future()
        await self.client.jetstream().publish(
            message.route(),
            message.model_dump_json().encode(),
            headers={"Nats-Msg-Id": str(message.id)},
        )
        answer = await asyncio.wait_for(self.heard[input_id], ANSWER_SECONDS_MAX)
        self.answered += 1
        return answer


async def open_event(rig: ConversationRig) -> None:
    async with httpx.AsyncClient(
        base_url=rig.registry.url(), headers=rig.registry.admin, trust_env=False, timeout=30
    ) as http:
        answer = await http.post(
            "/api/events",
            json={
                "title": "Alpha",
                "starts_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
                "timezone": "UTC",
                "max_participants": 1000,
                "status": "published",
            },
        )
        answer.raise_for_status()


@asynccontextmanager
async def people_at(rig: ConversationRig) -> AsyncIterator[People]:
    client = await nats.connect(rig.nats_url)
    people = People(client)
    await people.listen()
    yield people
    await client.close()


async def everybody_sees_redis(rig: ConversationRig) -> bool:
    """Whether each replica believes that Redis answers."""
    async with httpx.AsyncClient(trust_env=False) as http:
        pages = [(await http.get(f"{url}/metrics")).text for url in rig.urls]
    return all(re.search(r"^turnout_state_redis_up\S* 1", page, re.MULTILINE) for page in pages)


async def thrown_back(redis: RedisServer, *, chats: int, breaks: str = "") -> int:
    """How many people heard something else than the one who spoke before anything failed."""
    environment = {"STATE_STORE": "redis", "REDIS_URL": redis.url, "TURNOUT_BREAK": breaks}
    async with (
        ConversationRig(replicas=2, environment=environment) as rig,
        people_at(rig) as people,
    ):
        await open_event(rig)
        people.may_go_on.set()
        expected = await people.talk(0)
        assert len(set(expected)) > len(SCRIPT) / 2, "the answers do not tell where it stands"
        start = people.answered
        total = chats * len(SCRIPT)
        crowd = [asyncio.create_task(people.talk(chat)) for chat in range(1, chats + 1)]

        async def until(share: float) -> None:
            await eventually(
                lambda: people.answered - start >= share * total or any(t.done() for t in crowd),
                ANSWER_SECONDS_MAX * 2,
            )

        await until(0.3)
        old: Path = await asyncio.to_thread(redis.copy)
        await until(0.5)
        redis.kill()
        await until(0.65)
        people.may_go_on.clear()
        await asyncio.to_thread(redis.start, old)
        # Nobody asks a Redis that was away for a second: people would be through by then.
        await people.ask_until(partial(everybody_sees_redis, rig))
        assert not any(task.done() for task in crowd), "somebody was through before Redis returned"
        people.may_go_on.set()
        heard = await asyncio.gather(*crowd)
        sys.stdout.write(f"\n{people.answered} answers, Redis was away for a sixth of them\n")
        return sum(one != expected for one in heard)


@pytest.mark.timeout(120)
async def test_nobody_is_thrown_back_when_redis_returns_with_old_data(
    redis_server: RedisServer,
) -> None:
    assert await thrown_back(redis_server, chats=CHATS) == 0


@pytest.mark.timeout(120)
async def test_who_trusts_redis_throws_people_back(redis_server: RedisServer) -> None:
    """The negative control: what the epoch, the life of Redis and PostgreSQL's word are for."""
    assert await thrown_back(redis_server, chats=CHATS // 2, breaks="epoch") > 0


@pytest.mark.long
async def test_long_conversation_redis(redis_server: RedisServer) -> None:
    assert await thrown_back(redis_server, chats=2000) == 0
