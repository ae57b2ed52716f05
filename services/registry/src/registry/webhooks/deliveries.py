"""Deliveries as rows: what each webhook is owed, and what became of it.

Business time decides when one is due, so every statement gets `now`.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.access_tables import Webhook, WebhookDelivery

LEASE = timedelta(seconds=60)
"""How long an attempt belongs to the process that began it: a request takes 10 s at most, and the
rest is for a database that is away just then. After a crash somebody else tries."""
Status = Literal["pending", "delivered", "failed"]


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
