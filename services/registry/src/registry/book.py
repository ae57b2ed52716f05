"""One event under its lock: read at once, changed in memory command by command, written at once.

Nothing here touches the database or a clock. The order of commands is the order of decisions, and
each decision sees what the ones before it did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from typing import Literal
from uuid import UUID

from pydantic import TypeAdapter

from contracts import (
    AddRegistration,
    Address,
    ClaimSeat,
    Command,
    Message,
    NoticeDue,
    derived_id,
)
from registry.results import Said
from registry.rules import Event, over_by
from registry.seats import HOLDING, Seat
from registry.tickets import Tickets

Place = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A line of the audit: what one command did to the event or to one registration."""

    command: Command
    actor: Literal["participant", "organiser", "system"]
    channel: str
    by: str | None
    action: str
    registration_id: UUID | None
    user_id: UUID | None
    before: Seat | Event | None
    after: Seat | Event
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was read for a batch, in the transaction that holds the event's lock."""

    people: Mapping[Address, UUID] = field(default_factory=dict)
    """The persons behind the chats that ask."""
    homes: Mapping[Address, Address] = field(default_factory=dict)
    """Where these chats are by now, if they have moved to another id."""
    names: Mapping[UUID, str] = field(default_factory=dict)
    proven: Mapping[str, UUID] = field(default_factory=dict)
    """Persons by proven e-mail address."""
    seats: tuple[Seat, ...] = ()
    """Registrations that the batch is about, and the active ones of its people."""
    line: tuple[Seat, ...] = ()
    """The first who wait, in order."""
    positions: Mapping[UUID, int] = field(default_factory=dict)
    """Places in line of those who ask, as they were before this batch."""
    expired: tuple[Seat, ...] = ()
    """Offers and held seats whose time is over."""
    with_proof: frozenset[UUID] | None = None
    """Who of those that want a seat, or have let a held one run out, has proven an address; None
    where nobody need."""
    taken_emails: Mapping[str, UUID] = field(default_factory=dict)
    """Registrations by the address under which an organiser has added somebody."""
    code_attempt: int = 0
    """Which of a new event's short codes is free."""


