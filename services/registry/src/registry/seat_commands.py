"""What people in chats do: claim a seat, take an offer, give back what they have."""

from dataclasses import replace
from typing import Literal, cast

from contracts import (
    AcceptOffer,
    CancellationRefused,
    CancelRegistration,
    ClaimRefused,
    ClaimSeat,
    OfferRefused,
    RegistrationConfirmed,
    RegistrationQueued,
    RegistrationReleased,
    RegistrationStatus,
    SeatClaimed,
    SeatHeld,
    WaitingListed,
    derived_id,
)
from registry import seats
from registry.book import Book
from registry.line import confirm, end, offer_free_seats, run_out, tell
from registry.seats import Asker, Seat


def claim_seat(
    book: Book, command: ClaimSeat
) -> SeatClaimed | SeatHeld | WaitingListed | ClaimRefused:
    """Somebody wants a seat: they get one, have one already, wait for one, or are told why not."""
    person = book.person(command.address)
    is_proven = book.is_proven(person)
    own = book.own(person)
    if own is not None and _is_lost(book, own, is_proven=is_proven):
        # The tick that ends it is on its way; whoever asks again stands at the end.
        run_out(book, command, own, is_told=own.status == "offered")
        offer_free_seats(book, command)
        own = None
    decision = seats.claim(book.event, own, book.now, is_proven=is_proven)
    match decision:
        case "seat" | "hold" | "wait":
            return _enter(book, command, decision)
        case "take-offer" | "take-held":
            assert own is not None
            return _confirm(book, command, own)
        case "hold-offer":
            assert own is not None
            return _hold(book, command, own)
        case "already":
            assert own is not None
            return SeatClaimed(registration=own.card(book.event), already=True)
        case "already-held":
            assert own is not None
            return SeatHeld(registration=own.card(book.event), already=True)
        case "already-waiting":
            assert own is not None
            card = own.card(book.event, book.position(own))
            return WaitingListed(registration=card, already=True)
    # A draft is nobody's business yet, not even its title.
    shown = book.event.card() if decision != "draft" else None
    return ClaimRefused(reason=decision, event=shown)


def _is_lost(book: Book, seat: Seat, *, is_proven: bool) -> bool:
    """Whether it was kept for this person, and is not any more.

    Proof that came late is proof: until the tick comes, the held seat is theirs.
    """
    return seats.ran_out(book.event, seat, book.now) and not (is_proven and seat.status == "held")


_ENTERED: dict[Literal["seat", "hold", "wait"], tuple[RegistrationStatus, str]] = {
    "seat": ("confirmed", "seat-claimed"),
    "hold": ("held", "seat-held"),
    "wait": ("waiting", "registration-queued"),
}
"""What a decision makes of a registration, and how the audit calls it."""


def _enter(
    book: Book, command: ClaimSeat, decision: Literal["seat", "hold", "wait"]
) -> SeatClaimed | SeatHeld | WaitingListed:
    registration_id = derived_id(command.id, "registration")
    status, action = _ENTERED[decision]
    seat = Seat(
        id=registration_id,
        user_id=book.know(command),
        status=status,
        name=command.name,
        registered_via=command.registered_via,
        created_at=book.now,
        ticket=book.tickets.issue(registration_id) if decision == "seat" else None,
        queue_number=book.next_number() if decision == "wait" else None,
        hold_expires_at=(
            seats.hold_expires_at(book.event, book.now) if decision == "hold" else None
        ),
    )
    book.put(seat)
    book.note(
        command,
        action,
        before=None,
        after=seat,
        actor="participant",
        channel=command.address.platform,
    )
    if decision == "hold":
        # Nothing that others would be told of: it is over in a few minutes, one way or the other.
        return SeatHeld(registration=seat.card(book.event))
    waits = decision == "wait"
    fact = RegistrationQueued if waits else RegistrationConfirmed
    book.say(
        fact(
            id=derived_id(command.id, 1),
            occurred_at=book.now,
            correlation_id=command.correlation_id,
            registration_id=seat.id,
            event_id=book.event.id,
        )
    )
    if waits:
        return WaitingListed(registration=seat.card(book.event, book.position(seat)))
    return SeatClaimed(registration=seat.card(book.event))


def accept_offer(book: Book, command: AcceptOffer) -> SeatClaimed | SeatHeld | OfferRefused:
    """Somebody takes the seat that was kept for them, if it still is."""
    seat = book.seat(command.registration_id)
    person = book.person(command.address)
    decision = seats.accept(book.event, seat, person, book.now, is_proven=book.is_proven(person))
    if seat is not None:
        match decision:
            case "seat":
                return _confirm(book, command, seat)
            case "hold":
                return _hold(book, command, seat)
            case "already":
                return SeatClaimed(registration=seat.card(book.event), already=True)
            case "already-held":
                return SeatHeld(registration=seat.card(book.event), already=True)
            case "expired" if seats.ran_out(book.event, seat, book.now):
                run_out(book, command, seat, is_told=seat.status == "offered")
                offer_free_seats(book, command)
    assert decision not in ("seat", "hold", "already", "already-held"), (
        "there is a registration to accept"
    )
    shown = book.event.card() if decision != "not-yours" else None
    return OfferRefused(reason=decision, event=shown)


def _hold(book: Book, command: AcceptOffer | ClaimSeat, offered: Seat) -> SeatHeld:
    """Keep an offered seat for as long as a proof takes."""
    seat = replace(
        offered,
        status="held",
        offer_expires_at=None,
        hold_expires_at=seats.hold_expires_at(book.event, book.now),
    )
    book.note(
        command,
        "offer-held",
        before=book.put(seat),
        after=seat,
        actor="participant",
        channel=command.address.platform,
    )
    return SeatHeld(registration=seat.card(book.event))


def _confirm(book: Book, command: AcceptOffer | ClaimSeat, kept: Seat) -> SeatClaimed:
    action = "hold-confirmed" if kept.status == "held" else "offer-accepted"
    return SeatClaimed(registration=confirm(book, command, kept, action, 1).card(book.event))


def cancel_registration(
    book: Book, command: CancelRegistration
) -> RegistrationReleased | CancellationRefused:
    """Somebody gives a seat back, leaves the line or declines an offer; or an organiser does so."""
    seat = book.seat(command.registration_id)
    asker: Asker = "organiser" if command.address is None else book.person(command.address)
    decision = seats.release(book.event, seat, asker, book.now)
    if decision not in ("release", "already"):
        shown = book.event.card() if decision != "not-yours" else None
        return CancellationRefused(reason=decision, event=shown)
    assert seat is not None, "there is a registration to end"
    if decision == "already":
        return RegistrationReleased(
            registration_id=seat.id, event=book.event.card(), already=True, was="confirmed"
        )
    by_person = command.address is not None
    reason = seats.END_REASONS[seat.status] if by_person else "organiser"
    ended = end(book, command, seat, reason, note=command.reason)
    if not by_person:
        tell(book, command, "registration-cancelled", ended)
    offer_free_seats(book, command)
    was = cast("seats.Active", seat.status)
    return RegistrationReleased(registration_id=seat.id, event=book.event.card(), was=was)
