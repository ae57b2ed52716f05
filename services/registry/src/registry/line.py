"""The waiting list: what ends frees a seat, and a free seat goes to who waits first."""

from collections.abc import Mapping
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
    RegistrationConfirmed,
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
    ended = replace(
        seat,
        status="cancelled",
        cancelled_at=book.now,
        end_reason=reason,
        ticket=None,
        offer_expires_at=None,
        hold_expires_at=None,
        transfer_to=None,
        transfer_expires_at=None,
    )
    book.put(ended)
    by_time = _RAN_OUT.get(reason)
    actor, channel, by = ("system", "clock", None) if by_time else source(command)
    book.note(
        command,
        by_time or "registration-ended",
        before=seat,
        after=ended,
        actor=actor,
        channel=channel,
        by=by,
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


_RAN_OUT: Mapping[EndReason, NoticeKind] = {
    "expired": "offer-expired",
    "unproven": "hold-expired",
}
"""Ends that nobody has asked for, as people and the audit hear of them."""


def run_out(book: Book, command: Command, seat: Seat, *, is_told: bool = True) -> None:
    """End what was kept for somebody, who did not take it or prove anything in time.

    Args:
        book: the event.
        command: in whose course it is found.
        seat: the offered or held one.
        is_told: whether they are told; not who is answered in this very moment.
    """
    reason: EndReason = "unproven" if seat.status == "held" else "expired"
    ended = end(book, command, seat, reason)
    if is_told:
        tell(book, command, _RAN_OUT[reason], ended)


def confirm(book: Book, command: Command, kept: Seat, action: str, fact: str | int) -> Seat:
    """Make a seat that was kept for somebody theirs.

    Args:
        book: the event.
        command: whose doing it is.
        kept: the offered or held one.
        action: how the audit calls it.
        fact: the id of what is said of it, within the command.
    """
    seat = replace(
        kept,
        status="confirmed",
        offer_expires_at=None,
        hold_expires_at=None,
        ticket=book.tickets.issue(kept.id),
    )
    actor, channel, by = source(command)
    book.note(
        command,
        action,
        before=book.put(seat),
        after=seat,
        actor=actor,
        channel=channel,
        by=by,
    )
    book.say(
        RegistrationConfirmed(
            id=derived_id(command.id, fact),
            occurred_at=book.now,
            correlation_id=command.correlation_id,
            registration_id=seat.id,
            event_id=book.event.id,
        )
    )
    return seat


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
