"""Reading what a batch needs to know of an event, and writing what it has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, and_, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    AddRegistration,
    Address,
    CancelRegistration,
    ChangeEvent,
    ClaimSeat,
    Command,
    CreateEvent,
    MoveRegistration,
    OfferTransfer,
    PassOnSeats,
)
from registry import notice_store, people
from registry.book import Book, Known
from registry.bulk import insert_many, one_of, update_many
from registry.codes import event_code
from registry.consents import write_consents
from registry.database import Raced
from registry.event_store import insert_event, update_event
from registry.journal import write_audit
from registry.line import OFFERS_PER_COMMAND_MAX
from registry.notice_results import expect
from registry.rules import Event
from registry.seats import Seat
from registry.tables import IS_ACTIVE, IS_HELD, IS_OFFERED, IS_WAITING, EventRow, Registration, User

SEAT_COLUMNS = tuple(getattr(Registration, field.name).label(field.name) for field in fields(Seat))
_SEATS = select(*SEAT_COLUMNS)
_OF_EVENT = _SEATS.where(Registration.event_id == bindparam("event_id"))
_NAMED_SEATS = _OF_EVENT.where(one_of(Registration.id, "wanted"))
_OWN_SEATS = _OF_EVENT.where(one_of(Registration.user_id, "wanted"), IS_ACTIVE)
"""Put together once: under the lock that costs more than PostgreSQL needs to answer."""
CODE_ATTEMPTS_MAX = 8

_FREEING = (CancelRegistration, MoveRegistration, AcceptTransfer)
"""Commands that may free one seat, so that one more of those who wait has to be known."""


def as_seat(row: RowMapping) -> Seat:
    """A registration from a row that has `SEAT_COLUMNS`, and perhaps others."""
    return Seat(**{column.key: row[column.key] for column in SEAT_COLUMNS})


async def read_known(
    connection: AsyncConnection,
    event: Event | None,
    commands: Sequence[Command],
    now: datetime,
    *,
    proof_by_email: bool,
) -> Known:
    """Everything that these commands may ask for, in a few statements for all of them."""
    found = await people.find_people(connection, _when_chats_said_it(commands))
    if event is None:
        attempt = await _free_code(connection, commands)
        with_proof = None
        if proof_by_email:
            with_proof = await _read_with_proof(connection, commands, found.people, ())
        return Known(
            people=found.people, homes=found.homes, code_attempt=attempt, with_proof=with_proof
        )
    named = {
        registration_id
        for command in commands
        if isinstance(registration_id := getattr(command, "registration_id", None), UUID)
    }
    seats = await _read_seats(connection, event.id, named, set(found.people.values()))
    line = await read_line(connection, event, _seats_freed_max(event, commands))
    expired: tuple[Seat, ...] = ()
    if any(isinstance(command, PassOnSeats) for command in commands):
        expired = await _read_expired(connection, event, now)
    with_proof = None
    if proof_by_email:
        with_proof = await _read_with_proof(connection, commands, found.people, expired)
    return Known(
        people=found.people,
        homes=found.homes,
        names=await _read_names(connection, commands, set(found.people.values())),
        proven=await _read_proven(connection, commands),
        seats=seats,
        line=line,
        positions=await _read_positions(connection, event.id, seats),
        expired=expired,
        with_proof=with_proof,
        taken_emails=await _read_taken_emails(connection, event.id, commands),
    )


def _when_chats_said_it(commands: Sequence[Command]) -> dict[Address, datetime]:
    said_at: dict[Address, datetime] = {}
    for command in commands:
        if isinstance(address := getattr(command, "address", None), Address):
            # The latest: whoever has a number now must not get what is the one's before.
            said_at[address] = max(said_at.get(address, command.occurred_at), command.occurred_at)
    return said_at


def _seats_freed_max(event: Event, commands: Sequence[Command]) -> int:
    """How many of those who wait this batch may make an offer to.

    As many again may leave the line in the same batch.
    """
    if event.waiting == 0:
        return 0
    freed = event.seats_left + 2 * sum(isinstance(command, _FREEING) for command in commands)
    if kept := event.offered + event.held:
        late = sum(isinstance(command, ClaimSeat | AcceptOffer) for command in commands)
        passes_on = any(isinstance(command, PassOnSeats) for command in commands)
        # Whoever asks after their time ran out ends it; the tick ends all whose did.
        freed += kept if passes_on else min(kept, late)
    for command in commands:
        if isinstance(command, ChangeEvent):
            freed += max(0, command.details.max_participants - event.max_participants)
    return min(freed, OFFERS_PER_COMMAND_MAX + len(commands))


async def _read_seats(
    connection: AsyncConnection, event_id: UUID, named: set[UUID], owners: set[UUID]
) -> tuple[Seat, ...]:
    # Nobody else writes to them while the event is locked, so they need no locks of their own.
    found: dict[UUID, Seat] = {}
    for query, wanted in ((_NAMED_SEATS, named), (_OWN_SEATS, owners)):
        if wanted:
            rows = await connection.execute(query, {"event_id": event_id, "wanted": list(wanted)})
            found |= {row["id"]: as_seat(row) for row in rows.mappings()}
    return tuple(found.values())


async def read_line(connection: AsyncConnection, event: Event, limit: int) -> tuple[Seat, ...]:
    """The first who wait, in order, and no more than so many."""
    if limit == 0:
        return ()
    rows = await connection.execute(
        _SEATS.where(Registration.event_id == event.id, IS_WAITING)
        .order_by(Registration.priority.desc(), Registration.queue_number)
        .limit(limit)
    )
    return tuple(as_seat(row) for row in rows.mappings())


async def _read_expired(
    connection: AsyncConnection, event: Event, now: datetime
) -> tuple[Seat, ...]:
    found: list[Seat] = []
    for count, status, ends_at in (
        (event.offered, IS_OFFERED, Registration.offer_expires_at),
        (event.held, IS_HELD, Registration.hold_expires_at),
    ):
        if count:
            rows = await connection.execute(
                _SEATS.where(Registration.event_id == event.id, status, ends_at <= now)
                .order_by(ends_at, Registration.id)
                .limit(OFFERS_PER_COMMAND_MAX)
            )
            found += [as_seat(row) for row in rows.mappings()]
    return tuple(found)


async def _read_with_proof(
    connection: AsyncConnection,
    commands: Sequence[Command],
    people: Mapping[Address, UUID],
    expired: Sequence[Seat],
) -> frozenset[UUID]:
    wanted = {seat.user_id for seat in expired if seat.status == "held"}
    for command in commands:
        if isinstance(command, ClaimSeat | AcceptOffer) and command.address in people:
            wanted.add(people[command.address])
    if not wanted:
        return frozenset()
    query = select(User.id).where(one_of(User.id, "wanted"), User.email.is_not(None))
    return frozenset(await connection.scalars(query, {"wanted": list(wanted)}))


async def _read_positions(
    connection: AsyncConnection, event_id: UUID, seats: Sequence[Seat]
) -> dict[UUID, int]:
    return {
        seat.id: await position_in_line(connection, event_id, seat)
        for seat in seats
        if seat.status == "waiting"
    }


async def position_in_line(connection: AsyncConnection, event_id: UUID, seat: Seat) -> int:
    """A waiting person's place, from 1."""
    ahead = await connection.scalar(
        select(func.count())
        .select_from(Registration)
        .where(
            Registration.event_id == event_id,
            IS_WAITING,
            or_(
                Registration.priority > seat.priority,
                and_(
                    Registration.priority == seat.priority,
                    Registration.queue_number < seat.queue_number,
                ),
            ),
        )
    )
    return 1 + (ahead or 0)


