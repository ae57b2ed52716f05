"""What organisers do with registrations: add, move, send again, check in."""

from dataclasses import replace

from contracts import (
    AddRegistration,
    CheckIn,
    Message,
    MoveRegistration,
    RegistrationCheckedIn,
    RegistrationCheckInUndone,
    RegistrationConfirmed,
    RegistrationQueued,
    ResendTicket,
    UndoCheckIn,
    derived_id,
)
from contracts.commands import AboutEvent
from registry import seats
from registry.book import Book
from registry.line import offer_free_seats, tell
from registry.results import CheckedIn, RegistrationWritten, WriteRefused
from registry.rules import WriteRefusal
from registry.seats import Seat


def add_registration(book: Book, command: AddRegistration) -> RegistrationWritten | WriteRefused:
    """An organiser registers somebody by hand; a full event puts them in line like anybody."""
    # The window is for people in chats; whoever runs the event may add somebody at any time.
    at_any_time = replace(book.event, registration_opens_at=None, registration_closes_at=None)
    decision = seats.claim(at_any_time, None, book.now)
    if decision not in ("seat", "wait"):
        return _refused(_ADD_REFUSALS.get(decision, "not-published"))
    if command.email_claimed and _is_added(book, command.email_claimed):
        return _refused("already-registered")
    registration_id = derived_id(command.id, "registration")
    seat = Seat(
        id=registration_id,
        user_id=derived_id(command.id, "user"),
        status="confirmed" if decision == "seat" else "waiting",
        name=command.name,
        registered_via="organiser",
        created_at=book.now,
        ticket=book.tickets.issue(registration_id) if decision == "seat" else None,
        queue_number=None if decision == "seat" else book.next_number(),
    )
    book.added[seat.user_id] = command
    _put(book, command, "registration-added", seat)
    fact = RegistrationConfirmed if decision == "seat" else RegistrationQueued
    _say(book, command, seat, fact)
    return RegistrationWritten(registration_id=seat.id)


def _is_added(book: Book, email: str) -> bool:
    """Whether somebody with this address was added before, or earlier in this batch, and stays."""
    if (known := book.known.taken_emails.get(email)) is not None:
        seat = book.seat(known)
        if seat is None or seat.status != "cancelled":
            return True
    return any(
        added.email_claimed == email and book.own(person) is not None
        for person, added in book.added.items()
    )


_ADD_REFUSALS: dict[str, WriteRefusal] = {
    "cancelled": "cancelled",
    "started": "started",
    "full": "line-full",
    "draft": "not-published",
}


def move_registration(book: Book, command: MoveRegistration) -> RegistrationWritten | WriteRefused:
    """An organiser puts somebody into a seat, or to the front or the end of the line."""
    seat = book.seat(command.registration_id)
    if seat is None:
        return _refused("unknown-registration")
    if seat.status == "cancelled":
        return _refused("not-active")
    if seat.checked_in_at is not None:
        return _refused("checked-in")
    if book.event.status != "published":
        return _refused("cancelled" if book.event.status == "cancelled" else "not-published")
    if command.to == "confirmed":
        return _seat(book, command, seat)
    front = command.place == "front"
    waits = replace(
        seat,
        status="waiting",
        ticket=None,
        offer_expires_at=None,
        hold_expires_at=None,
        transfer_to=None,
        transfer_expires_at=None,
        priority=book.front_priority() if front else 0,
        queue_number=seat.queue_number if front and seat.queue_number else book.next_number(),
    )
    _put(book, command, "registration-moved", waits, reason=command.reason)
    if seat.status != "waiting":
        _say(book, command, waits, RegistrationQueued)
    tell(book, command, "place-in-line", waits)
    offer_free_seats(book, command)
    return RegistrationWritten(registration_id=seat.id)


def _seat(book: Book, command: MoveRegistration, seat: Seat) -> RegistrationWritten | WriteRefused:
    if seat.status == "confirmed":
        return RegistrationWritten(registration_id=seat.id)
    if seat.status == "waiting" and book.event.seats_left == 0:
        return _refused("no-seat-left")
    # Also a held one: the organiser knows who it is.
    given = replace(
        seat,
        status="confirmed",
        ticket=book.tickets.issue(seat.id),
        offer_expires_at=None,
        hold_expires_at=None,
    )
    _put(book, command, "registration-moved", given, reason=command.reason)
    _say(book, command, given, RegistrationConfirmed)
    tell(book, command, "seat-confirmed", given)
    return RegistrationWritten(registration_id=seat.id)


def resend_ticket(book: Book, command: ResendTicket) -> RegistrationWritten | WriteRefused:
    """An organiser has somebody told once more what they have."""
    seat = book.seat(command.registration_id)
    if seat is None:
        return _refused("unknown-registration")
    match seat.status:
        case "confirmed":
            tell(book, command, "seat-confirmed", seat)
        case "waiting":
            tell(book, command, "place-in-line", seat)
        case "offered":
            tell(book, command, "seat-offered", seat)
        case "held":
            return _refused("not-confirmed")
        case _:
            return _refused("not-active")
    return RegistrationWritten(registration_id=seat.id)


def check_in(book: Book, command: CheckIn) -> CheckedIn | WriteRefused:
    """A ticket was shown: "welcome" for the first time, afterwards who was first and when."""
    seat = book.seat(command.registration_id)
    if seat is None:
        return _refused("unknown-registration")
    decision = seats.check_in(book.event, seat)
    if decision != "first" and decision != "again":  # noqa: PLR1714 - mypy narrows only this form
        return _refused(decision)
    if decision == "first":
        at = min(command.scanned_at or book.now, book.now)
        seat = replace(seat, checked_in_at=at, checked_in_by=command.scanner)
        _put(book, command, "checked-in", seat)
        _say(book, command, seat, RegistrationCheckedIn)
    assert seat.checked_in_at is not None, "who is in came in at some time"
    return CheckedIn(
        registration_id=seat.id,
        first=decision == "first",
        at=seat.checked_in_at,
        by=seat.checked_in_by,
    )


def undo_check_in(book: Book, command: UndoCheckIn) -> RegistrationWritten | WriteRefused:
    """A check-in was a mistake."""
    seat = book.seat(command.registration_id)
    if seat is None:
        return _refused("unknown-registration")
    if seat.checked_in_at is None:
        return _refused("not-checked-in")
    out = replace(seat, checked_in_at=None, checked_in_by=None)
    _put(book, command, "check-in-undone", out, reason=command.reason)
    _say(book, command, out, RegistrationCheckInUndone)
    return RegistrationWritten(registration_id=seat.id)


_Organising = AddRegistration | MoveRegistration | CheckIn | UndoCheckIn
_Fact = (
    type[RegistrationConfirmed]
    | type[RegistrationQueued]
    | type[RegistrationCheckedIn]
    | type[RegistrationCheckInUndone]
)


def _put(
    book: Book, command: _Organising, action: str, seat: Seat, *, reason: str | None = None
) -> None:
    before = book.put(seat)
    book.note(
        command,
        action,
        before=before,
        after=seat,
        actor="organiser",
        channel="api",
        by=command.by,
        reason=reason,
    )


def _say(book: Book, command: AboutEvent, seat: Seat, fact: _Fact) -> None:
    message: Message = fact(
        id=derived_id(command.id, 1),
        occurred_at=book.now,
        correlation_id=command.correlation_id,
        registration_id=seat.id,
        event_id=book.event.id,
    )
    book.say(message)


def _refused(reason: WriteRefusal) -> WriteRefused:
    return WriteRefused(reason=reason)
