"""What became of deliveries, and those that are wanted again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict
from pydantic.config import JsonDict
from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.model import Value
from registry.access_tables import WebhookDelivery
from registry.webhooks.deliveries import Status

REPLAYED_MAX = 5_000
"""Deliveries that one call makes due again; the next call takes the next ones."""

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


_VIEWED = tuple(getattr(WebhookDelivery, name) for name in DeliveryView.model_fields)


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
