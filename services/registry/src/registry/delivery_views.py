"""Who has not received what, and why: deliveries as organisers see them."""

from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import RowMapping, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import DeliveryStatus, NoticeKind, Platform
from registry.delivery_tables import NoticeDelivery
from registry.links import Language
from registry.messages.tables import OrganiserMessage
from registry.reasons import explain
from registry.tables import Registration

Outcome = Literal["reached", "not_reached", "open"]


class DeliveryView(BaseModel):
    """What one person was told, or was not."""

    registration_id: UUID
    name: str | None
    """On the registration; null where it was told to somebody else, whom a seat is promised to."""
    kind: NoticeKind
    message_id: UUID | None
    outcome: Outcome
    """`open`: it may still arrive, or nobody can know."""
    status: DeliveryStatus | None
    reason: str | None
    platform: Platform | None
    """The channel that the status is about."""
    explanation: str
    """The same in words."""
    repeated: bool
    at: AwareDatetime
    """Of what is known: when that was so; else when it was handed over or planned."""


class DeliveryCounts(BaseModel):
    """How many, of all that the filters leave."""

    reached: int = 0
    not_reached: int = 0
    open: int = 0


_PENDING = and_(NoticeDelivery.emitted_at.is_(None), NoticeDelivery.status.is_(None))
_ENDED = OrganiserMessage.status.in_(("cancelled", "finished"))
_OUTCOME = case(
    (
        or_(
            NoticeDelivery.status.in_(("delivered", "read")),
            # Telegram tells no more of a message than that it is in the chat.
            and_(NoticeDelivery.status == "accepted", NoticeDelivery.reached_by == "telegram"),
        ),
        "reached",
    ),
    (
        or_(
            NoticeDelivery.status.in_(("failed", "suppressed", "expired", "set-aside")),
            and_(_PENDING, _ENDED),
        ),
        "not_reached",
    ),
    else_="open",
)
_STATE = func.coalesce(
    NoticeDelivery.status,
    case(
        (NoticeDelivery.emitted_at.is_not(None), "on-the-way"),
        (OrganiserMessage.status == "cancelled", "cancelled"),
        (OrganiserMessage.status == "finished", "late"),
        else_="pending",
    ),
)


def _of(
    query: Select[Any], event_id: UUID, kind: NoticeKind | None, message_id: UUID | None
) -> Select[Any]:
    query = query.outerjoin(
        OrganiserMessage, OrganiserMessage.id == NoticeDelivery.message_id
    ).where(NoticeDelivery.event_id == event_id)
    if kind is not None:
        query = query.where(NoticeDelivery.kind == kind)
    if message_id is not None:
        query = query.where(NoticeDelivery.message_id == message_id)
    return query


async def count_deliveries(
    connection: AsyncConnection,
    *,
    event_id: UUID,
    kind: NoticeKind | None,
    message_id: UUID | None,
) -> DeliveryCounts:
    """How many were reached, and how many not."""
    outcome = _OUTCOME.label("outcome")
    query = _of(
        select(outcome, func.count().label("people")).select_from(NoticeDelivery),
        event_id,
        kind,
        message_id,
    ).group_by(outcome)
    rows = await connection.execute(query)
    return DeliveryCounts(**{row.outcome: row.people for row in rows})


async def list_deliveries(
    connection: AsyncConnection,
    *,
    event_id: UUID,
    kind: NoticeKind | None,
    message_id: UUID | None,
    outcome: Outcome | None,
    before: int | None,
    limit: int,
    language: Language,
) -> list[tuple[int, DeliveryView]]:
    """(place, delivery), the newest first, beginning behind `before`."""
    columns = [
        *(getattr(NoticeDelivery, name) for name in _COLUMNS),
        Registration.name,
        _OUTCOME.label("outcome"),
        _STATE.label("state"),
    ]
    query = _of(
        select(*columns)
        .select_from(NoticeDelivery)
        .join(Registration, Registration.id == NoticeDelivery.registration_id),
        event_id,
        kind,
        message_id,
    )
    if outcome is not None:
        query = query.where(_OUTCOME.is_not_distinct_from(outcome))
    if before is not None:
        query = query.where(NoticeDelivery.id < before)
    query = query.order_by(NoticeDelivery.id.desc()).limit(limit)
    rows = (await connection.execute(query)).mappings()
    return [(row["id"], _view(row, language)) for row in rows]


_COLUMNS = (
    *("id", "registration_id", "kind", "message_id", "status", "reason", "reached_by"),
    *("passed_on_because", "repeated", "status_at", "emitted_at", "planned_at", "platform"),
)


def _view(row: RowMapping, language: Language) -> DeliveryView:
    channel = row["reached_by"] or row["platform"]
    return DeliveryView(
        registration_id=row["registration_id"],
        name=None if row["kind"] == "transfer-offered" else row["name"],
        kind=row["kind"],
        message_id=row["message_id"],
        outcome=row["outcome"],
        status=row["status"],
        reason=row["reason"],
        platform=channel,
        explanation=explain(
            row["state"],
            row["reason"],
            channel,
            language,
            passed_on_because=row["passed_on_because"],
            repeated=row["repeated"],
        ),
        repeated=row["repeated"],
        at=row["status_at"] or row["emitted_at"] or row["planned_at"],
    )