async def _read_names(
    connection: AsyncConnection, commands: Sequence[Command], askers: set[UUID]
) -> dict[UUID, str]:
    if not any(isinstance(command, AcceptTransfer) for command in commands):
        return {}
    query = select(User.id, User.name).where(one_of(User.id, "askers"))
    rows = await connection.execute(query, {"askers": list(askers)})
    return {row.id: row.name for row in rows}


async def _read_proven(connection: AsyncConnection, commands: Sequence[Command]) -> dict[str, UUID]:
    wanted = {
        command.to_email.strip().lower()
        for command in commands
        if isinstance(command, OfferTransfer)
    }
    if not wanted:
        return {}
    rows = await connection.execute(
        select(User.email, User.id).where(one_of(User.email, "wanted")), {"wanted": list(wanted)}
    )
    return {row.email: row.id for row in rows}


async def _read_taken_emails(
    connection: AsyncConnection, event_id: UUID, commands: Sequence[Command]
) -> dict[str, UUID]:
    wanted = {
        command.email_claimed
        for command in commands
        if isinstance(command, AddRegistration) and command.email_claimed
    }
    if not wanted:
        return {}
    rows = await connection.execute(
        select(User.email_claimed, Registration.id)
        .join(Registration, Registration.user_id == User.id)
        .where(
            one_of(User.email_claimed, "wanted"),
            Registration.event_id == event_id,
            Registration.registered_via == "organiser",
            IS_ACTIVE,
        ),
        {"wanted": list(wanted)},
    )
    return {row.email_claimed: row.id for row in rows}


