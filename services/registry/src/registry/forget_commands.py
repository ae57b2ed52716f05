"""To be forgotten, by one's own wish or because time has come for it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from contracts import Address, ForgetPerson, PersonForgotten, derived_id
from registry import forgetting
from registry.database import Raced
from registry.people import find_people
from registry.results import Said, Stored, answer
from registry.retention import is_due
from registry.tables import IdentityRow, User
from registry.work import Work

LATE_AFTER = timedelta(hours=1)
"""A wish that is carried out later, because an operator had it sent again, is about the time when
it was said: the person may have come back since."""


async def forget_person(work: Work, command: ForgetPerson) -> Stored:
    """Forget whoever is behind a chat, or a person whose time has come.

    Said again it finds nobody. A chat that nobody is known behind is purged all the same: it has a
    document, and may have more.

    Raises:
        Raced: they have got something else meanwhile; look again.
    """
    if command.address is None:
        return await _whose_time_has_come(work, command)
    at = work.now if work.now - command.occurred_at <= LATE_AFTER else command.occurred_at
    found = await find_people(work.connection, {command.address: command.occurred_at})
    asked = list(dict.fromkeys([command.address, found.homes[command.address]]))
    person = found.people.get(command.address)
    if person is None:
        return await _forget_chat(work, command, asked, at)
    if at < work.now and await _came_after(work, person, at):
        return _forgotten(work, command, PersonForgotten(known=False))
    return await _forget(work, command, person, asked, at)


async def _came_after(work: Work, person: UUID, at: datetime) -> bool:
    since: datetime | None = await work.connection.scalar(
        select(User.created_at).where(User.id == person)
    )
    return since is not None and since > at


async def _whose_time_has_come(work: Work, command: ForgetPerson) -> Stored:
    person = command.user_id
    if person is not None and await is_due(work, person):
        return await _forget(work, command, person, [], work.now)
    # They have come back since it was found.
    return Stored(result=PersonForgotten(known=False))


async def _forget(
    work: Work, command: ForgetPerson, person: UUID, asked: Sequence[Address], at: datetime
) -> Stored:
    theirs = await forgetting.known_chats(work, person)
    await forgetting.lock_codes(work, await forgetting.chats_of(work, [*asked, *theirs]), person)
    locked = await forgetting.lock_whole(work, person)
    if (asked and asked[-1] not in locked.chats) or (
        command.address is None and not await is_due(work, person)
    ):
        raise Raced("they have another chat, or were heard of, since")
    chats = await forgetting.chats_of(work, [*asked, *locked.chats])
    freed, said = await forgetting.end_registrations(work, command, person, locked.events)
    mails = await forgetting.end_codes(work, chats, person)
    await forgetting.blank_person(work, person)
    await forgetting.drop_chats(work, chats)
    await forgetting.remember_to_purge(work, chats, person=person, asked=asked, at=at, mails=mails)
    return _forgotten(work, command, PersonForgotten(freed=freed), said)


async def _forget_chat(
    work: Work, command: ForgetPerson, asked: Sequence[Address], at: datetime
) -> Stored:
    for address in asked:
        await _see_that_nobody_is_coming(work, address)
    chats = await forgetting.chats_of(work, asked)
    mails = await forgetting.end_codes(work, chats, None)
    await forgetting.drop_chats(work, chats)
    nobody = derived_id(command.id, "nobody")
    await forgetting.remember_to_purge(work, chats, person=nobody, asked=asked, at=at, mails=mails)
    return _forgotten(work, command, PersonForgotten(known=False))


async def _see_that_nobody_is_coming(work: Work, address: Address) -> None:
    """Wait for a transaction that is making a person of this chat, and let later ones wait.

    A row that nobody will ever see has the same effect as a lock on one that is not there yet.
    """
    row = address.model_dump() | {
        "user_id": uuid4(),
        "created_at": work.now,
        "updated_at": work.now,
    }
    made = await work.connection.execute(
        insert(IdentityRow).values(row).on_conflict_do_nothing().returning(IdentityRow.user_id)
    )
    if made.one_or_none() is None:
        raise Raced("this chat has just become a person")
    await work.connection.execute(
        delete(IdentityRow).where(
            IdentityRow.platform == address.platform,
            IdentityRow.account == address.account,
            IdentityRow.chat_id == address.chat_id,
        )
    )


def _forgotten(
    work: Work, command: ForgetPerson, result: PersonForgotten, said: Sequence[Said] = ()
) -> Stored:
    return Stored(result=result, messages=(*answer(command, result, work.now), *said))
