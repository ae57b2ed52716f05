"""Webhooks as rows: who wants to be told what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.access_results import WebhookView
from registry.access_tables import Webhook

WEBHOOKS_MAX = 100
"""That are not deleted; all of them fit into one answer, and each fact looks at all of them."""
EVERYTHING = "*"

_COLUMNS = (
    Webhook.id,
    Webhook.url,
    Webhook.events,
    Webhook.description,
    Webhook.created_at,
    Webhook.created_by,
    Webhook.disabled_at,
)


async def count(connection: AsyncConnection) -> int:
    """How many webhooks are not deleted."""
    return await connection.scalar(select(func.count()).where(Webhook.deleted_at.is_(None))) or 0


async def insert_webhook(
    connection: AsyncConnection,
    *,
    webhook_id: UUID,
    url: str,
    events: Sequence[str],
    description: str,
    by: str,
    now: datetime,
) -> WebhookView:
    """Keep a new webhook."""
    row = await connection.execute(
        insert(Webhook)
        .values(
            id=webhook_id,
            url=url,
            events=list(events),
            description=description,
            created_at=now,
            created_by=by,
        )
        .returning(*_COLUMNS)
    )
    return _view(row.one())


async def delete_webhook(
    connection: AsyncConnection, webhook_id: UUID, by: str, now: datetime
) -> WebhookView | None:
    """End a webhook; None when there is none. What it was owed is removed later, in pages."""
    row = await connection.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id)
        .values(
            deleted_at=func.coalesce(Webhook.deleted_at, now),
            deleted_by=func.coalesce(Webhook.deleted_by, by),
        )
        .returning(*_COLUMNS)
    )
    found = row.one_or_none()
    return _view(found) if found else None


async def disable_webhook(connection: AsyncConnection, webhook_id: UUID, now: datetime) -> None:
    """Its address answered that it is gone. No command: nobody wished for it."""
    await connection.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id, Webhook.disabled_at.is_(None))
        .values(disabled_at=now)
    )


async def find_webhook(connection: AsyncConnection, webhook_id: UUID) -> WebhookView | None:
    """A webhook that is not deleted."""
    row = await connection.execute(
        select(*_COLUMNS).where(Webhook.id == webhook_id, Webhook.deleted_at.is_(None))
    )
    found = row.one_or_none()
    return _view(found) if found else None


async def list_webhooks(connection: AsyncConnection) -> list[WebhookView]:
    """Every webhook that is not deleted, the newest first."""
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(Webhook.deleted_at.is_(None))
        .order_by(Webhook.created_at.desc(), Webhook.id)
        .limit(WEBHOOKS_MAX)
    )
    return [_view(row) for row in rows]


async def list_wishes(connection: AsyncConnection) -> list[tuple[UUID, frozenset[str]]]:
    """Who is told something at all, and what."""
    rows = await connection.execute(
        select(Webhook.id, Webhook.events).where(
            Webhook.deleted_at.is_(None), Webhook.disabled_at.is_(None)
        )
    )
    return [(row.id, frozenset(row.events)) for row in rows]


def _view(row: Row[*tuple[Any, ...]]) -> WebhookView:
    return WebhookView(**row._asdict(), status="active" if row.disabled_at is None else "disabled")
