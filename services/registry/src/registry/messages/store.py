"""Organisers' messages in PostgreSQL: written, read with what became of them, fed in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import NoticeDue, Platform, derived_id
from registry.bulk import update_many
from registry.delivery_tables import NoticeDelivery
from registry.messages.feeding import (
    RATE_WINDOW,
    RECENT_RESULTS,
    Lane,
    Results,
    Stop,
)
from registry.messages.tables import OrganiserMessage
from registry.notice_results import FALLBACK
from registry.reasons import PERSONAL

HEARD_OF_WITHIN = timedelta(hours=25)
"""A result comes by the deadline of its message, or never: then nobody waits for it any more."""

COLUMNS = tuple(OrganiserMessage.__table__.columns)

_OF_ONE_PERSON = ", ".join(repr(reason) for reason in PERSONAL)
# What an organiser or an operator can do something about; that somebody has blocked us is none.
_ERROR = (
    "(d.status IN ('unknown', 'set-aside') OR (d.status = 'failed' AND "
    f"coalesce(d.reason NOT IN ({_OF_ONE_PERSON}), TRUE)))"
)

_LANES = text(f"""
    WITH lanes AS (
        SELECT m.id AS message_id, r.key AS platform, r.value::int AS total,
            coalesce((m.handed_over->>r.key)::int, 0) AS handed_over,
            r.key = ANY (m.cleared) AS cleared, m.judged_from
        FROM messages AS m CROSS JOIN LATERAL jsonb_each_text(m.recipients) AS r
        WHERE m.id = ANY (:message_ids)
    )
    SELECT l.message_id, l.platform, l.total, l.handed_over, l.cleared,
        waiting.people AS outstanding, waiting.oldest_at, waiting.newest_at,
        canary.settled AS canary_settled, canary.errors AS canary_errors,
        canary.newest_at AS canary_newest_at,
        recent.settled AS recent_settled, recent.errors AS recent_errors,
        windowed.settled AS settled_in_window
    FROM lanes AS l
    CROSS JOIN LATERAL (
        SELECT count(*) AS people, min(d.emitted_at) AS oldest_at, max(d.emitted_at) AS newest_at
        FROM notice_deliveries AS d
        WHERE d.message_id = l.message_id AND d.platform = l.platform
        AND d.emitted_at > :heard_from AND d.status IS NULL
    ) AS waiting
    CROSS JOIN LATERAL (
        SELECT count(*) AS settled, count(*) FILTER (WHERE {_ERROR}) AS errors,
            max(d.settled_at) AS newest_at
        FROM notice_deliveries AS d
        WHERE NOT l.cleared AND d.message_id = l.message_id AND d.platform = l.platform
        AND d.place <= l.handed_over AND d.status IS NOT NULL
    ) AS canary
    CROSS JOIN LATERAL (
        SELECT count(*) AS settled, count(*) FILTER (WHERE {_ERROR}) AS errors
        FROM (
            SELECT d.status, d.reason FROM notice_deliveries AS d
            WHERE l.cleared AND d.message_id = l.message_id AND d.platform = l.platform
            AND d.settled_at >= l.judged_from AND d.status IS NOT NULL
            AND d.emitted_at IS NOT NULL
            ORDER BY d.settled_at DESC LIMIT :recent
        ) AS d
    ) AS recent
    CROSS JOIN LATERAL (
        SELECT count(*) AS settled FROM notice_deliveries AS d
        WHERE d.message_id = l.message_id AND d.settled_at > :window_from
        AND d.platform = l.platform AND d.emitted_at IS NOT NULL
    ) AS windowed
    ORDER BY l.message_id, l.platform
""")  # noqa: S608 - our own constant

_WAITING_ELSEWHERE = text("""
    SELECT platform, count(*) AS people FROM notice_deliveries
    WHERE message_id IS NOT NULL AND emitted_at > :heard_from AND status IS NULL
    AND NOT message_id = ANY (:message_ids) AND platform IS NOT NULL
    GROUP BY platform
""")

_PAGE = select(NoticeDelivery.id, NoticeDelivery.registration_id, NoticeDelivery.place).order_by(
    NoticeDelivery.place
)
_EMIT = update_many(
    NoticeDelivery, "id", ("emitted_at", "notice_id", "outbound_id", "second_outbound_id")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A page of recipients of one message."""

    notices: Sequence[NoticeDue]
    up_to: int
    """The last one's place."""


async def insert_message(connection: AsyncConnection, values: dict[str, Any]) -> None:
    """Add a message."""
    await connection.execute(insert(OrganiserMessage), values)


