"""People and the chats that speak for them. Until linking with proof exists, each chat is one."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import AddRegistration, Address, ClaimSeat
from registry.book import Book
from registry.bulk import Bulk, insert_many
from registry.database import Raced
from registry.tables import IdentityRow, User

_E164 = re.compile(r"[1-9][0-9]{6,14}")
"""A phone number with country code, without the plus."""
_TELEGRAM_ID = re.compile(r"[1-9][0-9]{0,17}")

_FIND = Bulk(
    IdentityRow,
    ("platform", "account", "chat_id"),
    "SELECT i.platform, i.account, i.chat_id, i.user_id FROM identities AS i "
    "JOIN {rows} AS a USING (platform, account, chat_id)",
)
_WRITE_IDENTITIES = insert_many(
    IdentityRow,
    ("platform", "account", "chat_id", "user_id", "created_at", "updated_at"),
    "ON CONFLICT (platform, account, chat_id) DO UPDATE SET updated_at = excluded.updated_at "
    "RETURNING platform, account, chat_id, user_id",
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


async def find_person(connection: AsyncConnection, address: Address) -> UUID | None:
    """The person behind a chat; None when this chat never registered for anything."""
    return (await find_people(connection, {address})).get(address)


async def find_people(
    connection: AsyncConnection, addresses: Collection[Address]
) -> dict[Address, UUID]:
    """The persons behind these chats, as far as we know them."""
    rows = await _FIND.run(connection, [_chat(address) for address in addresses])
    return {
        Address(platform=row.platform, account=row.account, chat_id=row.chat_id): row.user_id
        for row in rows
    }


async def write_people(
    connection: AsyncConnection, claims: Sequence[ClaimSeat], book: Book
) -> None:
    """Write down whoever got a registration, as they described themselves.

    The identity is written before the person: of two commands of a new chat at once, about two
    events, the one that comes second waits for the first. In the order of their keys, so that no
    two batches wait for each other.

    Raises:
        Raced: a new chat has become a person at another event meanwhile; look again.
    """
    persons = {claim.address: book.person(claim.address) for claim in claims}
    times = {"created_at": book.now, "updated_at": book.now}
    identities = [
        _chat(address) | {"user_id": person} | times for address, person in persons.items()
    ]
    identities.sort(key=lambda row: (row["platform"], row["account"], row["chat_id"]))
    for row in await _WRITE_IDENTITIES.run(connection, identities):
        address = Address(platform=row.platform, account=row.account, chat_id=row.chat_id)
        if persons[address] != row.user_id:
            raise Raced("this chat has just become a person")
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
