"""Deliveries as rows: what each webhook is owed, and what became of it.

Business time decides when one is due, so every statement gets `now`.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict
from pydantic.config import JsonDict
from sqlalchemy import delete, exists, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from contracts.model import Value
from registry.access_tables import Webhook, WebhookDelivery

LEASE = timedelta(seconds=60)
"""How long an attempt belongs to the process that began it: a request takes 10 s at most, and the
rest is for a database that is away just then. After a crash somebody else tries."""
REPLAYED_MAX = 5_000
"""Deliveries that one call makes due again; the next call takes the next ones."""
RETENTION = timedelta(days=30)
TIDIED_PER_PAGE = 1_000

Status = Literal["pending", "delivered", "failed"]

_EXAMPLE: JsonDict = {
    "id": "c3f2f8a4-7c27-5d8e-9a51-1d2a9b8f6e05",
    "message_id": "9ccb5c92-d30f-5e2a-96bd-78051c08afa5",
    "type": "registration.confirmed",
    "status": "pending",
    "taken_in_at": "2026-11-20T09:30:00Z",
    "attempts": 2,
    "next_attempt_at": "2026-11-20T09:30:17Z",
    "last_attempt_at": "2026-11-20T09:30:08Z",
    "last_response_status": 500,
    "last_problem": "The answer was 500.",
    "ended_at": None,
}


class DeliveryView(Value):
    """What became of one delivery, as organisers see it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    message_id: UUID
    """The header `webhook-id`."""
    type: str
    status: Status
    taken_in_at: AwareDatetime
    attempts: int
    next_attempt_at: AwareDatetime | None
    last_attempt_at: AwareDatetime | None
    last_response_status: int | None
    last_problem: str | None
    ended_at: AwareDatetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A fact that a webhook is to be told."""

    id: UUID
    webhook_id: UUID
    message_id: UUID
    type: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A delivery that this process tries now."""

    id: UUID
    webhook_id: UUID
    url: str
    message_id: UUID
    body: str
    number: int
    failures: int
    pending_since: datetime


_VIEWED = tuple(getattr(WebhookDelivery, name) for name in DeliveryView.model_fields)


async def insert_owed(connection: AsyncConnection, owed: Sequence[Owed], now: datetime) -> None:
    """Keep what is to be told; what is kept already stays as it is."""
    if not owed:
        return
    values = [
        {
            "id": one.id,
            "webhook_id": one.webhook_id,
            "message_id": one.message_id,
            "type": one.type,
            "body": one.body,
            "status": "pending",
            "taken_in_at": now,
            "pending_since": now,
            "next_attempt_at": now,
        }
        for one in owed
    ]
    await connection.execute(upsert(WebhookDelivery).on_conflict_do_nothing(), values)


async def claim(
    connection: AsyncConnection,
    now: datetime,
    *,
    free: int,
    free_per_webhook: int,
    busy: Mapping[UUID, int],
) -> list[Attempt]:
    """Take what is due and nobody else has taken, a little of each webhook.

    Args:
        connection: a short transaction; the requests are made after it.
        now: business time.
        free: how many attempts may be begun.
        free_per_webhook: how many attempts a webhook may have at a time.
        busy: how many it has.
    """
    webhooks = (
        await connection.execute(
            select(Webhook.id, Webhook.url).where(
                Webhook.deleted_at.is_(None),
                Webhook.disabled_at.is_(None),
                exists().where(WebhookDelivery.webhook_id == Webhook.id, *_due(now)),
            )
        )
    ).all()
    attempts: list[Attempt] = []
    # In another order each time: when there is more to do than can be done, all get their share.
    for webhook in random.sample(webhooks, len(webhooks)):
        wanted = min(free_per_webhook - busy.get(webhook.id, 0), free - len(attempts))
        if wanted > 0:
            attempts += await _claim_of(connection, webhook.id, webhook.url, now, wanted)
    return attempts


def _due(now: datetime) -> tuple[Any, ...]:
    return (WebhookDelivery.status == "pending", WebhookDelivery.next_attempt_at <= now)


async def _claim_of(
    connection: AsyncConnection, webhook_id: UUID, url: str, now: datetime, wanted: int
) -> list[Attempt]:
    due = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.webhook_id == webhook_id, *_due(now))
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(wanted)
        .with_for_update(skip_locked=True)
    )
    # Locked first and changed then: as a subquery of the UPDATE it might be asked twice.
    ids = (await connection.scalars(due)).all()
    rows = await connection.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(ids))
        .values(
            attempts=WebhookDelivery.attempts + 1,
            next_attempt_at=now + LEASE,
            last_attempt_at=now,
        )
        .returning(
            WebhookDelivery.id,
            WebhookDelivery.webhook_id,
            WebhookDelivery.message_id,
            WebhookDelivery.body,
            WebhookDelivery.attempts.label("number"),
            WebhookDelivery.failures,
            WebhookDelivery.pending_since,
        )
    )
    return [Attempt(url=url, **row._asdict()) for row in rows]