class Book:
    """The event, its registrations as far as they are needed, and everything that has changed."""

    def __init__(self, event: Event | None, known: Known, now: datetime, tickets: Tickets) -> None:
        self.now = now
        self.known = known
        self.tickets = tickets
        self.changes: list[Change] = []
        self.claimed: dict[Address, ClaimSeat] = {}
        """Chats that got a registration, and how they described themselves then."""
        self.added: dict[UUID, AddRegistration] = {}
        """People whom organisers added."""
        self.created = False
        self.moved = False
        """The start is another one: everybody's reminders are."""
        self.called_off = False
        self._event = self._event_before = event
        self.notices: list[NoticeDue] = []
        """Whatever somebody is told of; results will come for each."""
        self._said: list[Said] = []
        self._people = {self.home(chat): person for chat, person in known.people.items()}
        self._seats: dict[UUID, Seat] = {}
        self._own: dict[UUID, UUID] = {}
        self._line: list[tuple[Place, UUID]] = []
        self._line_moves: list[tuple[Place, int]] = []
        self._seats_before: dict[UUID, Seat | None] = {}
        for seat in (*known.seats, *known.line, *known.expired):
            self._seats[seat.id] = seat
            if seat.status != "cancelled":
                self._own[seat.user_id] = seat.id
        for seat in known.line:
            heappush(self._line, (seat.place, seat.id))
        self._line_read = event is None or len(known.line) >= event.waiting
        """Everybody who waits was read; if not, nobody knows who comes after the last of them."""
        self._line_end = max((seat.place for seat in known.line), default=None)
        self._positions = {seat_id: (place, 0) for seat_id, place in known.positions.items()}

    # What is there

    @property
    def event(self) -> Event:
        """The event, which exists."""
        assert self._event is not None, "asked for an event that there is not"
        return self._event

    @property
    def exists(self) -> bool:
        """Whether there is such an event."""
        return self._event is not None

    @property
    def event_before(self) -> Event | None:
        """The event as it was read."""
        return self._event_before

    def person(self, address: Address) -> UUID | None:
        """Who is behind a chat; None when we do not know it."""
        return self._people.get(self.home(address))

    def home(self, address: Address) -> Address:
        """The address by which a chat is known by now."""
        return self.known.homes.get(address, address)

    def know(self, command: ClaimSeat) -> UUID:
        """The person behind the chat that claims a seat, to be written down."""
        home = self.home(command.address)
        person = self._people.setdefault(home, derived_id(command.id, "user"))
        self.claimed[command.address] = command
        return person

    def is_proven(self, user_id: UUID | None) -> bool:
        """Whether this person has proven an address, or nobody need."""
        return self.known.with_proof is None or user_id in self.known.with_proof

    def seat(self, registration_id: UUID) -> Seat | None:
        """A registration of this event in any state, if a command of this batch names it."""
        return self._seats.get(registration_id)

    def own(self, user_id: UUID | None) -> Seat | None:
        """The active registration of somebody whom this batch is about."""
        seat_id = self._own.get(user_id) if user_id is not None else None
        return None if seat_id is None else self._seats[seat_id]

    def changed_seats(self) -> list[tuple[Seat | None, Seat]]:
        """Every registration that is another one now: (before, after)."""
        return [
            (before, self._seats[seat_id])
            for seat_id, before in self._seats_before.items()
            if self._seats[seat_id] != before
        ]

    def position(self, seat: Seat) -> int:
        """A waiting person's place in line, from 1, as of now."""
        start, moves = self._positions[seat.id]
        return start + sum(by for place, by in self._line_moves[moves:] if place < seat.place)

    def first_in_line(self) -> Seat | None:
        """Who waits first; None when nobody does, or nobody whom this batch has read."""
        while self._line:
            place, seat_id = self._line[0]
            seat = self._seats[seat_id]
            if seat.status == "waiting" and seat.place == place:
                return seat
            heappop(self._line)
        return None

    def front_priority(self) -> int:
        """A priority above that of everybody who waits."""
        first = self.first_in_line()
        return 1 if first is None else first.priority + 1

    # What changes

    def next_number(self) -> int:
        """A number at the end of the line; never given twice."""
        number = self.event.queue_last + 1
        self._event = replace(self.event, queue_last=number)
        return number

    def put(self, seat: Seat) -> Seat | None:
        """Write a registration down as it is now; counts what has become of it.

        Returns:
            What it was before.
        """
        before = self._seats.get(seat.id)
        self._seats_before.setdefault(seat.id, before)
        self._seats[seat.id] = seat
        self._event = _counted(self.event, before, seat)
        if seat.status == "cancelled":
            self._own.pop(seat.user_id, None)
        else:
            self._own[seat.user_id] = seat.id
        if before is not None and before.status == "waiting":
            self._line_moves.append((before.place, -1))
        if seat.status == "waiting":
            self._line_moves.append((seat.place, +1))
            # Whoever comes, comes to one of the two ends.
            position = self.event.waiting if seat.priority == 0 else 1
            self._positions[seat.id] = (position, len(self._line_moves))
            if self._line_read or (self._line_end is not None and seat.place < self._line_end):
                heappush(self._line, (seat.place, seat.id))
        return before

    def write(self, event: Event) -> None:
        """Write the event down as it is now."""
        self._event = event

    def note(
        self,
        command: Command,
        action: str,
        *,
        before: Seat | Event | None,
        after: Seat | Event,
        actor: Literal["participant", "organiser", "system"],
        channel: str,
        by: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Add a line to the audit."""
        of_seat = after if isinstance(after, Seat) else None
        self.changes.append(
            Change(
                command=command,
                actor=actor,
                channel=channel,
                by=by,
                action=action,
                registration_id=of_seat.id if of_seat else None,
                user_id=of_seat.user_id if of_seat else None,
                before=before,
                after=after,
                reason=reason,
            )
        )

    def say(self, message: Message) -> None:
        """Owe a message, after the answer to the command that is carried out at present."""
        if isinstance(message, NoticeDue):
            self.notices.append(message)
        self._said.append(Said.of(message))

    def owed(self) -> tuple[Said, ...]:
        """What was said since the last time this was asked."""
        said, self._said = tuple(self._said), []
        return said


def _counted(event: Event, before: Seat | None, after: Seat) -> Event:
    """The event with its counters moved by what became of one registration."""

    def moved(counts: frozenset[str]) -> int:
        was = before is not None and before.status in counts
        return (after.status in counts) - was

    came_in = (after.checked_in_at is not None) - (
        before is not None and before.checked_in_at is not None
    )
    taken = event.taken + moved(HOLDING)
    released = taken < event.taken
    return replace(
        event,
        taken=taken,
        # Only a release or a new capacity writes it, so that no claim gets past the CHECK.
        over_by=over_by(taken, event.max_participants) if released else event.over_by,
        held=event.held + moved(_HELD),
        offered=event.offered + moved(_OFFERED),
        waiting=event.waiting + moved(_WAITING),
        checked_in=event.checked_in + came_in,
    )


_HELD, _OFFERED, _WAITING = frozenset({"held"}), frozenset({"offered"}), frozenset({"waiting"})

_SEAT, _EVENT = TypeAdapter(Seat), TypeAdapter(Event)
_COUNTERS = {"taken", "over_by", "held", "offered", "waiting", "checked_in", "queue_last"}
_PERSONAL = {"name", "ticket"}
"""Left out of the audit: the name is personal, and the ticket follows from the id."""


def audited(entry: Seat | Event) -> str:
    """A registration or an event as the audit keeps it, as JSON: ids and facts, nothing personal.

    Counters are left out: they follow from the registrations.
    """
    if isinstance(entry, Seat):
        return _SEAT.dump_json(entry, exclude=_PERSONAL, exclude_none=True).decode()
    return _EVENT.dump_json(entry, exclude=_COUNTERS, exclude_none=True).decode()
