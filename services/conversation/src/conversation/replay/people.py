"""Who the person of a played chat is: proof by a code, being joined and parted, and forgotten."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from contracts import (
    CodeRefused,
    DisownLink,
    DisownRefused,
    EmailProven,
    ForgetPerson,
    LinkDisowned,
    Outcome,
    PersonForgotten,
    Platform,
    ProveEmail,
    RegistrationCard,
    RequestCode,
    Unlink,
    Unlinked,
    UnlinkRefused,
    derived_id,
)
from contracts.people import CODE_MINUTES, CODE_TRIES_MAX

CODE = "123456"
"""What every code of a replay is."""
WORTH_SOMETHING_FOR = timedelta(minutes=CODE_MINUTES)

AboutPerson = ProveEmail | Unlink | DisownLink | ForgetPerson


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The same human, known from another messenger."""

    email: str
    platform: Platform
    name: str
    registrations: tuple[RegistrationCard, ...] = ()


class Seats(Protocol):
    """What a person has at the events."""

    def confirm_held(self, now: datetime) -> tuple[RegistrationCard, ...]:
        """The held seats are theirs."""

    def join(self, brought: Iterable[RegistrationCard]) -> int:
        """Two people are one; how many registrations ended by that."""

    def part(self) -> None:
        """The chat has none of them any more."""

    def give_up_all(self) -> int:
        """The person has none of them any more; how many others may have."""


@dataclass(slots=True)
class Person:
    """One person, as the registry knows them."""

    known: bool = False
    proven: str | None = None
    elsewhere: Elsewhere | None = None
    joined_by: UUID | None = None
    _asked: str | None = None
    _asked_at: datetime | None = None
    _tries: int = 0
    _parted: list[UUID] = field(default_factory=list)

    def send_code(self, request: RequestCode, now: datetime) -> None:
        """A code is worth something from now on."""
        self._asked, self._asked_at, self._tries = request.email, now, 0

    def decide(self, command: AboutPerson, seats: Seats, now: datetime) -> Outcome:
        """What becomes of it."""
        match command:
            case ProveEmail():
                return self._prove(command, seats, now)
            case Unlink():
                return self._unlink(seats)
            case DisownLink():
                return self._disown(command, seats)
            case ForgetPerson():
                was_known = self.known
                self.known, self.proven, self.joined_by = False, None, None
                return PersonForgotten(known=was_known, freed=seats.give_up_all())

    def _prove(self, command: ProveEmail, seats: Seats, now: datetime) -> Outcome:
        asked = self._asked
        if asked is None or self._asked_at is None:
            return CodeRefused(reason="expired")
        if now - self._asked_at > WORTH_SOMETHING_FOR:
            return CodeRefused(reason="expired")
        if self._tries >= CODE_TRIES_MAX:
            return CodeRefused(reason="too-many")
        if command.code != CODE:
            self._tries += 1
            return CodeRefused(reason="wrong", tries_left=CODE_TRIES_MAX - self._tries)
        self._asked, self.known, self.proven = None, True, asked
        other = self.elsewhere
        if other is None or other.email != asked or self.joined_by is not None:
            return EmailProven(name=command.name, registrations=seats.confirm_held(now))
        self.joined_by = derived_id(command.id, "link")
        freed = seats.join(other.registrations)
        return EmailProven(
            name=other.name,
            registrations=seats.confirm_held(now),
            messengers=(other.platform,),
            link_id=self.joined_by,
            freed=freed,
        )

    def _unlink(self, seats: Seats) -> Outcome:
        if not self.known:
            return UnlinkRefused(reason="unknown")
        if self.proven is None:
            return UnlinkRefused(reason="only-way")
        still = self.elsewhere if self.joined_by is not None else None
        self.known, self.proven, self.joined_by = False, None, None
        seats.part()
        return Unlinked(messengers=() if still is None else (still.platform,))

    def _disown(self, command: DisownLink, seats: Seats) -> Outcome:
        if self.elsewhere is None:
            return DisownRefused()
        if command.link_id in self._parted:
            return LinkDisowned(messenger=self.elsewhere.platform, already=True)
        if command.link_id != self.joined_by:
            return DisownRefused()
        self._parted.append(command.link_id)
        self.proven, self.joined_by = None, None
        seats.part()
        return LinkDisowned(messenger=self.elsewhere.platform)
