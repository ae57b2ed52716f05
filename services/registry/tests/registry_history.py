"""Random histories of one event: what everybody who may say anything to the registry might say."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from registry_house import TICKETS, chat

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    AddRegistration,
    Address,
    CancelEvent,
    CancelRegistration,
    ChangeEvent,
    CheckIn,
    ClaimSeat,
    CreateEvent,
    DropTransfer,
    EventDetails,
    FinishEvent,
    MoveRegistration,
    OfferTransfer,
    PassOnSeats,
    ResendTicket,
    Sender,
    UndoCheckIn,
    derived_id,
)
from contracts.commands import AboutEvent
from registry.book import Book, Change, Known, audited
from registry.carrying_out import _decide
from registry.results import Stored
from registry.rules import Event
from registry.seats import Seat

START = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)
EVENT_ID = UUID(int=77)
PEOPLE = 7
"""Few, so that they meet often."""
PROVERS_EVERY = 3


class Step(NamedTuple):
    """One thing that is said; numbers choose among what there is."""

    say: str
    person: int = 0
    pick: int = 0
    amount: int = 0
    wait_minutes: int = 0
    """What passes before it; with 0 it is part of the same batch as the step before."""


@dataclass(frozen=True)
class Row:
    """What a change becomes in the table."""

    at: datetime
    event_id: UUID
    registration_id: UUID | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass
class World:
    """An event in memory, of which everything is known."""

    asks_for_proof: bool = False
    """Who has proven no address gets a held seat; one in `PROVERS_EVERY` proves one."""
    now: datetime = START
    event: Event | None = None
    seats: dict[UUID, Seat] = field(default_factory=dict)
    people: dict[Address, UUID] = field(default_factory=dict)
    proven: dict[str, UUID] = field(default_factory=dict)
    emails: dict[UUID, str] = field(default_factory=dict)
    """What organisers typed for those they added."""
    audit: list[Row] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def carry_out(self, commands: Sequence[AboutEvent], known: Known | None = None) -> list[Stored]:
        """All of them in one book, as one transaction does it."""
        book = Book(self.event, known or self.known(), self.now, TICKETS)
        outcomes = [_decide(book, command) for command in commands]
        if book.exists:
            self.event = book.event
        self.seats.update({after.id: after for _, after in book.changed_seats()})
        self.people.update(
            {address: person for address in book.claimed if (person := book.person(address))}
        )
        self.emails.update(
            {person: added.email_claimed or "" for person, added in book.added.items()}
        )
        self.changes += book.changes
        self.audit += [
            Row(
                self.now,
                EVENT_ID,
                change.registration_id,
                json.loads(audited(change.before)) if change.before else None,
                json.loads(audited(change.after)),
            )
            for change in book.changes
        ]
        return outcomes

    def wait(self, minutes: int) -> None:
        """Let time pass; meanwhile whoever is known proves an address."""
        self.now += timedelta(minutes=minutes)
        self.proven = {email_of(n): p for n in self.provers() if (p := self.people.get(chat(n)))}

    def provers(self) -> range:
        """Whoever proves an address as soon as there is time."""
        return range(0, PEOPLE, PROVERS_EVERY if self.asks_for_proof else 1)

    def line(self) -> list[Seat]:
        """Who waits, in order."""
        return sorted(
            (seat for seat in self.seats.values() if seat.status == "waiting"),
            key=lambda seat: seat.place,
        )

    def _expired(self, ends_at: str) -> list[Seat]:
        ends = [(at, s.id, s) for s in self.seats.values() if (at := getattr(s, ends_at))]
        return [seat for at, _, seat in sorted(ends) if at <= self.now]

    def known(self) -> Known:
        """Everything, however little of it a command needs."""
        line = self.line()
        active = {s.user_id: s.id for s in self.seats.values() if s.status != "cancelled"}
        return Known(
            people=self.people,
            names=dict.fromkeys(self.people.values(), "Ann"),
            proven=self.proven,
            seats=tuple(self.seats.values()),
            line=tuple(line),
            positions={seat.id: place for place, seat in enumerate(line, start=1)},
            expired=(*self._expired("offer_expires_at"), *self._expired("hold_expires_at")),
            with_proof=frozenset(self.proven.values()) if self.asks_for_proof else None,
            taken_emails={
                email: active[person]
                for person, email in self.emails.items()
                if email and person in active
            },
        )


def email_of(person: int) -> str:
    """The address that somebody has proven, once the registry knows them at all."""
    return f"person{person}@example.org"


class Author:
    """Makes commands of steps, for the world as it is."""

    def __init__(self, world: World, event_id: UUID = EVENT_ID) -> None:
        self.world = world
        self.event_id = event_id
        self.said = 0

    def command(self, step: Step) -> AboutEvent:
        """What this step says now."""
        self.said += 1
        return _SAYINGS[step.say](self, step)

    def common(self) -> dict[str, Any]:
        return {
            "id": derived_id(self.event_id, f"command:{self.said}"),
            "occurred_at": self.world.now,
            "correlation_id": derived_id(self.event_id, f"correlation:{self.said}"),
            "event_id": self.event_id,
        }

    def about(self, step: Step, *statuses: str) -> dict[str, Any]:
        """A registration, mostly one of these; sometimes any, and sometimes none."""
        seats = list(self.world.seats.values())
        fitting = [seat for seat in seats if seat.status in statuses] or seats
        seat_id = fitting[step.pick % len(fitting)].id if fitting else UUID(int=step.pick)
        return self.common() | {"registration_id": seat_id}

    def owner(self, seat_id: UUID, step: Step) -> Address:
        """The chat of whoever has this; a stranger's in one of eight cases."""
        seat = self.world.seats.get(seat_id)
        for address, person in self.world.people.items():
            if seat is not None and person == seat.user_id and step.amount % 8:
                return address
        return chat(step.person % PEOPLE)

    def details(self, step: Step) -> EventDetails:
        event = self.world.event
        starts_at = START + timedelta(days=4) if event is None else event.starts_at
        if step.pick % 8 == 0:
            starts_at += timedelta(hours=step.amount % 60 - 20)
        return EventDetails(
            title=f"PyCon {step.pick % 3}",
            starts_at=starts_at,
            timezone="Europe/Berlin",
            max_participants=1 + step.amount % 5,
            status="draft" if event is None and step.pick % 16 == 15 else "published",
            registration_opens_at=START if step.pick % 5 == 4 else None,
            registration_closes_at=starts_at - timedelta(hours=9) if step.pick % 7 == 6 else None,
        )


