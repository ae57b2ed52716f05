"""What is said of forgotten people's chats: that everybody who keeps something of them purges it.

What is said names chats, and rows of handled commands outlast the wish to be forgotten: so the
row keeps only which people a tick was about, and what it said is made again from `forgettings`,
to the letter the same. Once such a row is gone, so is everything that it could be about.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, ChatForgotten, Message, PeerChanged, derived_id
from registry.forgetting_results import PeopleTended
from registry.person_tables import Forgetting
from registry.results import Said, Unkept

PURGES_AFTER = (timedelta(0), timedelta(hours=1), timedelta(hours=20))
"""What is in streams and buckets is purged at once, when what was on its way has arrived, and once
more for whatever was down meanwhile; all within the 24 hours that are promised."""
REMEMBERED_FOR = timedelta(hours=21)
"""So long a row says that a chat is to be purged."""


def place_of(row: RowMapping) -> int:
    """Which of the purges of a chat is due next, from 0."""
    return PURGES_AFTER.index(row["next_purge_at"] - (row["ends_at"] - REMEMBERED_FOR))


async def say_again(
    connection: AsyncConnection, result: PeopleTended, correlation_id: UUID
) -> tuple[Said, ...]:
    """What a tick said of chats, as far as these are still to be purged."""
    places = {purge.person: purge.place for purge in result.purges}
    if not places:
        return ()
    found = await connection.execute(
        select(*Forgetting.__table__.c).where(Forgetting.user_id.in_(places))
    )
    rows = [(row, places[row["user_id"]]) for row in found.mappings()]
    return tuple(say(rows, result, correlation_id))


def say(
    rows: Sequence[tuple[RowMapping, int]], result: PeopleTended, correlation_id: UUID
) -> list[Said]:
    """The messages for these chats, each with the number of its purge."""
    said: list[Said] = []
    for row, place in sorted(rows, key=lambda one: (one[0]["user_id"], str(address_of(one[0])))):
        address = address_of(row)
        name = f"{address.platform}:{address.chat_key}:{place}"
        common: dict[str, Any] = {
            "occurred_at": result.at,
            "correlation_id": correlation_id,
            "address": address,
            "at": row["forgotten_at"],
        }
        messages: list[Message] = [
            PeerChanged(id=derived_id(row["user_id"], f"peer:{name}"), forgotten=True, **common)
        ]
        if address.platform != "email":
            messages.insert(
                0,
                ChatForgotten(
                    id=derived_id(row["user_id"], f"chat:{name}"),
                    elsewhere=row["elsewhere"] and place == 0,
                    **common,
                ),
            )
        said += map(Unkept.of, messages)
    return said


def address_of(row: RowMapping) -> Address:
    """The chat that a row is about."""
    return Address(**{name: row[name] for name in ("platform", "account", "chat_id")})
