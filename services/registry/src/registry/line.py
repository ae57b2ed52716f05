"""The waiting list: what ends frees a seat, and a free seat goes to who waits first."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from contracts import (
    CancelRegistration,
    Command,
    EndReason,
    NoticeDue,
    NoticeKind,
    RegistrationCancelled,
    RegistrationOffered,
    derived_id,
)
from registry.book import Book
from registry.offers import offer_expires_at
from registry.seats import Seat

OFFERS_PER_COMMAND_MAX = 100
"""An outcome holds at most 500 messages (design § 3.3); the next tick goes on."""

NOTICE_USEFUL_AFTER_START = timedelta(hours=1)
"""Somebody on the way to an event still wants to know."""

Actor = Literal["participant", "organiser", "system"]


def source(command: Command) -> tuple[Actor, str, str | None]:
    """(actor, channel, by) of a command, for the audit."""
    address = getattr(command, "address", None)
    if address is not None:
        return "participant", address.platform, None
    if hasattr(command, "by"):
        return "organiser", "api", command.by
    return "system", "clock", None


def end(
    book: Book, command: Command, seat: Seat, reason: EndReason, *, note: str | None = None
) -> Seat:
    """End a registration; its ticket is worth nothing from now on.

    Args:
        book: the event.
        command: whose doing it is.
        seat: as it is until now.
        reason: why, for everybody.
        note: why, in the organiser's words.
    """
    actor, channel, by = source(command)
    ended = replace(
        seat,
        status="cancelled",
        cancelled_at=book.now,
        end_reason=reason,
        ticket=None,
        offer_expires_at=None,
        transfer_to=None,
        transfer_expires_at=None,
    )
    book.put(ended)
    book.note(
        command,
        "offer-expired" if reason == "expired" else "registration-ended",
        before=seat,
        after=ended,
        actor="system" if reason == "expired" else actor,
        channel="clock" if reason == "expired" else channel,
        by=None if reason == "expired" else by,
        reason=note or reason,
    )
    own_wish = isinstance(command, CancelRegistration)
    book.say(
        RegistrationCancelled(
            id=derived_id(command.id, 1 if own_wish else f"ended:{seat.id}"),
            occurred_at=book.now,
            correlation_id=command.correlation_id,
            registration_id=seat.id,
            event_id=book.event.id,
            reason=reason,
        )
    )
    return ended


def expire(book: Book, command: Command, seat: Seat) -> None:
    """End an offer that nobody answered in time, and say so to whom it was made."""
    tell(book, command, "offer-expired", end(book, command, seat, "expired"))


def offer_free_seats(book: Book, command: Command) -> int:
    """Offer every free seat to the first who wait, in strict order.

    Returns:
        How many were offered; at most `OFFERS_PER_COMMAND_MAX`, and only to people of the line
        whom this batch has read. The tick that finds a free seat and a waiting person goes on.
    """
    event = book.event
    if event.status != "published" or event.starts_at <= book.now:
        return 0
    deadline = None
    offered = 0
    while book.event.seats_left > 0 and offered < OFFERS_PER_COMMAND_MAX:
        first = book.first_in_line()
        if first is None:
            break
        deadline = deadline or offer_expires_at(book.now, event.starts_at, event.timezone)
        seat = replace(first, status="offered", offer_expires_at=deadline)
        book.put(seat)
        book.note(
            command, "seat-offered", before=first, after=seat, actor="system", channel="clock"
        )
        book.say(
            RegistrationOffered(
                id=derived_id(command.id, f"offered:{seat.id}"),
                occurred_at=book.now,
                correlation_id=command.correlation_id,
                registration_id=seat.id,
                event_id=event.id,
                offer_expires_at=deadline,
            )
        )
        tell(book, command, "seat-offered", seat)
        offered += 1
    return offered


def tell(book: Book, command: Command, kind: NoticeKind, seat: Seat) -> None:
    """Owe somebody a notice about their registration, as it is now."""
    useful_until = max(book.event.starts_at, book.now) + NOTICE_USEFUL_AFTER_START
    ends_at = seat.transfer_expires_at if kind == "transfer-offered" else seat.offer_expires_at
    book.say(
        NoticeDue(
            id=derived_id(command.id, f"notice:{kind}:{seat.id}"),
            occurred_at=book.now,
            correlation_id=command.correlation_id,
            kind=kind,
            registration_id=seat.id,
            event_id=book.event.id,
            event_version=book.event.version,
            expires_at=ends_at or useful_until,
        )
    )
