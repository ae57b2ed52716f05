"""A crowd with seats in the tables, half of it on each platform, and phones for those who go first.

A platform knows only people who have a phone there. As many get one as can be written to before
the message is cancelled; the others' rows are the same, and their turn does not come.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from contracts import Platform
from devstack.installation import DEMO_VALUES
from simulator.posting import Poster
from tests.chaos.judge import SENDS
from tests.chaos.notifier_outbox import ACCOUNTS

AT_ONCE_MAX = 16
ANSWER_SECONDS_MAX = 30.0
SAID_AT_ONCE = 500
BOT = f"/bot{DEMO_VALUES['TELEGRAM_TOKEN']}"
SET_AGAIN_SECONDS = 1.1
"""Telegram takes one setWebhook a second."""

Someone = tuple[str, str]
"""A platform, and an id there."""

_CROWD = """
    WITH people AS (
        INSERT INTO users (id, name, language, created_at, updated_at)
        SELECT gen_random_uuid(), 'Ann', 'en', now(), now() FROM generate_series(1, $2::int)
        RETURNING id
    ), numbered AS (
        SELECT id, row_number() OVER () AS number FROM people
    ), chats AS (
        INSERT INTO identities (platform, account, chat_id, user_id, created_at, updated_at)
        SELECT
            CASE WHEN number % 2 = 0 THEN 'telegram' ELSE 'whatsapp' END,
            CASE WHEN number % 2 = 0 THEN $3 ELSE $4 END,
            (CASE WHEN number % 2 = 0 THEN 7000000000 ELSE 491570000000 END + number)::text,
            id, now(), now()
        FROM numbered
    )
    INSERT INTO event_registrations
        (id, user_id, event_id, registered_via, status, name, ticket, created_at)
    SELECT gen_random_uuid(), id, $1, 'telegram', 'confirmed', 'Ann', 'T' || id, now() FROM people
"""
_FIRST = """
    SELECT i.chat_id FROM event_registrations AS r JOIN identities AS i USING (user_id)
    WHERE r.event_id = $1 AND i.platform = $2 ORDER BY r.id LIMIT $3
"""
_STATES = """
    SELECT i.platform, i.chat_id, d.status FROM notice_deliveries AS d
    JOIN event_registrations AS r ON r.id = d.registration_id
    JOIN identities AS i USING (user_id)
    WHERE d.message_id = $1 AND d.emitted_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that a platform took."""

    platform: str
    person: str
    id: str
    at: float
    """Unix seconds."""


@dataclass(slots=True)
class Recipients:
    """Everybody with a seat, and those of them who have a phone."""

    simulator: httpx.AsyncClient
    database_url: str
    phones: dict[Platform, Sequence[str]] = field(default_factory=dict)

    async def take_seats(self, event_id: UUID, people: int) -> None:
        """So many register, every other one on Telegram: written straight into the tables."""
        connection = await asyncpg.connect(self.database_url)
        try:
            accounts = (ACCOUNTS["telegram"], ACCOUNTS["whatsapp"])
            await connection.execute(_CROWD, event_id, people, *accounts)
            await connection.execute(
                "UPDATE events SET taken = taken + $1 WHERE id = $2", people, event_id
            )
            await connection.execute("ANALYZE")
        finally:
            await connection.close()

    async def open_phones(self, event_id: UUID, counts: Mapping[Platform, int]) -> None:
        """Whoever is written to first gets a phone; in the registry's order, that of the ids."""
        connection = await asyncpg.connect(self.database_url)
        try:
            for platform, count in counts.items():
                rows = await connection.fetch(_FIRST, event_id, platform, count)
                self.phones[platform] = [row["chat_id"] for row in rows]
        finally:
            await connection.close()
        # For so many a general client costs too much (see simulator.posting).
        poster = Poster(ANSWER_SECONDS_MAX, AT_ONCE_MAX)
        url = str(self.simulator.base_url.join("/sim/people"))

        async def one(platform: Platform, chat_id: str) -> None:
            body = json.dumps({"platform": platform, "id": chat_id}).encode()
            answer = await poster.post(url, body, {"Content-Type": "application/json"})
            assert answer.is_success, answer

        await asyncio.gather(
            *(one(platform, each) for platform, chats in self.phones.items() for each in chats)
        )
        await poster.close()
        await self._begin_chats()

    async def _begin_chats(self) -> None:
        """A bot may only write to people who have written to it; that was long ago."""
        chats = self.phones["telegram"]
        async with _unheard(self.simulator):
            for start in range(0, len(chats), SAID_AT_ONCE):
                said = [
                    {"platform": "telegram", "id": each, "text": "/start"}
                    for each in chats[start : start + SAID_AT_ONCE]
                ]
                answer = await self.simulator.post("/sim/people/say", json={"said": said})
                answer.raise_for_status()

    async def states(self, message_id: UUID) -> dict[Someone, str | None]:
        """What the registry says of each whom it has handed over."""
        connection = await asyncpg.connect(self.database_url)
        try:
            rows = await connection.fetch(_STATES, message_id)
        finally:
            await connection.close()
        return {(row["platform"], row["chat_id"]): row["status"] for row in rows}

    def got(self, taken: Iterable[Taken]) -> list[Taken]:
        """Of what the platforms took, what was for these people: nothing but the message."""
        theirs = {(platform, each) for platform, chats in self.phones.items() for each in chats}
        return [one for one in taken if (one.platform, one.person) in theirs]


async def all_taken(simulator: httpx.AsyncClient) -> list[Taken]:
    """Every message that the platforms took, in order."""
    lines = (await simulator.get("/sim/ledger?direction=call")).raise_for_status().text.splitlines()
    calls: Iterable[dict[str, Any]] = map(json.loads, lines)
    return [
        Taken(one["platform"], one["person"], str(one["message_id"]), one["real"])
        for one in calls
        if one["outcome"] == "accepted" and one["method"].lower() in SENDS and one["message_id"]
    ]


def by_message(taken: Iterable[Taken]) -> dict[Someone, dict[str, float]]:
    """When each person's messages were taken, by the messages' ids."""
    found: dict[Someone, dict[str, float]] = defaultdict(dict)
    for one in taken:
        found[one.platform, one.person][one.id] = one.at
    return found


@asynccontextmanager
async def _unheard(simulator: httpx.AsyncClient) -> AsyncIterator[None]:
    """What is said meanwhile comes in no webhook: the bot asks for polls only."""
    hook = (await simulator.get(f"{BOT}/getWebhookInfo")).raise_for_status().json()["result"]
    wanted = {
        "url": hook["url"],
        "secret_token": DEMO_VALUES["TELEGRAM_SECRET"],
        "max_connections": hook["max_connections"],
    }
    for kinds in (["poll"], hook["allowed_updates"]):
        await asyncio.sleep(SET_AGAIN_SECONDS)
        body = wanted | {"allowed_updates": kinds}
        (await simulator.post(f"{BOT}/setWebhook", json=body)).raise_for_status()
        if kinds == ["poll"]:
            yield
