"""People and the chats that speak for them. Until linking with proof exists, each chat is one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import AddRegistration, Address, ClaimSeat
from contracts.commands import STILL_THEIRS
from registry.book import Book
from registry.bulk import Bulk, insert_many
from registry.database import Raced
from registry.tables import IdentityRow, User

_E164 = re.compile(r"[1-9][0-9]{6,14}")
"""A phone number with country code, without the plus."""
_TELEGRAM_ID = re.compile(r"[1-9][0-9]{0,17}")

HOPS_MAX = 8
"""Moves of a chat that are followed; a person changes the number once in years."""

_FIND = Bulk(
    IdentityRow,
    ("platform", "account", "chat_id"),
    "SELECT a.platform, a.account, a.chat_id, i.user_id, m.moved_to, m.at, m.left_at "
    "FROM {rows} AS a LEFT JOIN identities AS i USING (platform, account, chat_id) "
    "LEFT JOIN chat_moves AS m USING (platform, account, chat_id) "
    "WHERE i.user_id IS NOT NULL OR m.moved_to IS NOT NULL",
)
_WRITE_IDENTITIES = insert_many(
    IdentityRow,
    ("platform", "account", "chat_id", "user_id", "since", "created_at", "updated_at"),
    "ON CONFLICT (platform, account, chat_id) DO UPDATE SET updated_at = excluded.updated_at "
    # A row that nobody has updated yet has no xmax: this statement has made it.
    "RETURNING platform, account, chat_id, user_id, xmax = 0 AS is_new",
)
_PERSON = (
    "id",
    "name",
    "email_claimed",
    "telegram_id",
    "whatsapp_phone",
    "language",
    "muted",
    "created_at",
    "updated_at",
)
_WRITE_PEOPLE = insert_many(
    User,
    _PERSON,
    # What is known stays known: WhatsApp does not send the phone with each message. Whether a
    # known person is muted is changed by `ChangePreferences` alone: another chat of theirs, or a
    # claim that is sent again days later, must not undo a stop.
    "ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
    "email_claimed = excluded.email_claimed, "
    "telegram_id = coalesce(excluded.telegram_id, users.telegram_id), "
    "whatsapp_phone = coalesce(excluded.whatsapp_phone, users.whatsapp_phone), "
    "language = excluded.language, updated_at = excluded.updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Who is behind chats, and under which ids they are known by now."""

    people: Mapping[Address, UUID]
    """By the address that was asked for; nobody for a chat that never registered for anything."""
    homes: Mapping[Address, Address]
    """Where each chat is by now: another address when it has moved, else the same."""


async def find_person(
    connection: AsyncConnection, address: Address, said_at: datetime
) -> UUID | None:
    """The person behind a chat; None when this chat never registered for anything."""
    return (await find_people(connection, {address: said_at})).people.get(address)


async def find_people(connection: AsyncConnection, said_at: Mapping[Address, datetime]) -> Found:
    """The persons behind these chats, as far as we know them.

    Args:
        connection: where to look.
        said_at: for each chat when it said that for which it is asked who it is: a number may be
            somebody else's by now.
    """
    homes = {address: address for address in said_at}
    people: dict[Address, UUID] = {}
    unsure = dict(homes)
    seen_at = dict(said_at)
    for _ in range(HOPS_MAX):
        rows = await _FIND.run(connection, [_chat(home) for home in {*unsure.values()}])
        found = {
            Address(platform=row.platform, account=row.account, chat_id=row.chat_id): row
            for row in rows
        }
        moved: dict[Address, Address] = {}
        for address, home in unsure.items():
            if (row := found.get(home)) is None:
                continue
            if row.moved_to is not None and _is_theirs(seen_at[address], row.left_at):
                moved[address] = home.model_copy(update={"chat_id": row.moved_to})
                # Who was there before they arrived, and went on, is somebody else.
                seen_at[address] = max(seen_at[address], row.at)
            elif row.user_id is not None:
                people[address] = row.user_id
        homes |= moved
        unsure = moved
        if not moved:
            break
    return Found(people=people, homes=homes)


