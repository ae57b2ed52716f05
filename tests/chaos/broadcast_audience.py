"""People who may be written to, and what each of them got in the end: for broadcasts under fire."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import asyncpg
import httpx

ACCOUNT = "123456"
"""The demo's bot."""
SAID_AT_ONCE = 100
WORDS = "Bring a pen."
HAS_IT = frozenset({"accepted", "sent", "delivered", "read"})
MAY_HAVE_IT = HAS_IT | {"unknown"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a broadcast, as its people saw it and as the registry says."""

    states: Counter[str]
    twice: Sequence[str] = ()
    """Who got it more than once."""
    faults: Sequence[str] = ()

    @classmethod
    def on(cls, states: Mapping[str, str | None], received: Mapping[str, int]) -> Self:
        """Compare the registry's states with what came to the phones.

        Args:
            states: what the registry says of each person.
            received: how often each got it.
        """
        faults = []
        for person, state in states.items():
            times = received.get(person, 0)
            if state is None:
                faults.append(f"{person} has no result")
            elif times > 0 and state not in MAY_HAVE_IT:
                faults.append(f"{person} is {state}, and has it")
            elif times == 0 and state in HAS_IT:
                faults.append(f"{person} is {state}, and has nothing")
        faults += [f"{person} is no recipient" for person in received if person not in states]
        return cls(
            states=Counter(str(state) for state in states.values()),
            twice=[person for person, times in received.items() if times > 1],
            faults=faults,
        )


@dataclass(slots=True)
class Audience:
    """Telegram people with a seat at one event."""

    simulator: httpx.AsyncClient
    database_url: str
    people: list[str] = field(default_factory=list)

    async def arrives(self, count: int) -> None:
        """They open the chat, each with one word."""
        for number in range(count):
            body = {"platform": "telegram", "name": f"Ann {number}"}
            person = await self.simulator.post("/sim/people", json=body)
            self.people.append(str(person.raise_for_status().json()["id"]))
        for start in range(0, count, SAID_AT_ONCE):
            said = [
                {"platform": "telegram", "id": person, "text": "/start"}
                for person in self.people[start : start + SAID_AT_ONCE]
            ]
            answer = await self.simulator.post("/sim/people/say", json={"said": said})
            answer.raise_for_status()

    async def takes_seats(self, event_id: UUID) -> None:
        """As if each of them had registered, written straight into the tables."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute(SEATS, event_id, ACCOUNT, self.people)
            await connection.execute(
                "UPDATE events SET taken = taken + $1 WHERE id = $2", len(self.people), event_id
            )
        finally:
            await connection.close()

    async def blocks(self, count: int) -> None:
        """The first of them want nothing more from us."""
        for person in self.people[:count]:
            answer = await self.simulator.post(f"/sim/people/telegram/{person}/block")
            answer.raise_for_status()

    async def received(self) -> Counter[str]:
        """How often each has got the words, as Telegram took them."""
        lines = (await self.simulator.get("/sim/ledger?direction=call")).text.splitlines()
        calls: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return Counter(
            str(call["person"])
            for call in calls
            if call["outcome"] == "accepted" and WORDS in (call["text"] or "")
        )

    async def states(self, message_id: str) -> dict[str, str | None]:
        """What the registry says of each."""
        connection = await asyncpg.connect(self.database_url)
        try:
            rows = await connection.fetch(STATES, UUID(message_id))
        finally:
            await connection.close()
        return {row["chat_id"]: row["status"] for row in rows}

    async def judge(self, message_id: str) -> Verdict:
        """Who has it, who has it twice, and where the registry is wrong."""
        return Verdict.on(await self.states(message_id), await self.received())


SEATS = """
    WITH arrivals AS (
        SELECT gen_random_uuid() AS user_id, chat FROM unnest($3::text[]) AS chat
    ), people AS (
        INSERT INTO users (id, name, language, created_at, updated_at)
        SELECT user_id, 'Ann', 'en', now(), now() FROM arrivals
    ), chats AS (
        INSERT INTO identities (platform, account, chat_id, user_id, created_at, updated_at)
        SELECT 'telegram', $2, chat, user_id, now(), now() FROM arrivals
        ON CONFLICT (platform, account, chat_id) DO NOTHING
    )
    INSERT INTO event_registrations
        (id, user_id, event_id, registered_via, status, name, ticket, created_at)
    SELECT gen_random_uuid(), user_id, $1, 'telegram', 'confirmed', 'Ann', 'T' || chat, now()
    FROM arrivals
"""
STATES = """
    SELECT i.chat_id, d.status FROM notice_deliveries AS d
    JOIN event_registrations AS r ON r.id = d.registration_id
    JOIN identities AS i ON i.user_id = r.user_id WHERE d.message_id = $1
"""


def an_event(seats: int) -> dict[str, Any]:
    """What an organiser asks for."""
    return {
        "title": "PyCon",
        "description": "",
        "starts_at": (datetime.now(UTC) + timedelta(days=9)).isoformat(),
        "timezone": "Europe/Berlin",
        "location": "Hall 2",
        "max_participants": seats,
        "status": "published",
    }
