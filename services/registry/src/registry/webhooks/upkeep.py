"""What is done now and then: ended deliveries are removed, and disabled webhooks' are ended."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from registry.access_tables import Webhook, WebhookDelivery

RETENTION = timedelta(days=30)
TIDIED_PER_PAGE = 1_000


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
