"""Several persons turn out to be one: everything that any of them has is the one's.

Rows are locked in the order in which everybody locks them: events, chats, persons. A transaction
that wrote for one of the persons before has ended when the locks are had, so what is read then is
whole; one that comes later finds the chat with somebody else, or the person's row gone, and is
decided anew (`Raced`, or SQLSTATE 23503).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, and_, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, Command, EndReason, RegistrationCard
from registry.book import Book, Change, Known
from registry.book_store import SEAT_COLUMNS, as_seat, read_line, write_book
from registry.bulk import one_of
from registry.database import Raced
from registry.delivery_tables import Reachability
from registry.event_store import lock_event
from registry.journal import write_changes
from registry.line import confirm, end, offer_free_seats, source
from registry.person_tables import ConsentRow, EmailProof, Link
from registry.results import Said
from registry.rules import Event
from registry.seats import Seat
from registry.tables import IS_ACTIVE, IS_HELD, IdentityRow, Registration, User, UserState
from registry.work import Work

_RANKS = {"confirmed": 1, "held": 2, "offered": 3, "waiting": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """Persons whom nobody else changes until this transaction ends, and what is theirs."""

    events: Mapping[UUID, Event]
    people: Mapping[UUID, RowMapping]
    """Rows of `users`."""
    chats: Mapping[Address, UUID]
    """Every chat of theirs, and whose it is."""

    def chats_of(self, people: Collection[UUID]) -> list[Address]:
        """The chats of some of them, always in the same order."""
        found = (chat for chat, person in self.chats.items() if person in people)
        return sorted(found, key=_order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What became of seats."""

    confirmed: tuple[RegistrationCard, ...] = ()
    """Seats that were held until now."""
    freed: int = 0
    """Registrations that ended because the person has another one there."""
    said: tuple[Said, ...] = ()


def _order(address: Address) -> tuple[str, str, str]:
    return address.platform, address.account, address.chat_id


async def lock_people(
    connection: AsyncConnection, people: Collection[UUID], event_ids: Iterable[UUID]
) -> Locked:
    """Lock these events, all chats of these persons, and the persons.

    Raises:
        Raced: one of them is gone or forgotten, or has another chat by now; look again.
    """
    events = {}
    for event_id in sorted(event_ids):
        event = await lock_event(connection, event_id)
        assert event is not None, "events are never deleted"
        events[event_id] = event
    chats = await _lock_chats(connection, people)
    found = await connection.execute(
        select(*User.__table__.c)
        .where(one_of(User.id, "people"))
        .order_by(User.id)
        .with_for_update(),
        {"people": list(people)},
    )
    rows = {row["id"]: row for row in found.mappings() if row["forgotten_at"] is None}
    if len(rows) != len(set(people)):
        raise Raced("one of these persons is gone")
    # Somebody may have joined one of them while we waited.
    if await _lock_chats(connection, people) != chats:
        raise Raced("one of these persons has another chat")
    return Locked(events=events, people=rows, chats=chats)


async def _lock_chats(connection: AsyncConnection, people: Collection[UUID]) -> dict[Address, UUID]:
    found = await connection.execute(
        select(IdentityRow.platform, IdentityRow.account, IdentityRow.chat_id, IdentityRow.user_id)
        .where(one_of(IdentityRow.user_id, "people"))
        # As batches of claims lock them: by the signs' codes, whatever the database's language.
        .order_by(
            IdentityRow.platform.collate("C"),
            IdentityRow.account.collate("C"),
            IdentityRow.chat_id.collate("C"),
        )
        .with_for_update(),
        {"people": list(people)},
    )
    return {
        Address(platform=row.platform, account=row.account, chat_id=row.chat_id): row.user_id
        for row in found
    }


async def events_of(
    connection: AsyncConnection, winner: UUID | None, losers: Collection[UUID]
) -> set[UUID]:
    """The events at which something changes when these persons become one."""
    theirs = select(Registration.event_id).where(one_of(Registration.user_id, "losers"), IS_ACTIVE)
    held = select(Registration.event_id).where(Registration.user_id == winner, IS_HELD)
    promised = select(Registration.event_id).where(one_of(Registration.transfer_to, "losers"))
    found = await connection.scalars(theirs.union(held, promised), {"losers": list(losers)})
    return set(found)


