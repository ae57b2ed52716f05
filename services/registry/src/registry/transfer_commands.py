"""A seat goes from one person to another who has proven an e-mail address, and says yes."""

from dataclasses import replace
from uuid import UUID

from contracts import (
    AcceptTransfer,
    DropTransfer,
    OfferTransfer,
    RegistrationTransferred,
    SeatTransferred,
    TransferDropped,
    TransferOffered,
    TransferRefused,
    derived_id,
)
from registry import seats
from registry.book import Book
from registry.line import end, offer_free_seats, tell
from registry.seats import Seat


def offer_transfer(book: Book, command: OfferTransfer) -> TransferOffered | TransferRefused:
    """Somebody wants to hand their seat on.

    Whether anybody has proven that address is not told: the answer is the same.
    """
    seat = book.seat(command.registration_id)
    decision = seats.offer_transfer(book.event, seat, book.person(command.address), book.now)
    if decision != "transfer" or seat is None:
        return _refused(book, decision)
    expires_at = seats.transfer_expires_at(book.event, book.now)
    receiver = book.known.proven.get(command.to_email.strip().lower())
    if receiver is not None and receiver != seat.user_id:
        promised = replace(seat, transfer_to=receiver, transfer_expires_at=expires_at)
        _put(book, command, "transfer-offered", promised)
        tell(book, command, "transfer-offered", promised)
    elif seat.transfer_to is not None:
        # Whoever corrects an address no longer means the person with the first one.
        kept = replace(seat, transfer_to=None, transfer_expires_at=None)
        _put(book, command, "transfer-dropped", kept)
    return TransferOffered(registration=seat.card(book.event), expires_at=expires_at)


def accept_transfer(book: Book, command: AcceptTransfer) -> SeatTransferred | TransferRefused:
    """The person whom a seat was promised to takes it; the old ticket is dead at once."""
    seat = book.seat(command.registration_id)
    receiver = book.person(command.address)
    own = book.own(receiver)
    decision = seats.accept_transfer(book.event, seat, receiver, own, book.now)
    if decision != "transfer" or seat is None or receiver is None:
        return _refused(book, decision)
    if own is not None:
        # They waited, or had an offer of their own: one person has one seat.
        end(book, command, own, "left")
    taken = _received(book, command, seat, receiver)
    # Before the other one ends: at an event over its capacity a seat that ends is gone.
    book.put(taken)
    tell(book, command, "seat-transferred", end(book, command, seat, "transferred"))
    book.note(
        command,
        "seat-transferred",
        before=None,
        after=taken,
        actor="participant",
        channel=command.address.platform,
    )
    book.say(
        RegistrationTransferred(
            id=derived_id(command.id, 1),
            occurred_at=book.now,
            correlation_id=command.correlation_id,
            registration_id=taken.id,
            from_registration_id=seat.id,
            event_id=book.event.id,
        )
    )
    offer_free_seats(book, command)
    return SeatTransferred(registration=taken.card(book.event))


def _received(book: Book, command: AcceptTransfer, seat: Seat, receiver: UUID) -> Seat:
    registration_id = derived_id(command.id, "registration")
    return Seat(
        id=registration_id,
        user_id=receiver,
        status="confirmed",
        name=book.known.names.get(receiver, seat.name),
        registered_via=command.address.platform,
        created_at=book.now,
        ticket=book.tickets.issue(registration_id),
    )


def drop_transfer(book: Book, command: DropTransfer) -> TransferDropped | TransferRefused:
    """The promise is taken back or declined; the seat stays where it is."""
    seat = book.seat(command.registration_id)
    asker = book.person(command.address)
    decision = seats.drop_transfer(seat, asker)
    if decision != "transfer" or seat is None:
        return _refused(book, decision)
    kept = replace(seat, transfer_to=None, transfer_expires_at=None)
    _put(book, command, "transfer-dropped", kept)
    if asker != seat.user_id:
        tell(book, command, "transfer-declined", kept)
    return TransferDropped(event=book.event.card())


def _put(book: Book, command: OfferTransfer | DropTransfer, action: str, seat: Seat) -> None:
    before = book.put(seat)
    book.note(
        command,
        action,
        before=before,
        after=seat,
        actor="participant",
        channel=command.address.platform,
    )


def _refused(book: Book, decision: seats.TransferDecision) -> TransferRefused:
    assert decision != "transfer", "there is a seat to transfer"
    hidden = decision in ("not-yours", "not-offered")
    return TransferRefused(reason=decision, event=None if hidden else book.event.card())