def _claim(author: Author, step: Step) -> AboutEvent:
    return ClaimSeat(
        **author.common(),
        address=chat(step.person % PEOPLE),
        sender=Sender(),
        name="Ann",
        email_claimed="typed@example.org",
        language="en",
        registered_via="telegram",
    )


def _end(author: Author, step: Step) -> AboutEvent:
    about = author.about(step, "confirmed", "waiting", "offered")
    by_organiser = step.amount % 5 == 0
    return CancelRegistration(
        **about,
        address=None if by_organiser else author.owner(about["registration_id"], step),
        by="token" if by_organiser else None,
        reason="no longer a member" if by_organiser else None,
    )


def _decline(author: Author, step: Step) -> AboutEvent:
    about = author.about(step, "offered", "waiting")
    return CancelRegistration(**about, address=author.owner(about["registration_id"], step))


def _accept(author: Author, step: Step) -> AboutEvent:
    about = author.about(step, "offered")
    return AcceptOffer(**about, address=author.owner(about["registration_id"], step))


def _promise(author: Author, step: Step) -> AboutEvent:
    about = author.about(step, "confirmed")
    return OfferTransfer(
        **about,
        address=author.owner(about["registration_id"], step),
        to_email=email_of(step.person % (PEOPLE + 2)).upper(),
    )


