"""A tick: what is still to be purged of forgotten people, what was kept for as long as it may be,
and whose time has come.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, and_, delete, exists, or_, select, update

from contracts import ForgetPerson, TendPeople, derived_id
from registry import retention
from registry.delivery_tables import Reachability
from registry.forgetting import is_chat
from registry.forgetting_results import PeopleTended, Purge
from registry.person_tables import EmailProof, Forgetting
from registry.purges import PURGES_AFTER, REMEMBERED_FOR, address_of, place_of, say
from registry.results import Said, Stored
from registry.tables import IdentityRow, UserState
from registry.work import Work

CHATS_PER_TICK_MAX = 100
"""Each is two messages; an outcome holds at most 500 (design § 3.3)."""
TICK_SECONDS = 10
"""As the scheduler has it: which ticks are the first of an hour."""


async def tend_people(work: Work, command: TendPeople) -> Stored:
    """Purge what is due, end what was kept for long enough, and find whose time has come."""
    taken = await _take_due(work)
    purges = sorted({(row["user_id"], place_of(row)) for row in taken})
    ended = await _end_remembered(work) + await retention.end_rows(work)
    due: Sequence[UUID] = ()
    if retention.is_time_to_look(command.due_at, TICK_SECONDS):
        due = await retention.people_due(work)
        ended += await retention.end_orphans(work)
    result = PeopleTended(
        at=work.now,
        purges=tuple(Purge(person=person, place=place) for person, place in purges),
        due=len(due),
        ended=ended,
    )
    kept = [
        Said.of(
            ForgetPerson(
                id=derived_id(command.id, str(person)),
                occurred_at=work.now,
                correlation_id=command.correlation_id,
                address=None,
                user_id=person,
            )
        )
        for person in due
    ]
    rows = [(row, place_of(row)) for row in taken]
    return Stored(result=result, messages=(*kept, *say(rows, result, command.correlation_id)))


async def _take_due(work: Work) -> Sequence[RowMapping]:
    # By person, so that one person's chats are taken together.
    found = await work.connection.execute(
        select(*Forgetting.__table__.c)
        .where(Forgetting.next_purge_at <= work.now)
        .order_by(Forgetting.next_purge_at, Forgetting.user_id)
        .limit(CHATS_PER_TICK_MAX)
        .with_for_update()
    )
    rows = found.mappings().all()
    for row in rows:
        place = place_of(row)
        begun = row["ends_at"] - REMEMBERED_FOR
        later = PURGES_AFTER[place + 1 :]
        await work.connection.execute(
            update(Forgetting)
            .where(is_chat(Forgetting, address_of(row)))
            .values(next_purge_at=begun + later[0] if later else None)
        )
        if place > 0:
            await _drop_late(work, row)
    return rows


async def _drop_late(work: Work, row: RowMapping) -> None:
    """What has come into our own tables since, and what was kept to be counted."""
    begun, address = row["ends_at"] - REMEMBERED_FOR, address_of(row)
    await work.connection.execute(
        delete(EmailProof).where(
            or_(
                is_chat(EmailProof, address),
                and_(
                    EmailProof.to_platform == address.platform,
                    EmailProof.to_account == address.account,
                    EmailProof.to_chat_id == address.chat_id,
                ),
            ),
            EmailProof.created_at <= begun,
        )
    )
    # Of an installation that keeps its states elsewhere by now: the conversation drops its own.
    await work.connection.execute(
        delete(UserState).where(
            UserState.platform == address.platform,
            UserState.account == address.account,
            UserState.chat == address.chat_id,
            UserState.updated_at <= row["forgotten_at"],
        )
    )
    is_somebodys = exists().where(is_chat(IdentityRow, address))
    await work.connection.execute(
        delete(Reachability).where(
            is_chat(Reachability, address), Reachability.at <= row["forgotten_at"], ~is_somebodys
        )
    )


async def _end_remembered(work: Work) -> int:
    gone = await work.connection.execute(
        delete(Forgetting).where(Forgetting.next_purge_at.is_(None), Forgetting.ends_at <= work.now)
    )
    return gone.rowcount