async def find_message(
    connection: AsyncConnection, message_id: UUID, *, locked: bool = False
) -> RowMapping | None:
    """A message's row; locked, nobody else changes it until this transaction ends."""
    query = select(*COLUMNS).where(OrganiserMessage.id == message_id)
    if locked:
        query = query.with_for_update(key_share=True)
    return (await connection.execute(query)).mappings().one_or_none()


async def lock_running(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Every running message, the oldest first; nobody pauses one until this transaction ends."""
    query = (
        select(*COLUMNS)
        .where(OrganiserMessage.status == "running")
        .order_by(OrganiserMessage.id)
        .with_for_update(key_share=True)
    )
    return (await connection.execute(query)).mappings().all()


async def running_ids(connection: AsyncConnection) -> list[UUID]:
    """Every running message."""
    query = select(OrganiserMessage.id).where(OrganiserMessage.status == "running")
    return list(await connection.scalars(query))


async def update_message(
    connection: AsyncConnection, message_id: UUID, values: dict[str, Any]
) -> None:
    """Write what has changed of a message that this transaction has locked."""
    await connection.execute(
        update(OrganiserMessage).where(OrganiserMessage.id == message_id).values(**values)
    )


async def read_lanes(
    connection: AsyncConnection, message_ids: Sequence[UUID], now: datetime
) -> list[Lane]:
    """How far these messages are on each platform."""
    if not message_ids:
        return []
    rows = await connection.execute(
        _LANES,
        {
            "message_ids": list(message_ids),
            "heard_from": now - HEARD_OF_WITHIN,
            "window_from": now - RATE_WINDOW,
            "recent": RECENT_RESULTS,
        },
    )
    return [_lane(row) for row in rows.mappings()]


def _lane(row: RowMapping) -> Lane:
    return Lane(
        message_id=row["message_id"],
        platform=row["platform"],
        total=row["total"],
        handed_over=row["handed_over"],
        cleared=row["cleared"],
        outstanding=row["outstanding"],
        oldest_outstanding_at=row["oldest_at"],
        newest_handed_over_at=row["newest_at"],
        canary=Results(
            settled=row["canary_settled"],
            errors=row["canary_errors"],
            newest_at=row["canary_newest_at"],
        ),
        recent=Results(settled=row["recent_settled"], errors=row["recent_errors"]),
        settled_in_window=row["settled_in_window"],
    )


async def waiting_elsewhere(
    connection: AsyncConnection, message_ids: Sequence[UUID], now: datetime
) -> dict[Platform, int]:
    """What other messages than these have outstanding, per platform."""
    rows = await connection.execute(
        _WAITING_ELSEWHERE,
        {"message_ids": list(message_ids), "heard_from": now - HEARD_OF_WITHIN},
    )
    return {row.platform: row.people for row in rows}


async def hand_over(
    connection: AsyncConnection,
    message: RowMapping,
    platform: Platform,
    count: int,
    *,
    cause: UUID,
    now: datetime,
) -> Handed:
    """Take the next recipients of a message that is locked; each is taken once."""
    done = int(message["handed_over"].get(platform, 0))
    query = _PAGE.where(
        NoticeDelivery.message_id == message["id"],
        NoticeDelivery.platform == platform,
        NoticeDelivery.place > done,
        NoticeDelivery.place <= done + count,
    )
    rows = (await connection.execute(query)).all()
    # From the message and the person: whatever happens to ticks, it is said once.
    notices = [
        NoticeDue(
            id=derived_id(message["id"], str(row.registration_id)),
            occurred_at=now,
            correlation_id=cause,
            kind="organiser-message",
            registration_id=row.registration_id,
            event_id=message["event_id"],
            event_version=1,
            expires_at=message["expires_at"],
            message_id=message["id"],
        )
        for row in rows
    ]
    await _EMIT.run(
        connection,
        [
            {
                "id": row.id,
                "emitted_at": now,
                "notice_id": notice.id,
                "outbound_id": (outbound_id := derived_id(notice.id, 0)),
                "second_outbound_id": derived_id(outbound_id, FALLBACK),
            }
            for row, notice in zip(rows, notices, strict=True)
        ],
    )
    return Handed(notices=notices, up_to=done + count)


async def count_states(connection: AsyncConnection, message_id: UUID) -> dict[str, int]:
    """How many recipients are in which state: a status, `pending` or `on-the-way`."""
    state = func.coalesce(
        NoticeDelivery.status,
        text("CASE WHEN emitted_at IS NULL THEN 'pending' ELSE 'on-the-way' END"),
    )
    rows = await connection.execute(
        select(state.label("state"), func.count().label("people"))
        .where(NoticeDelivery.message_id == message_id)
        .group_by(text("1"))
    )
    return {row.state: row.people for row in rows}


def stop_of(message: RowMapping) -> Stop | None:
    """Why a message stopped by itself."""
    return None if message["stop"] is None else Stop.model_validate(message["stop"])
