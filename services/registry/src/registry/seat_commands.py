"""What people in chats do: claim a seat, take an offer, give back what they have."""

from dataclasses import replace
from typing import cast

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
    SeatClaimed,
    WaitingListed,
    derived_id,
)
from registry import seats
from registry.book import Book
from registry.line import end, expire, offer_free_seats, tell
from registry.seats import Asker, Seat


def claim_seat(book: Book, command: ClaimSeat) -> SeatClaimed | WaitingListed | ClaimRefused:
    """Somebody wants a seat: they get one, have one already, wait for one, or are told why not."""
    own = book.own(book.person(command.address))
    if own is not None and _ran_out(book, own):
        # The tick that ends this offer is on its way; whoever asks again stands at the end.
        expire(book, command, own)
        offer_free_seats(book, command)
        own = None
    decision = seats.claim(book.event, own, book.now)
    match decision:
        case "seat" | "wait":
            return _enter(book, command, waits=decision == "wait")
        case "take-offer":
            assert own is not None
            return _confirm(book, command, own)
        case "already":
            assert own is not None
            return SeatClaimed(registration=own.card(book.event), already=True)
        case "already-waiting":
            assert own is not None
            card = own.card(book.event, book.position(own))
            return WaitingListed(registration=card, already=True)
    # A draft is nobody's business yet, not even its title.
    shown = book.event.card() if decision != "draft" else None
    return ClaimRefused(reason=decision, event=shown)


def _ran_out(book: Book, seat: Seat) -> bool:
    """Whether this is an offer that nobody answered in time; none ends at an event that is off."""
    ends_at = seat.offer_expires_at
    return book.event.status == "published" and ends_at is not None and ends_at <= book.now


def _enter(book: Book, command: ClaimSeat, *, waits: bool) -> SeatClaimed | WaitingListed:
    registration_id = derived_id(command.id, "registration")
    seat = Seat(
        id=registration_id,
        user_id=book.know(command),
        status="waiting" if waits else "confirmed",
        name=command.name,
        registered_via=command.registered_via,
        created_at=book.now,
        ticket=None if waits else book.tickets.issue(registration_id),
        queue_number=book.next_number() if waits else None,
    )
    book.put(seat)
    book.note(
        command,
        "registration-queued" if waits else "seat-claimed",
        before=None,
        after=seat,
        actor="participant",
        channel=command.address.platform,
    )
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


def accept_offer(book: Book, command: AcceptOffer) -> SeatClaimed | OfferRefused:
    """Somebody takes the seat that was kept for them, if it still is."""
    seat = book.seat(command.registration_id)
    decision = seats.accept(book.event, seat, book.person(command.address), book.now)
    if decision == "seat" and seat is not None:
        return _confirm(book, command, seat)
    if decision == "already" and seat is not None:
        return SeatClaimed(registration=seat.card(book.event), already=True)
    if decision == "expired" and seat is not None and seat.status == "offered":
        expire(book, command, seat)
        offer_free_seats(book, command)
    assert decision not in ("seat", "already"), "there is a registration to accept"
    shown = book.event.card() if decision != "not-yours" else None
    return OfferRefused(reason=decision, event=shown)


def _confirm(book: Book, command: AcceptOffer | ClaimSeat, offered: Seat) -> SeatClaimed:
    seat = replace(
        offered,
        status="confirmed",
        offer_expires_at=None,
        ticket=book.tickets.issue(offered.id),
    )
    before = book.put(seat)
    book.note(
        command,
        "offer-accepted",
        before=before,
        after=seat,
        actor="participant",
        channel=command.address.platform,
    )
    book.say(
        RegistrationConfirmed(
            id=derived_id(command.id, 1),
            occurred_at=book.now,
            correlation_id=command.correlation_id,
            registration_id=seat.id,
            event_id=book.event.id,
        )
    )
    return SeatClaimed(registration=seat.card(book.event))


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
