"""Who is who, in a few sets: the model that the tables are compared with.

It hears the commands and what was answered, decides by itself who has proven what and who becomes
one person with whom, and says which chats, registrations and addresses belong together. Of ids of
people it knows nothing. From the tables it takes only what it has no opinion on: to which id a chat
has moved, and which registration is worth more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from people_histories_house import CODES, Row, Rows, address_of

from contracts import (
    AddRegistration,
    Address,
    ClaimSeat,
    CodeRefused,
    Command,
    DisownLink,
    EmailProven,
    ForgetPerson,
    LinkDisowned,
    MoveIdentity,
    PersonForgotten,
    ProveEmail,
    SeatClaimed,
    SeatHeld,
    SeatTransferred,
    Unlink,
    Unlinked,
    UnlinkRefused,
    WaitingListed,
)
from registry.results import RegistrationWritten, Result

LATE_MAIL = timedelta(days=1)
"""So long is what comes under a number that was given up still from who gave it up."""
TRIES_MAX = 5


@dataclass(eq=False)
class Person:
    """A human, as far as there is proof."""

    chats: set[Address] = field(default_factory=set)
    registrations: set[UUID] = field(default_factory=set)
    """Everything they have or had."""
    email: str | None = None
    """Proven."""
    added_with: str | None = None
    """The address that an organiser typed for them."""
    said_names: set[str] = field(default_factory=set)
    """What they called themselves, in whichever chat."""
    barred: set[Address] = field(default_factory=set)
    """Chats of which they said that they are none of theirs."""
    forgotten: bool = False


@dataclass(eq=False)
class Link:
    """A chat that has joined somebody."""

    person: Person
    brought: frozenset[UUID]


@dataclass
class People:
    """Everybody."""

    everybody: list[Person] = field(default_factory=list)
    links: dict[UUID, Link] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    """What stands on each registration."""
    moves: Mapping[Address, Row] = field(default_factory=dict)
    """Chats that are known by another id."""
    ids: Mapping[Person, UUID] = field(default_factory=dict)
    """What the registry called them after the command before."""

    def behind(self, chat: Address | None, said_at: datetime) -> Person | None:
        """Who speaks in a chat."""
        home = chat and self.home(chat, said_at)
        return next((person for person in self.everybody if home in person.chats), None)

    def home(self, chat: Address, said_at: datetime) -> Address:
        """Where a chat is by now."""
        for _ in range(8):
            if (move := self.moves.get(chat)) is None:
                break
            if move["left_at"] is not None and said_at > move["left_at"] + LATE_MAIL:
                break
            chat = chat.model_copy(update={"chat_id": move["moved_to"]})
            said_at = max(said_at, move["at"])
        return chat

    def parties(self, command: Command, before: Rows, now: datetime) -> list[Person]:
        """Who this command is about: who asks, and with whom they become one."""
        chat = getattr(command, "address", None)
        asker = chat and self.behind(chat, command.occurred_at)
        parties = [asker] if asker else []
        if isinstance(command, ProveEmail) and (proof := self.proof(command, before, now)):
            target, added = self._owners(proof)
            parties += [person for person in (target, *added) if person and person != asker]
        return parties

    def hear(self, command: Command, result: Result, before: Rows, after: Rows) -> None:
        """A command was carried out for the first time."""
        match command, result:
            case ClaimSeat(), SeatClaimed() | SeatHeld() | WaitingListed():
                self._claimed(command, result)
            case AddRegistration(), RegistrationWritten():
                added = Person(added_with=command.email_claimed)
                added.registrations.add(result.registration_id)
                self.names[result.registration_id] = command.name
                self.everybody.append(added)
            case _, SeatTransferred():
                receiver = self.behind(command.address, command.occurred_at)  # type: ignore[attr-defined]
                assert receiver is not None, "a stranger was given a seat"
                receiver.registrations.add(result.registration.id)
                self.names[result.registration.id] = result.registration.name
            case ProveEmail(), _:
                self._typed(command, result, before, after)
            case Unlink(), _:
                self._unlink(command, result)
            case DisownLink(), LinkDisowned():
                self._disown(command, result, before)
            case ForgetPerson(), PersonForgotten():
                self._forget(command, result)
            case MoveIdentity(), _:
                self._move(command, after)
        self.moves = after.moves

    # Registering

    def _claimed(self, command: ClaimSeat, result: SeatClaimed | SeatHeld | WaitingListed) -> None:
        card = result.registration
        person = self.behind(command.address, command.occurred_at)
        if result.already or card.id in self.names:
            assert person is not None, "a stranger had a seat before"
            assert card.id in person.registrations, "told of a stranger's seat"
            return
        if person is None:
            person = self._newcomer(self.home(command.address, command.occurred_at))
        person.registrations.add(card.id)
        person.said_names.add(command.name)
        self.names[card.id] = command.name

    def _newcomer(self, chat: Address) -> Person:
        person = Person(chats={chat})
        self.everybody.append(person)
        return person

    # Proving

    def proof(self, command: ProveEmail, before: Rows, now: datetime) -> Row | None:
        """The code that was typed, if it counts here."""
        return next(
            (
                row
                for row in self._live(command, before, now)
                if CODES.digits(row["id"]) == command.code
                and (row["by_email"] or row["target_user_id"])
            ),
            None,
        )

    def _live(self, command: ProveEmail, before: Rows, now: datetime) -> list[Row]:
        home = self.home(command.address, command.occurred_at)
        return [
            row
            for row in before.proofs.values()
            if address_of(row) == home
            and row["used_at"] is None
            and now < row["expires_at"]
            and row["tries"] < TRIES_MAX
        ]

    def _owners(self, proof: Row) -> tuple[Person | None, list[Person]]:
        """Whose address it is: who has proven it, and whom organisers have added with it."""
        if not proof["by_email"]:
            user_id = proof["target_user_id"]
            return next((p for p in self.everybody if self.ids.get(p) == user_id), None), []
        email = proof["email"]
        target = next((person for person in self.everybody if person.email == email), None)
        added = [p for p in self.everybody if p.added_with == email and p.registrations]
        return target, added

    def _typed(self, command: ProveEmail, result: Result, before: Rows, after: Rows) -> None:
        now = command.occurred_at
        live = self._live(command, before, now)
        proof = self.proof(command, before, now)
        if proof is None:
            assert isinstance(result, CodeRefused), "a code that was none"
            for row in live:
                assert after.proofs[row["id"]]["tries"] == row["tries"] + 1, "an uncounted guess"
            assert result.reason != "wrong" or live, "nothing to guess at"
            return
        assert after.proofs[proof["id"]]["used_at"] == now, "a code that was not used up"
        asker = self.behind(command.address, now)
        home = self.home(command.address, now)
        target, added = self._owners(proof)
        joins = target is not None and target is not asker
        coming = {home} | (asker.chats if asker else set())
        if target is not None and joins and target.barred & coming:
            assert isinstance(result, CodeRefused), "somebody whom they wanted nothing of"
            assert result.reason == "barred"
            return
        assert isinstance(result, EmailProven), "a right code was refused"
        brought = frozenset(asker.registrations if asker else ())
        winner = target or asker or next(iter(added), None) or self._newcomer(home)
        winner.chats.add(home)
        winner.said_names.add(command.name or "")
        for loser in dict.fromkeys([*([asker] if asker else []), *added]):
            if loser is not winner:
                self._become_one(winner, loser)
        winner.added_with = None
        if proof["by_email"]:
            winner.email = proof["email"]
        assert (result.link_id is not None) == joins, "joined or not"
        if result.link_id is not None:
            self.links[result.link_id] = Link(winner, brought)

    def _become_one(self, winner: Person, loser: Person) -> None:
        self.everybody.remove(loser)
        winner.chats |= loser.chats
        winner.registrations |= loser.registrations
        winner.said_names |= loser.said_names
        winner.barred = (winner.barred | loser.barred) - winner.chats
        for link in self.links.values():
            if link.person is loser:
                link.person = winner

    # Parting

    def _unlink(self, command: Unlink, result: Result) -> None:
        person = self.behind(command.address, command.occurred_at)
        if person is None:
            assert isinstance(result, UnlinkRefused)
            assert result.reason == "unknown"
        elif len(person.chats) == 1 and person.email is None:
            assert isinstance(result, UnlinkRefused)
            assert result.reason == "only-way"
        else:
            assert isinstance(result, Unlinked)
            person.chats.remove(self.home(command.address, command.occurred_at))

    def _disown(self, command: DisownLink, result: LinkDisowned, before: Rows) -> None:
        asker = self.behind(command.address, command.occurred_at)
        home = self.home(command.address, command.occurred_at)
        row = before.links[command.link_id]
        group = [row] + [
            other
            for other in before.links.values()
            if other["beside"] == row["id"] and other["ended_at"] is None
        ]
        # By which id each is known by now.
        chats = {address_of(one) for one in group}
        # One that came along, or one of which only the end was ever written down.
        link = self.links.get(row["id"]) or Link(
            self.links[row["beside"]].person if row["beside"] in self.links else asker or Person(),
            frozenset(),
        )
        assert asker is link.person or home in chats, "a stranger's link"
        if home not in chats:
            link.person.barred |= chats
        if result.already:
            return
        parted = Person(
            chats=chats & link.person.chats,
            registrations=set(link.brought & link.person.registrations),
        )
        assert parted.chats, "nobody was parted"
        parted.said_names = {self.names[key] for key in parted.registrations}
        for key, other in before.links.items():
            # By which they had joined each other before: that is still so.
            earlier = other["linked_at"] < row["linked_at"] and other["ended_at"] is None
            if earlier and address_of(other) in parted.chats and key in self.links:
                self.links[key].person = parted
        link.person.chats -= parted.chats
        link.person.registrations -= parted.registrations
        self.everybody.append(parted)

    def _forget(self, command: ForgetPerson, result: PersonForgotten) -> None:
        person = self.behind(command.address, command.occurred_at)
        home = command.address and self.home(command.address, command.occurred_at)
        assert result.known is (person is not None), "known or not"
        gone = {command.address, home} if command.address and home else set()
        gone |= person.chats if person else set()
        for other in self.everybody:
            # Nor is it kept whom somebody did not want: the chat is a new one.
            other.barred -= gone
        if person is None:
            return
        person.chats.clear()
        person.barred.clear()
        person.email = person.added_with = None
        person.forgotten = True
        self.links = {key: link for key, link in self.links.items() if link.person is not person}

    # Moving

    def _move(self, command: MoveIdentity, after: Rows) -> None:
        """Follow the tables, as far as they have done what a move may do: let chats of one platform
        take the place of others of the same person, or be nobody's.
        """
        before = {chat: person for person in self.everybody for chat in person.chats}
        gone = before.keys() - after.identities.keys()
        come = after.identities.keys() - before.keys()
        assert all(chat.platform == command.chat.platform for chat in gone | come)
        for chat in come:
            (arrived,) = {
                before[left] for left in gone if self.ids[before[left]] == after.identities[chat]
            }
            arrived.chats.add(chat)
            for other in self.everybody:
                if left := other.barred & gone & arrived.chats:
                    other.barred = (other.barred - left) | {chat}
        for chat in gone:
            before[chat].chats.discard(chat)


def judge_people(people: People, rows: Rows) -> Mapping[Person, UUID]:
    """See that chats, registrations and proven addresses are together exactly as they should be.

    Returns:
        The ids of people in the tables.
    """
    ids: dict[Person, UUID] = {}
    chats: set[Address] = set()
    registrations: set[UUID] = set()
    for person in people.everybody:
        found = {rows.identities.get(chat) for chat in person.chats}
        found |= {rows.registrations[key]["user_id"] for key in person.registrations}
        if person.email is not None:
            found |= {row["id"] for row in rows.users.values() if row["email"] == person.email}
        if not found:
            continue
        assert len(found) == 1, "one person in two parts"
        (user_id,) = found
        assert user_id is not None, "a chat has lost its person"
        assert user_id not in ids.values(), "two persons in one"
        ids[person] = user_id
        chats |= person.chats
        registrations |= person.registrations
        user = rows.users[user_id]
        assert user["email"] == person.email, "another proven address"
        assert (user["forgotten_at"] is not None) == person.forgotten, "forgotten or not"
    assert chats == rows.identities.keys(), "a chat speaks for somebody it should not"
    assert registrations == rows.registrations.keys(), "a registration that nobody was told of"
    return ids