async def settle(
    work: Work,
    command: Command,
    events: Mapping[UUID, Event],
    winner: UUID,
    losers: Collection[UUID],
) -> Merged:
    """Leave one registration at each event, confirm what was held, and hand everything over.

    Args:
        work: the transaction, which has these persons and events locked.
        command: whose doing it is.
        events: those that are locked.
        winner: the one who all of them are.
        losers: the others; they are gone afterwards.

    Raises:
        Raced: there is something at an event that is not locked; look again.
    """
    if not await events_of(work.connection, winner, losers) <= events.keys():
        raise Raced("one of these persons has just got something at another event")
    confirmed: list[RegistrationCard] = []
    said: list[Said] = []
    freed = 0
    for event_id in sorted(events):
        settled = await _settle_event(work, command, events[event_id], winner, losers)
        confirmed += settled.confirmed
        said += settled.said
        freed += settled.freed
    return Merged(confirmed=tuple(confirmed), freed=freed, said=tuple(said))


async def _settle_event(
    work: Work, command: Command, event: Event, winner: UUID, losers: Collection[UUID]
) -> Merged:
    people = {winner, *losers}
    found = await work.connection.execute(
        select(*SEAT_COLUMNS).where(
            Registration.event_id == event.id,
            or_(
                and_(one_of(Registration.user_id, "people"), IS_ACTIVE),
                one_of(Registration.transfer_to, "people"),
            ),
        ),
        {"people": list(people)},
    )
    seats = [as_seat(row) for row in found.mappings()]
    own = sorted((seat for seat in seats if seat.user_id in people), key=_worth)
    may_free = event.seats_left + len(own) if event.waiting else 0
    line = await read_line(work.connection, event, may_free)
    book = Book(event, Known(seats=tuple(seats), line=line), work.now, work.tickets)
    for seat in own[1:]:
        end_also_inside(book, command, seat, "merged")
    _redirect_promises(book, command, seats, winner, losers)
    confirmed = [
        confirm(book, command, seat, "hold-confirmed", f"confirmed:{seat.id}")
        for seat in own[:1]
        if seat.status == "held" and event.status == "published" and event.starts_at > work.now
    ]
    if own[1:]:
        offer_free_seats(book, command)
    await write_book(work.connection, book)
    return Merged(
        confirmed=tuple(seat.card(book.event) for seat in confirmed),
        freed=len(own[1:]),
        said=book.owed(),
    )


def _worth(seat: Seat) -> tuple[int, datetime, UUID]:
    """Sorts the registrations of one person at one event: the first is kept."""
    rank = 0 if seat.checked_in_at is not None else _RANKS[seat.status]
    return rank, seat.created_at, seat.id


def end_also_inside(book: Book, command: Command, seat: Seat, reason: EndReason) -> None:
    """End a registration, also of somebody who has come in with it: nobody is in without one."""
    if seat.checked_in_at is not None:
        actor, channel, _ = source(command)
        out = replace(seat, checked_in_at=None, checked_in_by=None)
        book.put(out)
        book.note(
            command,
            "check-in-undone",
            before=seat,
            after=out,
            actor=actor,
            channel=channel,
            reason=reason,
        )
        seat = out
    end(book, command, seat, reason)


def _redirect_promises(
    book: Book,
    command: Command,
    seats: Iterable[Seat],
    winner: UUID,
    losers: Collection[UUID],
) -> None:
    people = {winner, *losers}
    actor, channel, _ = source(command)
    for found in seats:
        before = book.seat(found.id)
        if before is None or before.transfer_to not in people:
            continue
        if before.user_id in people:
            # Nobody hands a seat on to themselves.
            after = replace(before, transfer_to=None, transfer_expires_at=None)
            action = "transfer-dropped"
        elif before.transfer_to in losers:
            after, action = replace(before, transfer_to=winner), "transfer-redirected"
        else:
            continue
        book.put(after)
        book.note(
            command,
            action,
            before=before,
            after=after,
            actor=actor,
            channel=channel,
            reason="merged",
        )