def _receiver(author: Author, about: dict[str, Any], step: Step) -> Address:
    seat = author.world.seats.get(about["registration_id"])
    for address, person in author.world.people.items():
        if seat is not None and person == seat.transfer_to and step.amount % 8:
            return address
    return chat(step.person % PEOPLE)


def _promised(author: Author, step: Step) -> dict[str, Any]:
    promised = [seat for seat in author.world.seats.values() if seat.transfer_to is not None]
    about = author.about(step, "confirmed")
    if promised:
        about["registration_id"] = promised[step.pick % len(promised)].id
    return about


def _take_promised(author: Author, step: Step) -> AboutEvent:
    about = _promised(author, step)
    return AcceptTransfer(**about, address=_receiver(author, about, step))


def _drop(author: Author, step: Step) -> AboutEvent:
    about = _promised(author, step)
    by_owner = step.person % 2
    address = author.owner(about["registration_id"], step) if by_owner else None
    return DropTransfer(**about, address=address or _receiver(author, about, step))


def _add(author: Author, step: Step) -> AboutEvent:
    email = f"desk{step.person % 4}@example.org" if step.person % 4 else None
    return AddRegistration(**author.common(), name="Ben Roe", email_claimed=email, by="token")


def _move(author: Author, step: Step) -> AboutEvent:
    return MoveRegistration(
        **author.about(step, "confirmed", "waiting", "offered"),
        to="confirmed" if step.amount % 2 else "waiting",
        place="front" if step.person % 2 else "end",
        reason="a speaker",
        by="token",
    )


def _check_in(author: Author, step: Step) -> AboutEvent:
    offline = timedelta(minutes=step.amount - 10)
    return CheckIn(
        **author.about(step, "confirmed"),
        scanned_at=author.world.now + offline if step.amount % 2 else None,
        scanner=f"door {step.person}",
    )


def _change(author: Author, step: Step) -> AboutEvent:
    version = author.world.event.version if author.world.event else 1
    return ChangeEvent(
        **author.common(),
        expected_version=version - (step.person == 0),
        details=author.details(step),
        by="token",
    )


_SAYINGS: Mapping[str, Callable[[Author, Step], AboutEvent]] = {
    "create": lambda author, step: CreateEvent(**author.common(), details=author.details(step)),
    "claim": _claim,
    "end": _end,
    "decline": _decline,
    "accept": _accept,
    "promise": _promise,
    "take-promised": _take_promised,
    "drop": _drop,
    "add": _add,
    "move": _move,
    "resend": lambda author, step: ResendTicket(**author.about(step, "confirmed", "waiting")),
    "check-in": _check_in,
    "undo": lambda author, step: UndoCheckIn(
        **author.about(step, "confirmed"), reason="wrong person"
    ),
    "change": _change,
    "call-off": lambda author, _step: CancelEvent(**author.common(), reason="rain"),
    "finish": lambda author, _step: FinishEvent(**author.common()),
    "pass-on": lambda author, _step: PassOnSeats(**author.common()),
}

OFTEN = {"claim": 14, "end": 6, "accept": 5, "move": 3, "change": 3, "pass-on": 4, "promise": 3}
SELDOM = frozenset({"call-off", "finish", "create"})
SAID = [say for say in _SAYINGS if say not in SELDOM for _ in range(OFTEN.get(say, 2))]
WAITS_MINUTES = (0, 0, 0, 0, 0, 0, 1, 20, 200)


def random_steps(seed: int, count: int) -> list[Step]:
    """A history that is the same each time."""
    chance = random.Random(seed)
    return [Step("create", pick=1, amount=2)] + [
        Step(
            say=chance.choice(SAID),
            person=chance.randrange(PEOPLE),
            pick=chance.randrange(64),
            amount=chance.randrange(64),
            wait_minutes=chance.choice(WAITS_MINUTES),
        )
        for _ in range(count)
    ]
