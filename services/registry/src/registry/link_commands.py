"""A chat is parted from its person: because it wishes so, or because it never was theirs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from contracts import (
    Address,
    DisownLink,
    DisownRefused,
    LinkDisowned,
    NoticeToPersonDue,
    Unlink,
    Unlinked,
    UnlinkRefused,
    derived_id,
)
from registry import proof_store
from registry.bulk import one_of
from registry.database import Raced
from registry.link_store import is_chat, told_of_link
from registry.merging import Locked, described, hand_over, lock_people
from registry.people import find_people, telegram_id, whatsapp_phone
from registry.person_tables import ConsentRow, Link
from registry.results import Result, Said, Stored, answer
from registry.tables import IS_ACTIVE, IdentityRow, Registration, User, UserState
from registry.work import Work


async def unlink(work: Work, command: Unlink) -> Stored:
    """A chat speaks for its person no more; what is registered stays with them."""
    found = await find_people(work.connection, {command.address: command.occurred_at})
    person, chat = found.people.get(command.address), found.homes[command.address]
    if person is None:
        return _stored(work, command, UnlinkRefused(reason="unknown"))
    locked = await lock_people(work.connection, [person], ())
    if chat not in locked.chats:
        raise Raced("this chat has just become another person's")
    others = [other for other in locked.chats_of({person}) if other != chat]
    if not others and locked.people[person]["email"] is None:
        return _stored(work, command, UnlinkRefused(reason="only-way"))
    link_id = await _end_links(work, command, person, chat)
    await work.connection.execute(delete(IdentityRow).where(_is(IdentityRow, chat)))
    await _own_states(work, [chat], None)
    await _take_away(work, locked, person, [chat])
    messengers = tuple(sorted({other.platform for other in others}))
    notices = told_of_link(work, command, "parted", link_id, others)
    return _stored(work, command, Unlinked(messengers=messengers), notices)


async def disown_link(work: Work, command: DisownLink) -> Stored:
    """A chat that has joined somebody is parted from them, with what it had brought along.

    Other chats of the person that joined with it came along, so they go along.
    """
    asked_at = {command.address: command.occurred_at}
    found = await find_people(work.connection, asked_at)
    asker, chat = found.people.get(command.address), found.homes[command.address]
    link = await _link(work, command.link_id)
    if link is None or (asker != link["user_id"] and _chat(link) != chat):
        return _stored(work, command, DisownRefused())
    person = link["user_id"]
    events = await _events_of(work, person, link["brought"])
    locked = await lock_people(work.connection, [person], events)
    if not await _events_of(work, person, link["brought"]) <= events:
        raise Raced("what the chat brought has just become active at another event")
    again = await _link(work, command.link_id)
    if again is None or again["user_id"] != person:
        raise Raced("this link has just become another person's")
    if await find_people(work.connection, asked_at) != found:
        raise Raced("the chat that asks has just become another person's")
    group = [again, *await _beside(work, again)]
    by_themselves = chat in {_chat(one) for one in group}
    parted = [c for one in group if locked.chats.get(c := _chat(one)) == person]
    was_over = again["ended_at"] is not None or _chat(again) not in parted
    if was_over:
        parted = []
    await _end(work, group, disowned=not by_themselves)
    if parted:
        await _part(work, command, locked, again, parted)
    told = sorted({*locked.chats, *parted} - {chat}, key=lambda c: (c.platform, c.chat_key))
    notices = told_of_link(work, command, "parted", command.link_id, told) if parted else ()
    result = LinkDisowned(messenger=link["platform"], already=was_over)
    return _stored(work, command, result, notices)


def _stored(
    work: Work,
    command: Unlink | DisownLink,
    result: Result,
    notices: Sequence[NoticeToPersonDue] = (),
) -> Stored:
    said = tuple(map(Said.of, notices))
    return Stored(result=result, messages=answer(command, result, work.now) + said)


async def _link(work: Work, link_id: UUID) -> RowMapping | None:
    found = await work.connection.execute(select(*Link.__table__.c).where(Link.id == link_id))
    return found.mappings().one_or_none()


async def _beside(work: Work, link: RowMapping) -> list[RowMapping]:
    """The links of chats that came along with this one and are still where it is."""
    found = await work.connection.execute(
        select(*Link.__table__.c).where(
            Link.beside == link["id"], Link.user_id == link["user_id"], Link.ended_at.is_(None)
        )
    )
    return list(found.mappings())


def _chat(link: RowMapping) -> Address:
    return Address(**{name: link[name] for name in ("platform", "account", "chat_id")})


def _is(table: type[IdentityRow], chat: Address) -> Any:
    return (
        (table.platform == chat.platform)
        & (table.account == chat.account)
        & (table.chat_id == chat.chat_id)
    )


async def _events_of(work: Work, person: UUID, brought: Collection[UUID]) -> set[UUID]:
    """Where something changes hands that others may be changing as well."""
    found = await work.connection.scalars(
        select(Registration.event_id).where(
            one_of(Registration.id, "brought"), Registration.user_id == person, IS_ACTIVE
        ),
        {"brought": list(brought)},
    )
    return set(found)


async def _end_links(work: Work, command: Unlink, person: UUID, chat: Address) -> UUID:
    """End the links of a chat; a chat that was the person's first one has none until now.

    Returns:
        The one by which others are told.
    """
    ended = await work.connection.execute(
        update(Link)
        .where(Link.user_id == person, is_chat(chat), Link.ended_at.is_(None))
        .values(ended_at=work.now)
        .returning(Link.id)
    )
    if ids := sorted(ended.scalars()):
        return ids[0]
    link_id = derived_id(command.id, "link")
    await work.connection.execute(
        insert(Link).values(
            chat.model_dump()
            | {
                "id": link_id,
                "user_id": person,
                "linked_at": work.now,
                "brought": [],
                "ended_at": work.now,
            }
        )
    )
    return link_id


async def _end(work: Work, group: Sequence[RowMapping], *, disowned: bool) -> None:
    ids = {"ids": [link["id"] for link in group]}
    named = one_of(Link.id, "ids")
    await work.connection.execute(
        update(Link).where(named, Link.ended_at.is_(None)).values(ended_at=work.now), ids
    )
    if disowned:
        await work.connection.execute(update(Link).where(named).values(disowned=True), ids)


async def _part(
    work: Work,
    command: DisownLink,
    locked: Locked,
    link: RowMapping,
    chats: Sequence[Address],
) -> None:
    """Make a person of these chats and of what they had brought along."""
    person, new = link["user_id"], derived_id(command.id, "user")
    known = locked.people[person]
    theirs = await _brought(work, link)
    taken = await _take_away(work, locked, person, chats)
    spoken = await proof_store.language_of(work.connection, _chat(link))
    await work.connection.execute(
        insert(User).values(
            id=new,
            # As on their own tickets: what the other person is called is none of theirs.
            name=theirs[-1].name if theirs else "",
            # The other person's may be one that nobody in this chat reads.
            language=spoken or known["language"],
            # Whoever said stop is not written to, whichever of the two it was.
            muted=known["muted"],
            muted_at=known["muted_at"],
            created_at=work.now,
            updated_at=work.now,
            **taken,
        )
    )
    for chat in chats:
        await work.connection.execute(
            update(IdentityRow).where(_is(IdentityRow, chat)).values(user_id=new)
        )
    await _own_states(work, chats, new)
    await hand_over(work, command, "registration-parted", [row.id for row in theirs], new)
    await _take_links(work, link, chats, new)
    await _copy_consents(work, person, chats, new)


async def _brought(work: Work, link: RowMapping) -> Sequence[Any]:
    """What came with the chat and is still the person's, the oldest first."""
    found = await work.connection.execute(
        select(Registration.id, Registration.name)
        .where(one_of(Registration.id, "brought"), Registration.user_id == link["user_id"])
        .order_by(Registration.created_at, Registration.id),
        {"brought": list(link["brought"])},
    )
    return found.all()