async def hand_over(
    work: Work,
    command: Command,
    action: str,
    registration_ids: Collection[UUID],
    to: UUID,
) -> None:
    """Make these registrations another person's, whatever has become of them."""
    if not registration_ids:
        return
    found = await work.connection.execute(
        select(*SEAT_COLUMNS, Registration.event_id)
        .where(one_of(Registration.id, "ids"))
        .order_by(Registration.id),
        {"ids": list(registration_ids)},
    )
    actor, channel, by = source(command)
    changes: list[tuple[UUID, Change]] = []
    for row in found.mappings():
        before = as_seat(row)
        change = Change(
            command=command,
            actor=actor,
            channel=channel,
            by=by,
            action=action,
            registration_id=before.id,
            user_id=to,
            before=before,
            after=replace(before, user_id=to),
            reason=None,
        )
        changes.append((row["event_id"], change))
    await write_changes(work.connection, work.now, changes)
    await work.connection.execute(
        update(Registration).where(one_of(Registration.id, "ids")).values(user_id=to),
        {"ids": list(registration_ids)},
    )


async def registrations_of(connection: AsyncConnection, people: Collection[UUID]) -> list[UUID]:
    """Everything that they have or had, the oldest first."""
    found = await connection.scalars(
        select(Registration.id)
        .where(one_of(Registration.user_id, "people"))
        .order_by(Registration.created_at, Registration.id),
        {"people": list(people)},
    )
    return list(found)


async def absorb(work: Work, command: Command, winner: UUID, losers: Sequence[UUID]) -> None:
    """Everything else that the losers had is the winner's, and they are gone."""
    connection, wanted = work.connection, {"losers": list(losers)}
    theirs = await registrations_of(connection, losers)
    await hand_over(work, command, "registration-merged", theirs, winner)
    for table in (IdentityRow, UserState, Link):
        await connection.execute(
            update(table).where(one_of(table.user_id, "losers")).values(user_id=winner), wanted
        )
    # Whom one of them said that they are not, they are by their own proof.
    await connection.execute(
        update(Link)
        .where(
            Link.user_id == winner,
            Link.disowned,
            IdentityRow.user_id == winner,
            IdentityRow.platform == Link.platform,
            IdentityRow.account == Link.account,
            IdentityRow.chat_id == Link.chat_id,
        )
        .values(disowned=False)
    )
    await connection.execute(
        update(EmailProof)
        .where(one_of(EmailProof.target_user_id, "losers"))
        .values(target_user_id=winner),
        wanted,
    )
    await _take_consents(connection, winner, losers)
    await connection.execute(
        delete(Reachability).where(
            Reachability.platform == "email",
            Reachability.chat_id.in_([str(loser) for loser in losers]),
        )
    )
    await connection.execute(delete(User).where(one_of(User.id, "losers")), wanted)


async def _take_consents(connection: AsyncConnection, winner: UUID, losers: Sequence[UUID]) -> None:
    """When any of them agreed first is when the person did."""
    found = await connection.execute(
        select(ConsentRow.text_version, ConsentRow.channel, ConsentRow.language, ConsentRow.at)
        .where(one_of(ConsentRow.user_id, "losers"))
        .order_by(ConsentRow.at),
        {"losers": list(losers)},
    )
    first: dict[tuple[str, str], dict[str, object]] = {}
    for row in found.mappings():
        first.setdefault((row["text_version"], row["channel"]), dict(row) | {"user_id": winner})
    if not first:
        return
    taken = insert(ConsentRow).values(list(first.values()))
    await connection.execute(
        taken.on_conflict_do_update(
            index_elements=["user_id", "text_version", "channel"],
            set_={"at": taken.excluded.at, "language": taken.excluded.language},
            where=taken.excluded.at < ConsentRow.at,
        )
    )


async def described(
    connection: AsyncConnection, winner: UUID, values: Mapping[str, object], now: datetime
) -> None:
    """Write down how the person is known from now on."""
    await connection.execute(update(User).where(User.id == winner).values(**values, updated_at=now))
    if "email" in values:
        # What was said of the mailbox before was said of another one.
        await connection.execute(
            delete(Reachability).where(
                Reachability.platform == "email", Reachability.chat_id == str(winner)
            )
        )


def latest(times: Iterable[datetime | None]) -> datetime | None:
    """The latest of those that there are."""
    return max((time for time in times if time is not None), default=None)
