"""What people have agreed to, written down with the seat that they agreed for."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ClaimSeat
from registry.book import Book
from registry.bulk import insert_many
from registry.person_tables import ConsentRow

_WRITE = insert_many(
    ConsentRow,
    ("user_id", "text_version", "language", "channel", "at"),
    # The first time counts: that is since when we may.
    "ON CONFLICT (user_id, text_version, channel) DO NOTHING",
)


async def write_consents(
    connection: AsyncConnection, claims: Sequence[ClaimSeat], book: Book
) -> None:
    """Write down what each of these claims said yes to, the first time for a wording and channel.

    After the people themselves; claims of a release that did not ask have none.
    """
    rows = [
        {
            "user_id": person,
            "text_version": claim.consent.text_version,
            "language": claim.consent.language,
            "channel": claim.consent.channel,
            "at": claim.consent.at,
        }
        for claim in claims
        if claim.consent is not None and (person := book.person(claim.address)) is not None
    ]
    # In one order everywhere, so that no two batches wait for each other.
    rows.sort(key=lambda row: (str(row["user_id"]), str(row["text_version"]), str(row["channel"])))
    await _WRITE.run(connection, rows)