async def _take_links(work: Work, link: RowMapping, chats: Sequence[Address], new: UUID) -> None:
    """Chats that had joined each other before are still joined; what came later has ended."""
    theirs = (
        Link.user_id == link["user_id"],
        Link.ended_at.is_(None),
        or_(*(is_chat(chat) for chat in chats)),
    )
    await work.connection.execute(
        update(Link).where(*theirs, Link.linked_at < link["linked_at"]).values(user_id=new)
    )
    await work.connection.execute(update(Link).where(*theirs).values(ended_at=work.now))


async def _copy_consents(work: Work, person: UUID, chats: Sequence[Address], new: UUID) -> None:
    columns = (ConsentRow.text_version, ConsentRow.language, ConsentRow.channel, ConsentRow.at)
    platforms = {chat.platform for chat in chats}
    found = await work.connection.execute(
        select(*columns).where(ConsentRow.user_id == person, ConsentRow.channel.in_(platforms))
    )
    if rows := [dict(row) | {"user_id": new} for row in found.mappings()]:
        await work.connection.execute(insert(ConsentRow), rows)


async def _own_states(work: Work, chats: Sequence[Address], person: UUID | None) -> None:
    for chat in chats:
        await work.connection.execute(
            update(UserState)
            .where(
                UserState.platform == chat.platform,
                UserState.account == chat.account,
                UserState.chat == chat.chat_id,
            )
            .values(user_id=null() if person is None else person)
        )


async def _take_away(
    work: Work, locked: Locked, person: UUID, chats: Sequence[Address]
) -> Mapping[str, Any]:
    """The ids and numbers of these chats are no longer the person's.

    Returns:
        Those of whoever has the chats.
    """
    row = locked.people[person]
    rest = [chat for chat in locked.chats if chat not in chats]
    ids = {"telegram_id": None, "whatsapp_phone": None}
    for chat in chats:
        ids["telegram_id"] = ids["telegram_id"] or telegram_id(chat)  # type: ignore[assignment]
        ids["whatsapp_phone"] = ids["whatsapp_phone"] or whatsapp_phone(chat, None)  # type: ignore[assignment]
    changes: dict[str, object] = {}
    if row["telegram_id"] is not None and row["telegram_id"] == ids["telegram_id"]:
        changes["telegram_id"] = next(filter(None, map(telegram_id, rest)), None)
    of_whatsapp = [chat for chat in rest if chat.platform == "whatsapp"]
    number = row["whatsapp_phone"]
    if number is not None and any(chat.platform == "whatsapp" for chat in chats):
        if not of_whatsapp:
            ids["whatsapp_phone"] = ids["whatsapp_phone"] or number
        if not of_whatsapp or number == ids["whatsapp_phone"]:
            known = (whatsapp_phone(chat, None) for chat in of_whatsapp)
            changes["whatsapp_phone"] = next(filter(None, known), None)
    if changes:
        await described(work.connection, person, changes, work.now)
    return ids
