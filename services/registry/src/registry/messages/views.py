"""An organiser's message as its organiser sees it."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel
from sqlalchemy import RowMapping, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Audience, Platform
from registry.links import Language
from registry.messages import store
from registry.messages.feeding import Lane, rate_per_second, seconds_left
from registry.messages.tables import OrganiserMessage
from registry.messages.words import sentence

MessageStatus = Literal["running", "paused", "cancelled", "finished"]


class Progress(BaseModel):
    """How many recipients are where; each is counted once, and together they are all."""

    recipients: int
    pending: int = 0
    """Not handed over yet."""
    on_the_way: int = 0
    """Handed over; nothing is known yet."""
    accepted: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    failed: int = 0
    unknown: int = 0
    """The platform may or may not have it; it is not sent again."""
    set_aside: int = 0
    """Left to an operator."""
    suppressed: int = 0
    """Not sent on purpose: blocked, no way to write to them, not concerned any more."""
    expired: int = 0
    """Its time was over first."""
    cancelled: int = 0
    """It was cancelled before their turn."""


class PlatformProgress(BaseModel):
    """How far it is on one platform."""

    platform: Platform
    recipients: int
    handed_over: int
    canary: int
    """How many go first; the rest follows when that went well."""
    canary_passed: bool
    rate_per_second: float
    """As it is at the moment, with everything else that is sent there."""


class MessageView(BaseModel):
    """An organiser's message and what became of it."""

    id: UUID
    event_id: UUID
    audience: Audience
    text: str
    created_at: AwareDatetime
    created_by: str
    expires_at: AwareDatetime
    """Nobody is sent it after this time."""
    status: MessageStatus
    ended_at: AwareDatetime | None
    explanation: str
    """What is going on, in a sentence."""
    muted: int
    """People of the audience who asked for silence; they are no recipients."""
    progress: Progress
    platforms: list[PlatformProgress]
    seconds_left: float | None
    """Until everybody has a result, at the rate of the moment; null when it does not run."""
    done_at: AwareDatetime | None
    """The same as a time."""


async def find_view(
    connection: AsyncConnection, message_id: UUID, language: Language, now: datetime
) -> MessageView | None:
    """One message as of now; None when there is none of this id."""
    message = await store.find_message(connection, message_id)
    if message is None:
        return None
    states = await store.count_states(connection, message_id)
    running = await store.running_ids(connection)
    all_lanes = await store.read_lanes(connection, sorted({*running, message_id}), now)
    lanes = [lane for lane in all_lanes if lane.message_id == message_id]
    left = seconds_left(all_lanes, lanes, now) if message["status"] == "running" else None
    return MessageView(
        **{name: message[name] for name in _AS_STORED},
        explanation=sentence(message, states, left, language),
        progress=_progress(message, states),
        platforms=[_platform(lane, all_lanes, now) for lane in lanes],
        seconds_left=None if left is None else round(left, 1),
        done_at=None if left is None else now + timedelta(seconds=left),
    )


async def list_ids(
    connection: AsyncConnection,
    event_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[tuple[datetime, UUID]]:
    """(time, id) of an event's messages, the newest first, beginning behind `after`."""
    query = (
        select(OrganiserMessage.created_at, OrganiserMessage.id)
        .where(OrganiserMessage.event_id == event_id)
        .order_by(OrganiserMessage.created_at.desc(), OrganiserMessage.id.desc())
        .limit(limit)
    )
    if after is not None:
        place = tuple_(OrganiserMessage.created_at, OrganiserMessage.id)
        query = query.where(place < tuple_(*after))
    return [(row.created_at, row.id) for row in await connection.execute(query)]


_AS_STORED = (
    *("id", "event_id", "audience", "text", "created_at", "created_by", "expires_at"),
    *("status", "ended_at", "muted"),
)


def _progress(message: RowMapping, states: dict[str, int]) -> Progress:
    counts = {name.replace("-", "_"): people for name, people in states.items()}
    total = sum(counts.values())
    if message["status"] in ("cancelled", "finished"):
        # Nobody's turn comes any more.
        ended = "cancelled" if message["status"] == "cancelled" else "expired"
        counts[ended] = counts.get(ended, 0) + counts.pop("pending", 0)
    return Progress(recipients=total, **counts)


def _platform(lane: Lane, all_lanes: list[Lane], now: datetime) -> PlatformProgress:
    return PlatformProgress(
        platform=lane.platform,
        recipients=lane.total,
        handed_over=lane.handed_over,
        canary=lane.canary_size,
        canary_passed=lane.cleared,
        rate_per_second=round(rate_per_second(lane.platform, all_lanes, now), 2),
    )
