"""A crowd in the tables, and whoever answers for the platforms at once: to time the registry."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import DeliveryReported, FeedMessages, NoticeDue, derived_id

POLL_SECONDS = 0.02
IN_FLIGHT_MAX = 500

CROWD = """
    WITH people AS (
        INSERT INTO users (id, name, language, created_at, updated_at)
        SELECT gen_random_uuid(), 'Ann', 'en', now(), now() FROM generate_series(1, $2)
        RETURNING id
    ), chats AS (
        INSERT INTO identities (platform, account, chat_id, user_id, created_at, updated_at)
        SELECT 'telegram', '123456', 'c' || id, id, now(), now() FROM people
    )
    INSERT INTO event_registrations
        (id, user_id, event_id, registered_via, status, name, ticket, created_at)
    SELECT gen_random_uuid(), id, $1, 'telegram', 'confirmed', 'Ann', 'T' || id, now() FROM people
"""


@dataclass(slots=True)
class Feeding:
    """Ticks one after the other, and results as fast as they can be written down."""

    nats_url: str
    database_url: str
    answered: int = 0
    slowest_tick_seconds: float = 0.0
    _seen: list[NoticeDue] = field(default_factory=list)
    _client: Client | None = None
    _connection: "asyncpg.Connection | None" = None

    async def __aenter__(self) -> Self:
        self._client = await nats.connect(self.nats_url)
        self._connection = await asyncpg.connect(self.database_url)
        await self._client.subscribe("notice.due", cb=self._hear)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.close()
        if self._connection is not None:
            await self._connection.close()

    async def _hear(self, message: Msg) -> None:
        self._seen.append(NoticeDue.model_validate_json(message.data))

    async def crowd(self, event_id: UUID, people: int) -> None:
        """So many people with a seat and a chat."""
        assert self._connection is not None
        await self._connection.execute(CROWD, event_id, people)
        await self._connection.execute(
            "UPDATE events SET taken = taken + $1 WHERE id = $2", people, event_id
        )
        await self._connection.execute("ANALYZE")

    async def feed(self, message_id: UUID, people: int) -> None:
        """Until everybody has a result."""
        assert self._connection is not None
        while self.answered < people:
            await self._tick()
            await self._answer()
        settled = "SELECT count(*) FROM notice_deliveries WHERE message_id = $1 AND status IS NULL"
        while await self._connection.fetchval(settled, message_id):
            await asyncio.sleep(POLL_SECONDS)
        await self._tick()

    async def _tick(self) -> None:
        assert self._client is not None
        assert self._connection is not None
        now = datetime.now(UTC)
        tick = FeedMessages(id=uuid4(), occurred_at=now, correlation_id=uuid4(), due_at=now)
        started = time.monotonic()
        await self._client.jetstream().publish(tick.route(), tick.model_dump_json().encode())
        handled = (
            "SELECT outcome->'result'->'handed_over' FROM handled_commands WHERE command_id=$1"
        )
        while (said := await self._connection.fetchval(handled, tick.id)) is None:
            await asyncio.sleep(POLL_SECONDS)
        self.slowest_tick_seconds = max(self.slowest_tick_seconds, time.monotonic() - started)
        heard = self.answered + int(said)
        while self.answered + len(self._seen) < heard:
            await asyncio.sleep(POLL_SECONDS)

    async def _answer(self) -> None:
        assert self._client is not None
        jetstream = self._client.jetstream(publish_async_max_pending=IN_FLIGHT_MAX)
        seen, self._seen = self._seen, []
        acks = []
        for notice in seen:
            report = DeliveryReported(
                id=derived_id(notice.id, "accepted"),
                occurred_at=datetime.now(UTC),
                correlation_id=notice.correlation_id,
                platform="telegram",
                outbound_id=derived_id(notice.id, 0),
                status="accepted",
                source="notifier",
                notice_id=notice.id,
            )
            body = report.model_dump_json().encode()
            acks.append(await jetstream.publish_async(report.route(), body))
        await asyncio.gather(*acks)
        self.answered += len(seen)
