"""Who may have a seat, give it back, wait for it, or come in: decided from values alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor
from typing import Literal
from uuid import UUID

from contracts import EndReason, NoticeKind, Platform, RegistrationCard, RegistrationStatus
from contracts.people import HELD_SHARE, HOLD_MINUTES
from registry.rules import Event, WriteRefusal

WAITING_MAX = 50_000
"""People in one line; behind so many, "you are number 50,001" would be no promise."""
TRANSFER_HOURS_MAX = 24
"""How long a seat may be promised to another person; never beyond the start."""

HOLDING: frozenset[RegistrationStatus] = frozenset({"confirmed", "held", "offered"})
"""What counts as taken: an offer is kept free for the one who has it."""
REMINDED: frozenset[NoticeKind] = frozenset({"reminder-24h", "reminder-1h"})

Active = Literal["confirmed", "held", "waiting", "offered"]
RegisteredVia = Platform | Literal["organiser"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A registration: a seat, an offer or a place in line, or what is left of one."""

    id: UUID
    user_id: UUID
    status: RegistrationStatus
    name: str
    registered_via: RegisteredVia
    created_at: datetime
    ticket: str | None = None
    cancelled_at: datetime | None = None
    end_reason: EndReason | None = None
    priority: int = 0
    queue_number: int | None = None
    offer_expires_at: datetime | None = None
    hold_expires_at: datetime | None = None
    transfer_to: UUID | None = None
    transfer_expires_at: datetime | None = None
    checked_in_at: datetime | None = None
    checked_in_by: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Sorts the line: the first in it is the smallest."""
        assert self.queue_number is not None, "only those who wait have a place"
        return -self.priority, self.queue_number

    def card(self, event: Event, position: int | None = None) -> RegistrationCard:
        """The registration as its owner sees it."""
        return RegistrationCard(
            id=self.id,
            event=event.card(),
            status=self.status,
            ticket=self.ticket,
            name=self.name,
            position=position,
            offer_expires_at=self.offer_expires_at,
            hold_expires_at=self.hold_expires_at,
            checked_in_at=self.checked_in_at,
        )


Asker = UUID | Literal["organiser"] | None
"""The person behind the chat that asks; None for a chat that we do not know."""

ClaimDecision = Literal[
    "seat",
    "hold",
    "wait",
    "take-offer",
    "hold-offer",
    "take-held",
    "proof-first",
    "already",
    "already-held",
    "already-waiting",
    "full",
    "draft",
    "not-yet-open",
    "closed",
    "started",
    "cancelled",
]


def claim(
    event: Event, own: Seat | None, now: datetime, *, is_proven: bool = True
) -> ClaimDecision:
    """Whether somebody gets a seat.

    Args:
        event: the locked event.
        own: the registration that this person has there already.
        now: business time.
        is_proven: whether the person has proven an address, or nobody need. Who has not gets a
            seat for a few minutes, and only while not too many are held like that.
    """
    if event.status == "cancelled":
        return "cancelled"
    if own is not None and own.status == "confirmed":
        return "already"
    if event.status == "draft":
        return "draft"
    if event.status == "finished" or event.starts_at <= now:
        return "started"
    if own is not None:
        return _again(event, own, now, is_proven=is_proven)
    return _new(event, now, is_proven=is_proven)


def _again(event: Event, own: Seat, now: datetime, *, is_proven: bool) -> ClaimDecision:
    if own.status == "held":
        return "take-held" if is_proven else "already-held"
    if not _is_offered(own, now):
        return "already-waiting"
    if is_proven:
        return "take-offer"
    return "hold-offer" if _may_be_held(event) else "proof-first"


def _new(event: Event, now: datetime, *, is_proven: bool) -> ClaimDecision:
    if event.registration_opens_at is not None and now < event.registration_opens_at:
        return "not-yet-open"
    if event.registration_closes_at is not None and event.registration_closes_at <= now:
        return "closed"
    # A free seat while others wait is theirs: nobody passes them.
    if event.seats_left == 0 or event.waiting > 0:
        return "wait" if event.waiting < WAITING_MAX else "full"
    if is_proven:
        return "seat"
    return "hold" if _may_be_held(event) else "proof-first"


def _may_be_held(event: Event) -> bool:
    """Whether one seat more may be held for somebody who has proven nothing."""
    return event.held < held_max(event.max_participants)


def held_max(max_participants: int) -> int:
    """How many seats of an event may be held at a time for people who have proven nothing."""
    return max(1, floor(max_participants * HELD_SHARE))


def hold_expires_at(event: Event, now: datetime) -> datetime:
    """Until when a seat that is held from now on is kept."""
    return min(now + timedelta(minutes=HOLD_MINUTES), event.starts_at)


def ran_out(event: Event, seat: Seat, now: datetime) -> bool:
    """Whether a seat was offered or held, and nobody took it in time.

    Nothing ends at an event that is off: its people are told that, and no more.
    """
    ends_at = seat.offer_expires_at or seat.hold_expires_at
    return event.status == "published" and ends_at is not None and ends_at <= now


def _is_offered(seat: Seat, now: datetime) -> bool:
    return seat.offer_expires_at is not None and now < seat.offer_expires_at


ReleaseDecision = Literal["release", "already", "not-yours", "started", "checked-in"]


def release(event: Event, seat: Seat | None, asker: Asker, now: datetime) -> ReleaseDecision:
    """Whether a registration may be ended.

    Args:
        event: the locked event.
        seat: the registration asked about; None when this event has no such registration.
        asker: who asks.
        now: business time.
    """
    # A stranger learns nothing: a wrong id and somebody else's seat get the same answer.
    if seat is None or asker not in ("organiser", seat.user_id):
        return "not-yours"
    if seat.status == "cancelled":
        return "already"
    if seat.checked_in_at is not None:
        return "checked-in"
    over = event.status == "finished" or event.starts_at <= now
    if over and seat.status in ("confirmed", "held") and asker != "organiser":
        return "started"
    return "release"


END_REASONS: Mapping[RegistrationStatus, EndReason] = {
    "confirmed": "given-back",
    "held": "given-back",
    "waiting": "left",
    "offered": "declined",
}
"""What it means when a person ends a registration that is this."""

AcceptDecision = Literal[
    "seat",
    "hold",
    "proof-first",
    "already",
    "already-held",
    "expired",
    "not-offered",
    "not-yours",
    "started",
    "cancelled",
]


def accept(
    event: Event, seat: Seat | None, asker: Asker, now: datetime, *, is_proven: bool = True
) -> AcceptDecision:
    """Whether an offered seat may still be taken; for `is_proven` see `claim`."""
    if seat is None or asker != seat.user_id:
        return "not-yours"
    if event.status == "cancelled":
        return "cancelled"
    if seat.status == "confirmed":
        return "already"
    if seat.status == "cancelled":
        return "expired" if seat.end_reason in ("expired", "unproven") else "not-offered"
    if event.status == "finished" or event.starts_at <= now:
        return "started"
    if seat.status == "waiting":
        return "not-offered"
    if ran_out(event, seat, now):
        return "expired"
    if seat.status == "held":
        return "seat" if is_proven else "already-held"
    if is_proven:
        return "seat"
    return "hold" if _may_be_held(event) else "proof-first"


TransferDecision = Literal[
    "transfer", "not-yours", "not-offered", "checked-in", "started", "cancelled", "has-seat"
]


def offer_transfer(
    event: Event, seat: Seat | None, asker: Asker, now: datetime
) -> TransferDecision:
    """Whether a seat may be promised to another person."""
    if seat is None or asker != seat.user_id or seat.status != "confirmed":
        return "not-yours"
    return _transferable(event, seat, now)


def accept_transfer(
    event: Event, seat: Seat | None, asker: Asker, own: Seat | None, now: datetime
) -> TransferDecision:
    """Whether the person whom a seat was promised to may take it.

    Args:
        event: the locked event.
        seat: the promised one.
        asker: who asks.
        own: the registration that the asker has there already.
        now: business time.
    """
    # Whoever was promised nothing gets the same answer as for a seat that is not there.
    if seat is None or asker is None or seat.transfer_to != asker or seat.status != "confirmed":
        return "not-offered"
    if seat.transfer_expires_at is None or seat.transfer_expires_at <= now:
        return "not-offered"
    if own is not None and own.status in ("confirmed", "held"):
        return "has-seat"
    return _transferable(event, seat, now)


def drop_transfer(seat: Seat | None, asker: Asker) -> TransferDecision:
    """Whether a promise may be taken back, by its owner, or declined, by its receiver."""
    promised = seat is not None and seat.transfer_to is not None
    if seat is None or not promised or asker not in (seat.user_id, seat.transfer_to):
        return "not-offered"
    return "transfer"


def _transferable(event: Event, seat: Seat, now: datetime) -> TransferDecision:
    if event.status == "cancelled":
        return "cancelled"
    if seat.checked_in_at is not None:
        return "checked-in"
    if event.status == "finished" or event.starts_at <= now:
        return "started"
    return "transfer"


def transfer_expires_at(event: Event, now: datetime) -> datetime:
    """Until when a promised seat may be taken."""
    return min(now + timedelta(hours=TRANSFER_HOURS_MAX), event.starts_at)


CheckInDecision = Literal["first", "again"] | WriteRefusal


def check_in(event: Event, seat: Seat) -> CheckInDecision:
    """Whether somebody may come in, and whether this ticket was shown before."""
    if event.status == "cancelled":
        return "cancelled"
    if seat.checked_in_at is not None:
        return "again"
    return "first" if seat.status == "confirmed" else "not-confirmed"


def is_still_true(
    kind: NoticeKind, event_version: int, event: Event, seat: Seat, now: datetime
) -> bool:
    """Whether a notice may still be told.

    Args:
        kind: what it says.
        event_version: the version of the event that it was planned for.
        event: the event as it is now.
        seat: the registration as it is now.
        now: business time.
    """
    if kind in REMINDED:
        # A corrected typo makes a new version, but only a moved start makes this untrue.
        current = event.start_version <= event_version <= event.version
        return current and seat.status == "confirmed" and _lies_ahead(event, now)
    return _NEWS[kind](event_version, event, seat, now)


def _lies_ahead(event: Event, now: datetime) -> bool:
    return event.status == "published" and event.starts_at > now


_NEWS: dict[NoticeKind, Callable[[int, Event, Seat, datetime], bool]] = {
    "event-cancelled": lambda _version, event, seat, _now: (
        event.status == "cancelled" and seat.status != "cancelled"
    ),
    "event-changed": lambda version, event, seat, _now: (
        event.status == "published" and version == event.version and seat.status != "cancelled"
    ),
    "seat-offered": lambda _version, event, seat, now: (
        _is_offered(seat, now) and _lies_ahead(event, now)
    ),
    "seat-confirmed": lambda _version, event, seat, _now: (
        seat.status == "confirmed" and event.status == "published"
    ),
    "place-in-line": lambda _version, event, seat, now: (
        seat.status == "waiting" and _lies_ahead(event, now)
    ),
    "offer-expired": lambda _version, event, seat, _now: (
        seat.end_reason == "expired" and event.status == "published"
    ),
    "hold-expired": lambda _version, event, seat, now: (
        seat.end_reason == "unproven" and _lies_ahead(event, now)
    ),
    "registration-cancelled": lambda _version, _event, seat, _now: seat.end_reason == "organiser",
    "seat-transferred": lambda _version, _event, seat, _now: seat.end_reason == "transferred",
    "transfer-offered": lambda _version, event, seat, now: (
        seat.transfer_expires_at is not None
        and now < seat.transfer_expires_at
        and _lies_ahead(event, now)
    ),
    "transfer-declined": lambda _version, _event, seat, _now: (
        seat.status == "confirmed" and seat.transfer_to is None
    ),
}
"""(version, event, registration, now) → whether news of this kind is still so."""
