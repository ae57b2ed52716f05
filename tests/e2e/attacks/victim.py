"""Somebody whose seat and data others are after, and whether they got anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg

from devstack.house import House
from tests.e2e.people import Organiser, Person, Platform, Simulator, own_address, registers

OWN_TABLES = ("identities", "event_registrations", "links", "consents")
OWNER = "SELECT user_id FROM identities WHERE platform = $1 AND chat_id = $2"


@dataclass
class Victim:
    """A person with a proven address, and what the tables held of them at first."""

    house: House
    person: Person
    title: str
    """Of the event they have a seat at."""
    rows: dict[str, list[str]] = field(default_factory=dict)

    @property
    def email(self) -> str:
        """The address that others know."""
        return self.person.email

    async def user(self) -> object:
        """Who they are in the tables."""
        return await user_of(self.house, self.person)

    async def own_rows(self) -> dict[str, list[str]]:
        """Everything that belongs to them, row by row."""
        user = await self.user()
        connection = await asyncpg.connect(self.house.database_url)
        try:
            rows = {
                "users": await connection.fetch("SELECT t::text FROM users t WHERE id = $1", user)
            }
            for table in OWN_TABLES:
                query = f"SELECT t::text FROM {table} t WHERE user_id = $1 ORDER BY 1"
                rows[table] = await connection.fetch(query, user)
        finally:
            await connection.close()
        return {table: [row["t"] for row in found] for table, found in rows.items()}

    async def lost_nothing(self, *attackers: Person) -> None:
        """Whatever they did, the tables hold what they held, and no attacker saw anything.

        Raises:
            AssertionError: an attack had success.
        """
        await self.house.quiet()
        assert await self.own_rows() == self.rows
        for attacker in attackers:
            assert await user_of(self.house, attacker) != await self.user()
            for entry in await attacker.chat():
                if entry["from"] == "bot":
                    assert self.person.name not in (entry["text"] or "")
                    assert entry["document"] is None
        await self.person.hears_nothing_more()


async def registered(
    house: House, simulator: Simulator, organiser: Organiser, platform: Platform = "telegram"
) -> Victim:
    """Somebody who has proven their address and has a seat."""
    title = f"Vault {uuid4().hex[:6]}"
    await organiser.publishes(title)
    # In no text of ours.
    name = "Vera " + own_address().partition("@")[0].capitalize()
    more = {"identity": "phone"} if platform == "whatsapp" else {}
    person = await simulator.person(platform, name=name, **more)
    assert (await registers(person, title)).document is not None
    victim = Victim(house, person, title)
    victim.rows = await victim.own_rows()
    assert len(victim.rows["identities"]) == 1
    return victim


async def stranger(simulator: Simulator, platform: Platform = "whatsapp") -> Person:
    """Somebody whom we do not know, in a chat known by the id that the phone has."""
    more = {"identity": "phone"} if platform == "whatsapp" else {}
    return await simulator.person(platform, name="Mallory", **more)


async def user_of(house: House, person: Person) -> object:
    """Whom the registry takes this chat for; None if it has never heard of it.

    The chat is known by the id that the phone has: on WhatsApp of who shows the number alone.
    """
    connection = await asyncpg.connect(house.database_url)
    try:
        return await connection.fetchval(OWNER, person.platform, person.id)
    finally:
        await connection.close()