def _is_theirs(said_at: datetime, left_at: datetime | None) -> bool:
    """Whether the one who was known by an id, until `left_at` if it was left, said it."""
    return left_at is None or said_at <= left_at + STILL_THEIRS


async def write_people(
    connection: AsyncConnection, claims: Sequence[ClaimSeat], book: Book
) -> None:
    """Write down whoever got a registration, as they described themselves.

    The identity is written before the person: of two commands of a new chat at once, about two
    events, the one that comes second waits for the first. In the order of their keys, so that no
    two batches wait for each other.

    Raises:
        Raced: a new chat has become a person at another event meanwhile, or a chat has moved to
            another id; look again.
    """
    persons = {claim.address: book.person(claim.address) for claim in claims}
    times = {"created_at": book.now, "updated_at": book.now}
    identities = {
        (home := book.home(claim.address)): _chat(home)
        | {"user_id": persons[claim.address], "since": claim.occurred_at}
        | times
        for claim in claims
    }
    rows = sorted(
        identities.values(), key=lambda row: (row["platform"], row["account"], row["chat_id"])
    )
    new: dict[Address, datetime] = {}
    for row in await _WRITE_IDENTITIES.run(connection, rows):
        home = Address(platform=row.platform, account=row.account, chat_id=row.chat_id)
        if identities[home]["user_id"] != row.user_id:
            raise Raced("this chat has just become a person")
        if row.is_new:
            new[home] = identities[home]["since"]
    await _see_that_none_has_moved(connection, new, book)
    described = {
        persons[claim.address]: {
            "id": persons[claim.address],
            "name": claim.name,
            "email_claimed": claim.email_claimed,
            "telegram_id": telegram_id(claim.address),
            "whatsapp_phone": whatsapp_phone(claim.address, claim.sender.phone),
            "language": claim.language,
            "muted": claim.muted,
        }
        | times
        for claim in claims
    }
    await _WRITE_PEOPLE.run(connection, sorted(described.values(), key=lambda row: row["id"]))


async def _see_that_none_has_moved(
    connection: AsyncConnection, new: Mapping[Address, datetime], book: Book
) -> None:
    # A move waits for whoever is writing the identity that it takes away, and has committed when
    # this one was written after it: so one of the two always sees the other.
    if not new:
        return
    if any(book.home(address) in new for address in book.known.people):
        raise Raced("a chat that we know has just moved")
    if any(home != address for address, home in (await find_people(connection, new)).homes.items()):
        raise Raced("this chat has just moved")


async def add_people(
    connection: AsyncConnection, added: Mapping[UUID, AddRegistration], now: datetime
) -> None:
    """Write down people whom organisers registered; no chat speaks for them."""
    rows = [
        {
            "id": person,
            "name": command.name,
            "email_claimed": command.email_claimed,
            "language": command.language,
            "muted": False,
            "created_at": now,
            "updated_at": now,
        }
        for person, command in sorted(added.items())
    ]
    await _WRITE_PEOPLE.run(connection, rows)


def _chat(address: Address) -> dict[str, Any]:
    return address.model_dump()


def telegram_id(address: Address) -> int | None:
    """The Telegram user behind a private chat, whose id is the user's (platforms.md A)."""
    if address.platform == "telegram" and _TELEGRAM_ID.fullmatch(address.chat_id):
        return int(address.chat_id)
    return None


def whatsapp_phone(address: Address, phone: str | None) -> str | None:
    """The E.164 number of somebody on WhatsApp, where it is known (platforms.md B3)."""
    if address.platform != "whatsapp":
        return None
    for digits in (phone, address.chat_id):
        if digits and _E164.fullmatch(digits.removeprefix("+")):
            return f"+{digits.removeprefix('+')}"
    return None
