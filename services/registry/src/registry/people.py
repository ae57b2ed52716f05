"""People and the chats that speak for them. Until linking with proof exists, each chat is one."""

import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, ClaimSeat, derived_id
from registry.tables import IdentityRow, User

_E164 = re.compile(r"[1-9][0-9]{6,14}")
"""A phone number with country code, without the plus."""
_TELEGRAM_ID = re.compile(r"[1-9][0-9]{0,17}")

_identity = upsert(IdentityRow)
_WRITE_IDENTITY = _identity.on_conflict_do_update(
    constraint="pk_identities", set_={"updated_at": _identity.excluded.updated_at}
).returning(IdentityRow.user_id)
_person = upsert(User)
_WRITE_PERSON = _person.on_conflict_do_update(
    index_elements=[User.id],
    set_={
        "name": _person.excluded.name,
        "email_claimed": _person.excluded.email_claimed,
        # What is known stays known: WhatsApp does not send the phone with each message.
        "telegram_id": func.coalesce(_person.excluded.telegram_id, User.telegram_id),
        "whatsapp_phone": func.coalesce(_person.excluded.whatsapp_phone, User.whatsapp_phone),
        "language": _person.excluded.language,
        "updated_at": _person.excluded.updated_at,
    },
)
"""Made once: building a statement takes longer than sending it, and claims hold a row meanwhile."""


async def find_person(connection: AsyncConnection, address: Address) -> UUID | None:
    """The person behind a chat; None when this chat never registered for anything."""
    return await connection.scalar(
        select(IdentityRow.user_id).where(
            IdentityRow.platform == address.platform,
            IdentityRow.account == address.account,
            IdentityRow.chat_id == address.chat_id,
        )
    )


async def know_person(connection: AsyncConnection, command: ClaimSeat, now: datetime) -> UUID:
    """The person behind the chat that claims a seat, written down as they described themselves.

    The identity is written before the person: of two commands of a new chat at once, the one
    that comes second waits for the first and finds its person.
    """
    address = command.address
    identity = {
        "platform": address.platform,
        "account": address.account,
        "chat_id": address.chat_id,
        "user_id": derived_id(command.id, "user"),
        "created_at": now,
        "updated_at": now,
    }
    user_id: UUID = (await connection.execute(_WRITE_IDENTITY, identity)).scalar_one()
    person = {
        "id": user_id,
        "name": command.name,
        "email_claimed": command.email_claimed,
        "telegram_id": telegram_id(address),
        "whatsapp_phone": whatsapp_phone(address, command.sender.phone),
        "language": command.language,
        "created_at": now,
        "updated_at": now,
    }
    await connection.execute(_WRITE_PERSON, person)
    return user_id


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
