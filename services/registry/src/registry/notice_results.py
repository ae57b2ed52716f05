"""What became of notices, written down so that nothing but the facts decides what stays.

Results come in any order, repeated, and to several processes at once. Each has a standing, and the
highest stays:

- of one message the statuses stand as `contracts.delivery.fold` has them;
- that a notice became no message at all stands below everything: if there is a message all the
  same, because the process died after it, the message's results count;
- a message on a later way to the person stands above all of an earlier way, because it exists
  only when the earlier one certainly did not reach them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import DeliveryReported, DeliveryStatus, NoticeDue, derived_id
from registry.bulk import Bulk, insert_many
from registry.delivery_tables import NoticeDelivery

RESULTS_LOCK = 0x64656C69
"""The namespace of our advisory lock ("deli")."""
FALLBACK = "fallback"
"""The name under which the notifier derives a message's successor on the next way."""

_WAY = 100
"""More than there are statuses: a later way stands above every status of an earlier one."""
_UNTOLD = 1
_RANK: dict[DeliveryStatus, int] = {
    status: rank for rank, status in enumerate(get_args(DeliveryStatus), start=2)
}

_EXPECT = insert_many(
    NoticeDelivery,
    (
        *("notice_id", "outbound_id", "second_outbound_id", "event_id", "registration_id"),
        *("kind", "message_id", "planned_at", "emitted_at"),
    ),
    # Somebody who lost the seat and has it again may be told the same anew, under the same id.
    "ON CONFLICT (notice_id) DO NOTHING",
)

_RECORD = Bulk(
    NoticeDelivery,
    (
        *("outbound_id", "notice_id", "status", "standing", "reason", "reached_by"),
        *("passed_on_because", "repeated", "status_at", "settled_at"),
    ),
    f"""
    WITH reports AS (SELECT * FROM {{rows}} AS r),
    ours AS (
        SELECT d.id, reports.*,
            CASE reports.outbound_id WHEN d.outbound_id THEN 0 WHEN d.second_outbound_id THEN 1
                ELSE 2 END AS way
        FROM reports JOIN notice_deliveries AS d ON d.notice_id = reports.notice_id
        UNION ALL
        SELECT d.id, reports.*, 0
        FROM reports JOIN notice_deliveries AS d ON d.outbound_id = reports.outbound_id
        WHERE reports.notice_id IS NULL
        UNION ALL
        SELECT d.id, reports.*, 1
        FROM reports JOIN notice_deliveries AS d ON d.second_outbound_id = reports.outbound_id
        WHERE reports.notice_id IS NULL
    ),
    best AS (
        SELECT DISTINCT ON (id) *, standing + {_WAY} * way AS stands,
            bool_or(repeated) OVER (PARTITION BY id) AS ever_repeated,
            max(passed_on_because) OVER (PARTITION BY id) AS ever_passed_on
        FROM ours ORDER BY id, standing + {_WAY} * way DESC, status_at
    )
    UPDATE notice_deliveries AS d SET
        status = CASE WHEN b.stands > d.standing THEN b.status ELSE d.status END,
        reason = CASE WHEN b.stands > d.standing THEN b.reason ELSE d.reason END,
        reached_by = CASE WHEN b.stands > d.standing THEN b.reached_by ELSE d.reached_by END,
        status_at = CASE WHEN b.stands > d.standing THEN b.status_at ELSE d.status_at END,
        standing = greatest(b.stands, d.standing),
        repeated = d.repeated OR b.ever_repeated,
        passed_on_because = coalesce(d.passed_on_because, b.ever_passed_on),
        settled_at = coalesce(d.settled_at, CASE WHEN b.status IS NOT NULL THEN b.settled_at END)
    FROM best AS b
    WHERE d.id = b.id AND (
        b.stands > d.standing OR (b.ever_repeated AND NOT d.repeated)
        OR (b.ever_passed_on IS NOT NULL AND d.passed_on_because IS NULL)
    )
    RETURNING d.id
    """,  # noqa: S608 - the numbers are our own
)


async def expect(connection: AsyncConnection, notices: Sequence[NoticeDue], now: datetime) -> None:
    """Write down that results will come for these notices, in the transaction that emits them."""
    await _EXPECT.run(
        connection,
        [
            {
                "notice_id": notice.id,
                "outbound_id": (outbound_id := derived_id(notice.id, 0)),
                "second_outbound_id": derived_id(outbound_id, FALLBACK),
                "event_id": notice.event_id,
                "registration_id": notice.registration_id,
                "kind": notice.kind,
                "message_id": notice.message_id,
                "planned_at": now,
                "emitted_at": now,
            }
            for notice in notices
        ],
    )


async def record(
    connection: AsyncConnection, reports: Sequence[DeliveryReported], now: datetime
) -> int:
    """Write down what these reports say of notices; those that are about none change nothing.

    Returns:
        How many notices have another result than before.
    """
    # One after the other, over all replicas: two batches that meet the same notices in another
    # order would wait for each other.
    await connection.execute(select(func.pg_advisory_xact_lock(RESULTS_LOCK)))
    return len(await _RECORD.run(connection, [_row(report, now) for report in reports]))


def _row(report: DeliveryReported, now: datetime) -> dict[str, object]:
    known: dict[str, object] = {
        "outbound_id": report.outbound_id,
        "notice_id": report.notice_id,
        "repeated": report.repeated,
        "status_at": report.occurred_at,
        "settled_at": now,
    }
    if report.passed_on_to is not None:
        # Not the end: nothing was heard yet of the way that it goes now.
        return known | {
            "standing": _WAY,
            "reached_by": report.passed_on_to,
            "passed_on_because": report.reason or report.status,
        }
    return known | {
        "status": report.status,
        "standing": _UNTOLD if report.source == "conversation" else _RANK[report.status],
        "reason": report.reason,
        "reached_by": report.platform,
    }
