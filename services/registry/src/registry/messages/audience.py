"""Who is written to: people by the state of their registration, and where each was last seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, Audience
from contracts.topology import MAIL_ACCOUNT

STATEMENT_SECONDS_MAX = 60
"""A hundred thousand recipients are written in one statement; no event is locked meanwhile."""

_STATES: dict[Audience, str] = {
    "confirmed": "r.status = 'confirmed'",
    "waiting": "r.status IN ('waiting', 'offered')",
    "checked_in": "r.status = 'confirmed' AND r.checked_in_at IS NOT NULL",
    "not_checked_in": "r.status = 'confirmed' AND r.checked_in_at IS NULL",
    "all": "r.status IN ('confirmed', 'held', 'waiting', 'offered')",
}

# As `ways.ways_to` finds the best way, for many at once: where they stopped an organiser's words,
# for nobody goes round that; the messenger used last of those that are open; e-mail; one that is
# closed, because the notifier says why it is.
_PEOPLE = f"""
    SELECT r.id AS registration_id, u.language,
        CASE WHEN best.closed IS FALSE OR mail.address IS NULL THEN best.platform
            ELSE 'email' END AS platform,
        CASE WHEN best.closed IS FALSE OR mail.address IS NULL THEN best.account
            ELSE '{MAIL_ACCOUNT}' END AS account,
        CASE WHEN best.closed IS FALSE OR mail.address IS NULL THEN best.chat_id
            ELSE u.id::text END AS chat_id
    FROM event_registrations AS r
    JOIN users AS u ON u.id = r.user_id
    LEFT JOIN LATERAL (
        SELECT i.platform, i.account, i.chat_id,
            coalesce(n.blocked AND NOT n.marketing_stopped, FALSE) AS closed
        FROM identities AS i LEFT JOIN reachability AS n USING (platform, account, chat_id)
        WHERE i.user_id = u.id
        ORDER BY coalesce(n.marketing_stopped, FALSE) DESC, closed, i.updated_at DESC,
            i.platform, i.account, i.chat_id LIMIT 1
    ) AS best ON TRUE
    LEFT JOIN LATERAL (
        SELECT u.email AS address WHERE u.email IS NOT NULL AND NOT EXISTS (
            SELECT FROM reachability AS n
            WHERE n.platform = 'email' AND n.account = '{MAIL_ACCOUNT}'
            AND n.chat_id = u.id::text AND n.blocked)
    ) AS mail ON TRUE
    WHERE r.event_id = $1 AND {{state}} AND NOT u.muted AND u.forgotten_at IS NULL
"""  # noqa: S608 - our own constant

_MUTED = """
    SELECT count(*) FROM event_registrations AS r JOIN users AS u ON u.id = r.user_id
    WHERE r.event_id = $1 AND {state} AND u.muted
"""

# The order is that of random ids, so that those who go first are a sample of all.
_INSERT = f"""
    WITH people AS ({_PEOPLE}),
    written AS (
        INSERT INTO notice_deliveries (event_id, registration_id, kind, message_id, platform,
            place, planned_at, status, reason, settled_at)
        SELECT $1, registration_id, 'organiser-message', $2::uuid, platform,
            row_number() OVER (PARTITION BY platform ORDER BY registration_id), $3::timestamptz,
            CASE WHEN platform IS NULL THEN 'suppressed' END,
            CASE WHEN platform IS NULL THEN 'no-address' END,
            CASE WHEN platform IS NULL THEN $3::timestamptz END
        FROM people RETURNING platform
    )
    SELECT platform, count(*) AS people FROM written GROUP BY platform
"""  # noqa: S608 - our own constants

_ADDRESSES = f"SELECT language, platform, account, chat_id FROM ({_PEOPLE}) AS people"  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Who an audience is."""

    recipients: dict[str, int]
    """By platform."""
    no_address: int
    """Recipients whom we cannot write to: an organiser registered them."""
    muted: int
    """People who asked for silence; they are no recipients."""


async def write_recipients(
    connection: AsyncConnection,
    *,
    event_id: UUID,
    audience: Audience,
    message_id: UUID,
    now: datetime,
) -> Counted:
    """Write a row for each recipient, and say how many there are."""
    state = _STATES[audience]
    found = await _fetch(connection, _INSERT.format(state=state), event_id, message_id, now)
    by_platform = {row["platform"]: row["people"] for row in found}
    (muted,) = await _fetch(connection, _MUTED.format(state=state), event_id)
    return Counted(
        no_address=by_platform.pop(None, 0), recipients=by_platform, muted=muted["count"]
    )


async def list_audience(
    connection: AsyncConnection, *, event_id: UUID, audience: Audience
) -> tuple[dict[str, list[Address]], int, int]:
    """(addresses by language, recipients without any, people who asked for silence)."""
    state = _STATES[audience]
    addresses: dict[str, list[Address]] = {}
    no_address = 0
    for row in await _fetch(connection, _ADDRESSES.format(state=state), event_id):
        if row["platform"] is None:
            no_address += 1
            continue
        address = Address(platform=row["platform"], account=row["account"], chat_id=row["chat_id"])
        addresses.setdefault(row["language"], []).append(address)
    (muted,) = await _fetch(connection, _MUTED.format(state=state), event_id)
    return addresses, no_address, muted["count"]


async def _fetch(connection: AsyncConnection, query: str, *parameters: object) -> Sequence[Any]:
    """Past SQLAlchemy, because the connection's own limit is made for statements under a lock."""
    await connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS_MAX}s'")
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None, "the transaction has begun"
    found: Sequence[Any] = await driver.fetch(query, *parameters, timeout=STATEMENT_SECONDS_MAX)
    return found
