"""A chat belongs to whoever has proven an address: it joins them, or they all become one person."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import RowMapping, exists, func, select
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    Address,
    CodeRefused,
    EmailProven,
    NoticeToPersonDue,
    Platform,
    ProveEmail,
    derived_id,
)
from registry.database import Raced
from registry.link_store import is_barred, told_of_link, write_links
from registry.merging import (
    Locked,
    absorb,
    described,
    events_of,
    latest,
    lock_people,
    registrations_of,
    settle,
)
from registry.people import find_people, telegram_id, whatsapp_phone
from registry.results import Said
from registry.tables import IdentityRow, Registration, User
from registry.work import Work


async def join(
    work: Work, command: ProveEmail, *, target: UUID | None, email: str | None
) -> tuple[EmailProven | CodeRefused, tuple[Said, ...]]:
    """Make the chat that has proven an address one of the person's whose address it is.

    Args:
        work: the transaction.
        command: the proof; the code was right.
        target: the person whose chat the code went to; None for a code that went to a mailbox.
        email: the address whose mailbox the code went to, in small letters; None for a messenger.

    Returns:
        The outcome, and everything that is owed to others.

    Raises:
        Raced: one of those concerned has just become another one; look again.
    """
    return await _Joining(work, command, target, email).carry_out()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parties:
    """Who turns out to be one person."""

    chat: Address
    """Where the chat that asks is by now."""
    own: UUID | None
    """The person behind it until now."""
    target: UUID | None
    """Whose address it is."""
    added: tuple[UUID, ...]
    """People whom an organiser added with that address, and for whom no chat speaks."""

    @property
    def joined(self) -> UUID | None:
        """Somebody else whom the chat joins."""
        return self.target if self.target != self.own else None

    @property
    def winner(self) -> UUID | None:
        """Who all of them are from now on; None for a new person."""
        return self.target or self.own or next(iter(self.added), None)

    @property
    def losers(self) -> tuple[UUID, ...]:
        """Who they are no more."""
        everybody = (*((self.own,) if self.own is not None else ()), *self.added)
        return tuple(dict.fromkeys(person for person in everybody if person != self.winner))


class _Joining:
    def __init__(
        self, work: Work, command: ProveEmail, target: UUID | None, email: str | None
    ) -> None:
        self._work = work
        self._connection: AsyncConnection = work.connection
        self._command = command
        self._target = target
        self._email = email

    async def carry_out(self) -> tuple[EmailProven | CodeRefused, tuple[Said, ...]]:
        parties = await self._parties()
        if self._email is None and parties.target is None:
            return CodeRefused(reason="expired"), ()
        people = [p for p in (parties.winner, *parties.losers) if p is not None]
        events = await events_of(self._connection, parties.winner, parties.losers)
        locked = await lock_people(self._connection, people, events)
        if await self._parties() != parties:
            raise Raced("another person has this chat or this address by now")
        own_chats = [
            parties.chat,
            *(c for c in locked.chats_of(parties.losers) if c != parties.chat),
        ]
        if parties.joined is not None and await is_barred(
            self._connection, parties.joined, own_chats
        ):
            return CodeRefused(reason="barred"), ()
        winner = parties.winner or derived_id(self._command.id, "user")
        if parties.own is None:
            await self._let_speak_for(parties.chat, winner)
        brought: Sequence[UUID] = ()
        if parties.own is not None and parties.own in parties.losers:
            brought = await registrations_of(self._connection, [parties.own])
        settled = await settle(self._work, self._command, locked.events, winner, parties.losers)
        if parties.losers:
            await absorb(self._work, self._command, winner, parties.losers)
        name = await self._describe(parties, locked, winner)
        link_id = None
        notices: tuple[NoticeToPersonDue, ...] = ()
        if parties.joined is not None:
            link_id = derived_id(self._command.id, "link")
            await write_links(self._work, link_id, winner, own_chats, brought)
            notices = self._told(link_id, locked.chats_of({parties.joined}))
        return (
            EmailProven(
                name=name or None,
                registrations=settled.confirmed,
                messengers=_messengers(locked, parties.chat),
                link_id=link_id,
                freed=settled.freed,
            ),
            (*settled.said, *map(Said.of, notices)),
        )

    async def _parties(self) -> _Parties:
        asked_at = {self._command.address: self._command.occurred_at}
        found = await find_people(self._connection, asked_at)
        target = self._target
        added: tuple[UUID, ...] = ()
        if self._email is not None:
            target = await self._connection.scalar(select(User.id).where(User.email == self._email))
            added = await self._added_by_organisers(self._email)
        elif target is not None:
            alive = select(User.id).where(User.id == target, User.forgotten_at.is_(None))
            target = await self._connection.scalar(alive)
        return _Parties(
            chat=found.homes[self._command.address],
            own=found.people.get(self._command.address),
            target=target,
            added=added,
        )

    async def _added_by_organisers(self, email: str) -> tuple[UUID, ...]:
        themselves = exists().where(
            Registration.user_id == User.id, Registration.registered_via != "organiser"
        )
        found = await self._connection.scalars(
            select(User.id)
            .where(
                func.lower(User.email_claimed) == email,
                User.forgotten_at.is_(None),
                User.email.is_(None),
                ~exists().where(IdentityRow.user_id == User.id),
                exists().where(Registration.user_id == User.id),
                ~themselves,
            )
            .order_by(User.created_at, User.id)
        )
        return tuple(found)

    async def _let_speak_for(self, chat: Address, person: UUID) -> None:
        """A chat that nobody has spoken in yet is this person's."""
        times = {"created_at": self._work.now, "updated_at": self._work.now}
        written = await self._connection.execute(
            insert(IdentityRow)
            .values(
                chat.model_dump() | {"user_id": person, "since": self._command.occurred_at} | times
            )
            .on_conflict_do_nothing()
            .returning(IdentityRow.user_id)
        )
        if written.one_or_none() is None:
            raise Raced("this chat has just become a person")
        # A move waits for whoever is writing the identity that it takes away, and has committed
        # when this one was written after it: so one of the two always sees the other.
        asked_at = {self._command.address: self._command.occurred_at}
        if (await find_people(self._connection, asked_at)).homes[self._command.address] != chat:
            raise Raced("this chat has just moved")

    async def _describe(self, parties: _Parties, locked: Locked, winner: UUID) -> str:
        """Write down how the person is known from now on; returns their name."""
        command, now = self._command, self._work.now
        known: RowMapping | None = locked.people.get(winner)
        # Whose chat this was, if it was anybody's, says more than an organiser's list.
        rows = [
            row
            for person in (winner, parties.own, *parties.added)
            if person is not None and (row := locked.people.get(person)) is not None
        ]
        name = next((row["name"] for row in rows if row["name"]), None)
        name = name or command.name or command.sender.name or ""
        values: dict[str, object] = {
            "name": name,
            "telegram_id": _first(rows, "telegram_id") or telegram_id(parties.chat),
            "whatsapp_phone": _first(rows, "whatsapp_phone")
            or whatsapp_phone(parties.chat, command.sender.phone),
            # Whoever has said stop on one messenger has said it to us.
            "muted": any(row["muted"] for row in rows) or (parties.own is None and command.muted),
            "muted_at": latest(row["muted_at"] for row in rows),
        }
        if self._email is not None and (known is None or known["email"] != self._email):
            values["email"] = self._email
        if known is None:
            await self._connection.execute(
                plain_insert(User).values(
                    id=winner,
                    language=command.language,
                    created_at=now,
                    updated_at=now,
                    **values,
                )
            )
        else:
            await described(self._connection, winner, values, now)
        return name

    def _told(self, link_id: UUID, chats: Sequence[Address]) -> tuple[NoticeToPersonDue, ...]:
        return told_of_link(self._work, self._command, "joined", link_id, chats)


def _first(rows: Sequence[RowMapping], column: str) -> object | None:
    return next((row[column] for row in rows if row[column] is not None), None)


def _messengers(locked: Locked, but: Address) -> tuple[Platform, ...]:
    return tuple(sorted({chat.platform for chat in locked.chats if chat != but}))