async def end_attempt(
    connection: AsyncConnection,
    attempt: Attempt,
    now: datetime,
    *,
    delivered: bool,
    next_attempt_at: datetime | None = None,
    response_status: int | None,
    problem: str | None,
) -> None:
    """Write what became of an attempt, unless a later one was begun meanwhile.

    Args:
        connection: a transaction.
        attempt: as it was claimed.
        now: business time.
        delivered: the receiver has it.
        next_attempt_at: when it is tried again if not; None is never.
        response_status: what the receiver answered.
        problem: why it was not delivered, in words.
    """
    is_over = delivered or next_attempt_at is None
    status: Status = "delivered" if delivered else "failed" if is_over else "pending"
    await connection.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.id == attempt.id,
            WebhookDelivery.attempts == attempt.number,
            WebhookDelivery.status == "pending",
        )
        .values(
            status=status,
            next_attempt_at=None if is_over else next_attempt_at,
            failures=WebhookDelivery.failures + (0 if delivered else 1),
            last_response_status=response_status,
            last_problem=problem,
            ended_at=now if is_over else None,
        )
    )


async def list_page(
    connection: AsyncConnection,
    webhook_id: UUID,
    status: Status | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[DeliveryView]:
    """Deliveries of a webhook, the newest first."""
    place = tuple_(WebhookDelivery.taken_in_at, WebhookDelivery.id)
    query = (
        select(*_VIEWED)
        .where(WebhookDelivery.webhook_id == webhook_id)
        .order_by(WebhookDelivery.taken_in_at.desc(), WebhookDelivery.id.desc())
        .limit(limit)
    )
    if status is not None:
        query = query.where(WebhookDelivery.status == status)
    if before is not None:
        query = query.where(place < tuple_(*before))
    return [DeliveryView.model_validate(row._asdict()) for row in await connection.execute(query)]


async def replay_one(
    connection: AsyncConnection, webhook_id: UUID, delivery_id: UUID, now: datetime
) -> bool:
    """Make one delivery due again; False when the webhook has no such one."""
    return await _replay(connection, webhook_id, [delivery_id], now) == 1


async def replay_since(
    connection: AsyncConnection, webhook_id: UUID, since: datetime, now: datetime
) -> tuple[int, datetime | None]:
    """Make all deliveries that were taken in then or later due again.

    Returns:
        How many, and from when on there are more, if there are.
    """
    rows = (
        await connection.execute(
            select(WebhookDelivery.id, WebhookDelivery.taken_in_at)
            .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.taken_in_at >= since)
            .order_by(WebhookDelivery.taken_in_at, WebhookDelivery.id)
            .limit(REPLAYED_MAX + 1)
        )
    ).all()
    ids = [row.id for row in rows[:REPLAYED_MAX]]
    next_since = rows[REPLAYED_MAX].taken_in_at if len(rows) > REPLAYED_MAX else None
    return await _replay(connection, webhook_id, ids, now), next_since


async def _replay(
    connection: AsyncConnection, webhook_id: UUID, ids: Sequence[UUID], now: datetime
) -> int:
    changed = await connection.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.id.in_(ids))
        .values(status="pending", pending_since=now, next_attempt_at=now, failures=0, ended_at=None)
    )
    return changed.rowcount


async def oldest_pending_since(connection: AsyncConnection) -> datetime | None:
    """Since when the oldest delivery waits, of those that will still be tried."""
    return await connection.scalar(
        select(WebhookDelivery.pending_since)
        .join(Webhook)
        .where(
            WebhookDelivery.status == "pending",
            Webhook.deleted_at.is_(None),
            Webhook.disabled_at.is_(None),
        )
        .order_by(WebhookDelivery.pending_since)
        .limit(1)
    )


async def end_page_of_disabled(connection: AsyncConnection, now: datetime) -> int:
    """Give up what disabled webhooks are owed, a page of it; says how many."""
    page = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.webhook_id.in_(await _ids(connection, Webhook.disabled_at)),
            WebhookDelivery.status == "pending",
        )
        .limit(TIDIED_PER_PAGE)
    )
    changed = await connection.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_((await connection.scalars(page)).all()))
        .values(
            status="failed",
            next_attempt_at=None,
            ended_at=now,
            last_problem=func.coalesce(WebhookDelivery.last_problem, "The webhook was disabled."),
        )
    )
    return changed.rowcount


async def delete_page(connection: AsyncConnection, now: datetime) -> int:
    """Remove what is over for long and what deleted webhooks were owed, a page; says how many."""
    old = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.ended_at < now - RETENTION)
        .limit(TIDIED_PER_PAGE)
    )
    unwanted = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.webhook_id.in_(await _ids(connection, Webhook.deleted_at)))
        .limit(TIDIED_PER_PAGE)
    )
    ids = [*(await connection.scalars(old)), *(await connection.scalars(unwanted))]
    gone = await connection.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
    return gone.rowcount


async def _ids(
    connection: AsyncConnection, at: InstrumentedAttribute[datetime | None]
) -> list[UUID]:
    """The webhooks that ended so; as values, so that their deliveries are found by index."""
    return list(await connection.scalars(select(Webhook.id).where(at.is_not(None))))
