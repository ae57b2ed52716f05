"""How long things are kept: people, codes, what was carried out, and what is nobody's any more."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, delete, exists, or_, select

from registry.delivery_tables import Reachability
from registry.move_tables import ChatMove
from registry.person_tables import EmailProof
from registry.tables import EventRow, HandledCommand, IdentityRow, Registration, User, UserState
from registry.work import Work

CODES_KEPT = timedelta(days=1)
"""They are worth something for minutes, and are counted for an hour."""
COMMANDS_KEPT = timedelta(days=30)
"""As long as what was set aside can be sent again (`topology.DEAD_DAYS_MAX`)."""
ROWS_PER_TICK_MAX = 2_000
"""Of each table: 200 a second, with a tick every ten."""
LOOK_SECONDS = 3_600
"""Between two looks for people whose time has come: each looks at every person."""
PEOPLE_PER_LOOK_MAX = 200
"""An outcome holds at most 500 messages (design § 3.3); the next look goes on."""


def is_time_to_look(due_at: datetime, period_seconds: int) -> bool:
    """Whether the tick of this time is the first one after a full hour."""
    return int(due_at.timestamp()) % LOOK_SECONDS < period_seconds


async def is_due(work: Work, person: UUID) -> bool:
    """Whether somebody has had nothing to do with us for as long as people are kept."""
    return bool(
        await work.connection.scalar(
            select(exists().where(User.id == person, _is_over(_kept_from(work))))
        )
    )


async def people_due(work: Work) -> list[UUID]:
    """People who have had nothing to do with us for as long as people are kept, some of them."""
    found = await work.connection.scalars(
        select(User.id)
        .where(_is_over(_kept_from(work)))
        .order_by(User.id)
        .limit(PEOPLE_PER_LOOK_MAX)
    )
    return list(found)


def _kept_from(work: Work) -> datetime:
    return work.now - timedelta(days=work.retention_days)


def _is_over(before: datetime) -> ColumnElement[bool]:
    has_been_heard_of = or_(
        exists().where(IdentityRow.user_id == User.id, IdentityRow.updated_at >= before),
        exists().where(UserState.user_id == User.id, UserState.updated_at >= before),
        exists().where(
            Registration.user_id == User.id,
            or_(Registration.created_at >= before, Registration.cancelled_at >= before),
        ),
    )
    had_an_event_since = exists().where(
        Registration.user_id == User.id,
        EventRow.id == Registration.event_id,
        EventRow.date_time >= before,
    )
    return and_(
        User.forgotten_at.is_(None),
        User.updated_at < before,
        ~has_been_heard_of,
        ~had_an_event_since,
    )


async def end_orphans(work: Work) -> int:
    """Delete what is known of chats that have been nobody's for as long as people are kept."""
    before, ended = _kept_from(work), 0
    for table, time, chat_id in (
        (Reachability, Reachability.at, Reachability.chat_id),
        (ChatMove, ChatMove.at, ChatMove.moved_to),
        (UserState, UserState.updated_at, UserState.chat),
    ):
        is_somebodys = exists().where(
            IdentityRow.platform == table.platform,
            IdentityRow.account == table.account,
            IdentityRow.chat_id == chat_id,
        )
        is_a_mailbox = exists().where(
            cast(User.id, Text) == chat_id, User.email.is_not(None), table.platform == "email"
        )
        gone = await work.connection.execute(
            delete(table).where(time < before, ~is_somebodys, ~is_a_mailbox)
        )
        ended += gone.rowcount
    return ended


async def end_rows(work: Work) -> int:
    """Delete codes and carried-out commands that are old enough, as many as a tick may."""
    ended = 0
    for table, key, time, kept in (
        (EmailProof, EmailProof.id, EmailProof.created_at, CODES_KEPT),
        (HandledCommand, HandledCommand.command_id, HandledCommand.handled_at, COMMANDS_KEPT),
    ):
        old = select(key).where(time < work.now - kept).order_by(time).limit(ROWS_PER_TICK_MAX)
        ids = list(await work.connection.scalars(old))
        if ids:
            gone = await work.connection.execute(delete(table).where(key.in_(ids)))
            ended += gone.rowcount
    return ended
