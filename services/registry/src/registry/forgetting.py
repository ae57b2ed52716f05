"""Somebody is forgotten: what goes at once, in one transaction.

Seats that lie ahead end and go to who waits. What happened stays as numbers: an event that is over
had as many guests as before, and none of these rows says who they were. The row of `users` stays
as well, with nothing in it, because the registrations and the audit refer to its id.

What is in streams, buckets and caches is purged by those whose it is, when they hear of it; the
rows of `forgettings` are what they are told from (`purges.py`).

| of whom | what | becomes |
|---|---|---|
| the person | name, addresses, number, wishes | empty |
| | chats, links, consents | deleted |
| registrations | name, ticket | empty |
| | one that lies ahead | ended, `forgotten` |
| | a seat of somebody else that was promised to them | promised to nobody |
| audit | an organiser's words about their registrations | empty |
| each chat, also by an earlier id | whether it can be reached, moves | deleted |
| | dialogue state | dropped by the conversation; what it left, with the second purge |
| codes of the last hour | live ones | worth nothing; deleted with the second purge |

Codes are not deleted at once, because those of the last hour are counted: whoever could have that
count begin anew by being forgotten could guess for ever, and fill a stranger's mailbox.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import get_args
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from contracts import Address, EndReason, ForgetPerson
from contracts.commands import STILL_THEIRS
from contracts.topology import MAIL_ACCOUNT
from registry.book import Book, Known
from registry.book_store import SEAT_COLUMNS, as_seat, read_line, write_book
from registry.database import Raced
from registry.delivery_tables import Reachability
from registry.line import offer_free_seats, source, tell
from registry.merging import Locked, end_also_inside, lock_people
from registry.move_tables import ChatMove
from registry.person_tables import ConsentRow, EmailProof, Forgetting, Link
from registry.purges import PURGES_AFTER, REMEMBERED_FOR
from registry.results import Said
from registry.rules import Event
from registry.seats import Seat
from registry.tables import IS_ACTIVE, Audit, IdentityRow, Registration, User, UserState
from registry.work import Work

MOVES_BACK_MAX = 16
"""Earlier ids of one chat that are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One id under which somebody was known."""

    address: Address
    theirs_until: datetime | None = None
    """Somebody else may have this number by now; what came until then is theirs."""
    read_by_them: bool = True
    """They see what is said there."""


async def events_to_lock(work: Work, person: UUID) -> set[UUID]:
    """Every event where a row names them: also at those that are over, others write to it."""
    found = await work.connection.scalars(
        select(Registration.event_id).where(
            or_(Registration.user_id == person, Registration.transfer_to == person)
        )
    )
    return set(found)


async def lock_whole(work: Work, person: UUID) -> Locked:
    """Lock somebody with everything that is theirs.

    Raises:
        Raced: they are gone, or have got something else meanwhile; look again.
    """
    locked = await lock_people(work.connection, [person], await events_to_lock(work, person))
    # Whoever wrote a registration of theirs before has committed by now: it locked them as well.
    if not await events_to_lock(work, person) <= locked.events.keys():
        raise Raced("they have just got something at another event")
    return locked


async def end_registrations(
    work: Work, command: ForgetPerson, person: UUID, events: Mapping[UUID, Event]
) -> tuple[int, list[Said]]:
    """Free what lies ahead.

    Returns:
        How many registrations ended, and what is to be said of it.
    """
    freed = 0
    said: list[Said] = []
    for event_id in sorted(events):
        event = events[event_id]
        found = await work.connection.execute(
            select(*SEAT_COLUMNS).where(
                Registration.event_id == event_id,
                or_(
                    and_(Registration.user_id == person, IS_ACTIVE),
                    Registration.transfer_to == person,
                ),
            )
        )
        seats = [as_seat(row) for row in found.mappings()]
        ahead = [seat for seat in seats if seat.user_id == person and _lies_ahead(event, work.now)]
        promised = [seat for seat in seats if seat.transfer_to == person]
        if not ahead and not promised:
            continue
        may_free = event.seats_left + 2 * len(ahead) if event.waiting else 0
        line = await read_line(work.connection, event, may_free)
        book = Book(event, Known(seats=tuple(seats), line=line), work.now, work.tickets)
        for seat in promised:
            _promise_to_nobody(book, command, seat)
        for seat in ahead:
            # Before the start somebody may be inside already.
            end_also_inside(book, command, seat, "forgotten")
        if ahead:
            offer_free_seats(book, command)
        await write_book(work.connection, book)
        freed += len(ahead)
        said += book.owed()
    return freed, said


def _lies_ahead(event: Event, now: datetime) -> bool:
    return event.status in ("draft", "published") and event.starts_at > now


def _promise_to_nobody(book: Book, command: ForgetPerson, seat: Seat) -> None:
    kept = replace(seat, transfer_to=None, transfer_expires_at=None)
    before = book.put(kept)
    actor, channel, by = source(command)
    book.note(
        command, "transfer-dropped", before=before, after=kept, actor=actor, channel=channel, by=by
    )
    tell(book, command, "transfer-declined", kept)


async def known_chats(work: Work, person: UUID) -> list[Address]:
    """The chats that speak for somebody."""
    rows = await work.connection.execute(
        select(IdentityRow.platform, IdentityRow.account, IdentityRow.chat_id).where(
            IdentityRow.user_id == person
        )
    )
    return [
        Address(platform=row.platform, account=row.account, chat_id=row.chat_id) for row in rows
    ]


async def chats_of(work: Work, begin: Sequence[Address]) -> list[Chat]:
    """These chats, and every id by which they were known before."""
    found = {address: Chat(address=address) for address in begin}
    unseen = list(found)
    for _ in range(MOVES_BACK_MAX):
        if not unseen:
            break
        rows = await work.connection.execute(
            select(
                ChatMove.platform,
                ChatMove.account,
                ChatMove.chat_id,
                ChatMove.left_at,
                IdentityRow.user_id,
            )
            .outerjoin(
                IdentityRow,
                and_(
                    IdentityRow.platform == ChatMove.platform,
                    IdentityRow.account == ChatMove.account,
                    IdentityRow.chat_id == ChatMove.chat_id,
                ),
            )
            .where(
                or_(
                    *(
                        and_(
                            ChatMove.platform == address.platform,
                            ChatMove.account == address.account,
                            ChatMove.moved_to == address.chat_id,
                        )
                        for address in unseen
                    )
                )
            )
        )
        earlier: list[Chat] = []
        for row in rows:
            address = Address(platform=row.platform, account=row.account, chat_id=row.chat_id)
            until = None if row.left_at is None else row.left_at + STILL_THEIRS
            if until is None and row.user_id is not None:
                # Somebody else is behind it: of theirs nothing is taken.
                continue
            if address not in found:
                earlier.append(Chat(address=address, theirs_until=until, read_by_them=False))
        found |= {chat.address: chat for chat in earlier}
        unseen = [chat.address for chat in earlier]
    return list(found.values())


async def blank_person(work: Work, person: UUID) -> None:
    """Leave nothing in the rows that must stay."""
    connection = work.connection
    theirs = select(Registration.id).where(Registration.user_id == person).scalar_subquery()
    at = select(Registration.event_id).where(Registration.user_id == person).scalar_subquery()
    await connection.execute(
        update(Audit)
        .where(
            Audit.event_id.in_(at),
            Audit.registration_id.in_(theirs),
            Audit.reason.is_not(None),
            Audit.reason.not_in(get_args(EndReason)),
        )
        .values(reason=None)
    )
    await connection.execute(
        update(Registration).where(Registration.user_id == person).values(name="", ticket=None)
    )
    await connection.execute(
        update(User)
        .where(User.id == person)
        .values(
            name="",
            email=None,
            email_claimed=None,
            telegram_id=None,
            whatsapp_phone=None,
            language="en",
            language_at=None,
            muted=False,
            muted_at=None,
            forgotten_at=work.now,
            updated_at=work.now,
        )
    )
    for table in (IdentityRow, Link, ConsentRow):
        await connection.execute(delete(table).where(table.user_id == person))
    # The row itself is the conversation's: it answers from it once more, and drops it then.
    await connection.execute(
        update(UserState).where(UserState.user_id == person).values(user_id=None)
    )
    await connection.execute(
        delete(Reachability).where(
            Reachability.platform == "email", Reachability.chat_id == str(person)
        )
    )


async def drop_chats(work: Work, chats: Sequence[Chat]) -> None:
    """Delete what is known of chats, whoever is behind them."""
    connection = work.connection
    for chat in chats:
        address, until = chat.address, chat.theirs_until
        is_reach = is_chat(Reachability, address)
        if until is not None:
            is_reach = and_(is_reach, Reachability.at <= until)
        await connection.execute(delete(Reachability).where(is_reach))
        if until is None:
            await connection.execute(delete(Link).where(is_chat(Link, address)))
        await connection.execute(
            delete(ChatMove).where(
                ChatMove.platform == address.platform,
                ChatMove.account == address.account,
                or_(ChatMove.chat_id == address.chat_id, ChatMove.moved_to == address.chat_id),
            )
        )


async def end_codes(work: Work, chats: Sequence[Chat], person: UUID | None) -> list[UUID]:
    """Codes that they asked for, or that lead to them, are worth nothing any more.

    Returns:
        The ids of those that went to a mailbox: the mail was sent under them.
    """
    asked = [is_chat(EmailProof, chat.address) for chat in chats if chat.theirs_until is None]
    concerned = or_(*asked, EmailProof.target_user_id == person)
    rows = await work.connection.execute(
        update(EmailProof)
        .where(concerned)
        .values(
            # One that was used is over by that, and may have been used in this very moment.
            expires_at=case(
                (EmailProof.used_at.is_(None), func.least(EmailProof.expires_at, work.now)),
                else_=EmailProof.expires_at,
            ),
            target_user_id=None,
        )
        .returning(EmailProof.id, EmailProof.by_email)
    )
    return [row.id for row in rows if row.by_email]


async def lock_codes(work: Work, chats: Sequence[Chat], person: UUID | None) -> None:
    """Before events are locked: whoever proves an address locks in this order."""
    asked = [is_chat(EmailProof, chat.address) for chat in chats if chat.theirs_until is None]
    await work.connection.execute(
        select(EmailProof.id)
        .where(or_(*asked, EmailProof.target_user_id == person))
        .order_by(EmailProof.id)
        .with_for_update()
    )


async def remember_to_purge(
    work: Work,
    chats: Sequence[Chat],
    *,
    person: UUID,
    asked: Collection[Address],
    at: datetime,
    mails: Sequence[UUID],
) -> None:
    """Write down what else is to be purged, and when.

    Args:
        work: the transaction.
        chats: the person's.
        person: the anonymous id.
        asked: by which ids the chat is known that the wish was said in; none when nobody has
            wished it.
        at: nothing is kept from before.
        mails: under these ids, and the person's, mail was sent.
    """
    rows = [
        chat.address.model_dump()
        | {
            "elsewhere": bool(asked) and chat.read_by_them and chat.address not in asked,
            "forgotten_at": min(at, chat.theirs_until or at),
        }
        for chat in chats
    ] + [
        {
            "platform": "email",
            "account": MAIL_ACCOUNT,
            "chat_id": str(mail),
            "elsewhere": False,
            "forgotten_at": at,
        }
        for mail in {person, *mails}
    ]
    again = {
        "user_id": person,
        "next_purge_at": work.now + PURGES_AFTER[0],
        "ends_at": work.now + REMEMBERED_FOR,
    }
    for row in sorted(rows, key=lambda row: (row["platform"], row["account"], row["chat_id"])):
        await work.connection.execute(
            insert(Forgetting)
            .values(row | again)
            .on_conflict_do_update(
                index_elements=["platform", "account", "chat_id"],
                set_={key: row[key] for key in ("elsewhere", "forgotten_at")} | again,
            )
        )


def is_chat(
    table: type[IdentityRow | Reachability | Link | EmailProof | Forgetting], address: Address
) -> ColumnElement[bool]:
    """Whether a row is about this chat."""
    return and_(
        table.platform == address.platform,
        table.account == address.account,
        table.chat_id == address.chat_id,
    )