async def _free_code(connection: AsyncConnection, commands: Sequence[Command]) -> int:
    new = next((command for command in commands if isinstance(command, CreateEvent)), None)
    if new is None:
        return 0
    codes = [event_code(new.event_id, attempt) for attempt in range(CODE_ATTEMPTS_MAX)]
    taken = set(await connection.scalars(select(EventRow.code).where(EventRow.code.in_(codes))))
    return next(attempt for attempt, code in enumerate(codes) if code not in taken)


_CHANGING = tuple(
    field.name
    for field in fields(Seat)
    if field.name not in ("id", "user_id", "registered_via", "created_at")
)
_INSERT_SEATS = insert_many(Registration, (*(field.name for field in fields(Seat)), "event_id"))
_UPDATE_SEATS = update_many(Registration, "id", _CHANGING)
_CHECK_IN = update_many(
    Registration,
    "id",
    ("checked_in_at", "checked_in_by"),
    # Who is first is decided here, whatever was read before.
    "AND t.checked_in_at IS NULL AND t.status = 'confirmed'",
)


async def write_book(connection: AsyncConnection, book: Book) -> None:
    """Write everything that the batch has changed: event, people, registrations, notices, audit."""
    if not book.exists:
        return
    event = book.event
    if book.created:
        await insert_event(connection, event, book.now)
    elif event != book.event_before:
        await update_event(connection, event, book.now)
    await people.write_people(connection, list(book.claimed.values()), book)
    await write_consents(connection, list(book.claimed.values()), book)
    await people.add_people(connection, book.added, book.now)
    changed = sorted(book.changed_seats(), key=lambda pair: pair[1].id)
    await _see_that_receivers_are_there(connection, changed)
    entering = [after for before, after in changed if _comes_in(before, after)]
    entered = await _CHECK_IN.run(connection, [_row(seat, event.id) for seat in entering])
    assert len(entered) == len(entering), "somebody else checked them in under our lock"
    others = [after for before, after in changed if before is not None]
    await _UPDATE_SEATS.run(
        connection, [_row(seat, event.id) for seat in others if seat not in entering]
    )
    # After what has ended: whoever leaves and comes again has one registration at every moment.
    await _INSERT_SEATS.run(
        connection, [_row(after, event.id) for before, after in changed if before is None]
    )
    await notice_store.keep_up(connection, book, changed)
    await expect(connection, book.notices, book.now)
    await write_audit(connection, book)


async def _see_that_receivers_are_there(
    connection: AsyncConnection, changed: Sequence[tuple[Seat | None, Seat]]
) -> None:
    """Somebody may become a part of another person, or be forgotten, while they are promised a
    seat; no foreign key would tell.
    """
    promised = {
        after.transfer_to
        for before, after in changed
        if after.transfer_to is not None
        and (before is None or before.transfer_to != after.transfer_to)
    }
    if not promised:
        return
    there = select(User.id).where(one_of(User.id, "promised"), User.forgotten_at.is_(None))
    found = await connection.scalars(
        there.order_by(User.id).with_for_update(read=True, key_share=True),
        {"promised": list(promised)},
    )
    if len(found.all()) != len(promised):
        raise Raced("somebody who was promised a seat is another person by now")


def _comes_in(before: Seat | None, after: Seat) -> bool:
    """Whether coming in is all that happened to it."""
    return (
        before is not None
        and after
        == replace(before, checked_in_at=after.checked_in_at, checked_in_by=after.checked_in_by)
        and before.checked_in_at is None
        and before.status == "confirmed"
    )


_NAMES = tuple(field.name for field in fields(Seat))


def _row(seat: Seat, event_id: UUID) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(seat, name) for name in _NAMES}
    row["event_id"] = event_id
    return row
