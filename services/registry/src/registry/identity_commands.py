"""A person is known by another id: who they are goes along.

The rules, all of which hold whatever arrives first and however often:

- Of two moves of one id the later one counts, by the platform's time.
- A number that was given up leads to nobody any more, except for late mail (`STILL_THEIRS`).
- A scoped id goes before a number: news of a number alone do not take a person away from theirs.
- Two persons stay two. That both are one is for linking with proof to say. Whoever was known by a
  number that was given up has no chat then, and keeps the seats.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, MoveIdentity
from contracts.commands import STILL_THEIRS
from registry.database import Raced
from registry.delivery_tables import Reachability
from registry.identity_results import (
    IdentitiesKeptApart,
    IdentityMoved,
    IdentityResult,
    IdentityStayed,
)
from registry.move_tables import ChatMove
from registry.people import find_people, whatsapp_phone
from registry.person_tables import EmailProof, Link
from registry.results import Stored
from registry.tables import IdentityRow, User, UserState
from registry.work import Work

_CHAT = ("platform", "account", "chat_id")
MOVE_LOCK = 0x6D6F7665
"""Our advisory lock ("move"): moves are rare, and one at a time needs no further thought."""


async def move_identity(work: Work, command: MoveIdentity) -> Stored:
    """Let a chat speak for its person under another id.

    Whether marketing is wanted goes along, as at the notifier. That the chat is blocked does not:
    it was said of the id before, and the notifier tells it of the new one. The dialogue's state
    moves by itself (the conversation writes it); here only whose it is.
    """
    await work.connection.execute(select(func.pg_advisory_xact_lock(MOVE_LOCK)))
    return Stored(result=await _Move(work, command).carry_out())


@dataclass(frozen=True, slots=True)
class _Person:
    id: UUID
    since: datetime


class _Move:
    def __init__(self, work: Work, command: MoveIdentity) -> None:
        self._connection: AsyncConnection = work.connection
        self._now = work.now
        self._at = command.at
        self._said = command
        self._to = command.chat
        self._from = command.chat.model_copy(update={"chat_id": command.previous})

    async def carry_out(self) -> IdentityResult:
        if self._from == self._to:
            return IdentityStayed(reason="there-already")
        await self._forget_earlier_moves_from(self._to)
        source, target = await self._home(self._from), await self._home(self._to)
        if (
            self._from.is_whatsapp_number
            and target.is_whatsapp_number
            and not source.is_whatsapp_number
        ):
            # The chat has a scoped id by now: the new number is one more name for it.
            source, target = target, source
        await self._wait_for_claims(source)
        before, there = await self._person(source), await self._person(target)
        result = await self._settle(source, target, before, there)
        is_newest = not await self._was_arrived_at_later(target)
        concerned: set[UUID] = set()
        if isinstance(result, IdentityMoved) or (is_newest and not _is_over(result)):
            concerned = {person.id for person in (before, there) if person is not None}
        if self._said.number_changed:
            numbers = await self._numbers_given_up({source, target}, concerned)
            if self._from.is_whatsapp_number:
                numbers.add(self._from)
            for number in sorted(numbers, key=lambda address: address.chat_id):
                await self._give_up(number, target)
        phone = whatsapp_phone(target, self._said.phone if is_newest else None)
        await self._note_phone(target, phone, concerned)
        return result

    async def _settle(
        self, source: Address, target: Address, person: _Person | None, other: _Person | None
    ) -> IdentityResult:
        if source == target:
            return IdentityStayed(reason="there-already")
        if await self._was_arrived_at_later(source):
            return IdentityStayed(reason="newer-known")
        if person is None:
            await self._forward(source, target)
            return IdentityStayed(reason="nobody-known")
        if self._is_anothers(source, person):
            return IdentityStayed(reason="anothers-now")
        if other is not None and other.id != person.id:
            return IdentitiesKeptApart()
        await self._take_along(source, target, person.id, is_there=other is not None)
        await self._forward(source, target)
        return IdentityMoved()

    def _is_anothers(self, address: Address, person: _Person) -> bool:
        return address.is_whatsapp_number and person.since > self._at + STILL_THEIRS

    async def _take_along(
        self, source: Address, target: Address, person: UUID, *, is_there: bool
    ) -> None:
        if is_there:
            await self._connection.execute(delete(IdentityRow).where(_is(IdentityRow, source)))
        else:
            # Not `updated_at`: that is when they last registered there, and finds their best way.
            await self._connection.execute(
                update(IdentityRow).where(_is(IdentityRow, source)).values(chat_id=target.chat_id)
            )
        wish = select(
            Reachability.platform,
            Reachability.account,
            literal(target.chat_id, Reachability.chat_id.type),
            Reachability.marketing_stopped,
            Reachability.at,
        ).where(_is(Reachability, source), Reachability.marketing_stopped)
        columns = [*_CHAT, "marketing_stopped", "at"]
        await self._connection.execute(
            insert(Reachability).from_select(columns, wish).on_conflict_do_nothing()
        )
        for chat, owner in ((source, null()), (target, person)):
            await self._connection.execute(
                update(UserState)
                .where(
                    UserState.platform == chat.platform,
                    UserState.account == chat.account,
                    UserState.chat == chat.chat_id,
                )
                .values(user_id=owner)
            )

    async def _take_links(self, source: Address, target: Address) -> None:
        """What was said of the chat under the old id holds for the new one."""
        await self._connection.execute(
            update(Link).where(_is(Link, source)).values(chat_id=target.chat_id)
        )

    async def _home(self, address: Address) -> Address:
        return (await find_people(self._connection, {address: self._at})).homes[address]

    async def _person(self, address: Address) -> _Person | None:
        found = await self._connection.execute(
            select(
                IdentityRow.user_id, func.coalesce(IdentityRow.since, IdentityRow.created_at)
            ).where(_is(IdentityRow, address))
        )
        row = found.one_or_none()
        return None if row is None else _Person(row[0], row[1])

    async def _wait_for_claims(self, address: Address) -> None:
        """Wait for a transaction that is making a person of this chat, and let later ones wait.

        A row that nobody will ever see has the same effect as a lock on one that is not there yet.
        """
        row = address.model_dump() | {
            "user_id": uuid4(),
            "created_at": self._now,
            "updated_at": self._now,
        }
        made = await self._connection.execute(
            insert(IdentityRow).values(row).on_conflict_do_nothing().returning(IdentityRow.user_id)
        )
        if made.one_or_none() is not None:
            await self._connection.execute(delete(IdentityRow).where(_is(IdentityRow, address)))
        else:
            await self._connection.execute(
                select(IdentityRow.user_id).where(_is(IdentityRow, address)).with_for_update()
            )

    async def _forget_earlier_moves_from(self, address: Address) -> None:
        """Whoever arrives here has come back, if they went away from here before.

        Not what somebody else left long ago: mail of theirs may still come.
        """
        await self._connection.execute(
            delete(ChatMove).where(
                _is(ChatMove, address),
                ChatMove.at <= self._at,
                or_(ChatMove.left_at.is_(None), ChatMove.left_at >= self._at - STILL_THEIRS),
            )
        )

    async def _was_arrived_at_later(self, address: Address) -> bool:
        later = exists().where(
            ChatMove.platform == address.platform,
            ChatMove.account == address.account,
            ChatMove.moved_to == address.chat_id,
            ChatMove.at > self._at,
        )
        return bool(await self._connection.scalar(select(later)))

    async def _forward(self, source: Address, target: Address) -> None:
        await self._take_links(source, target)
        # A code that was asked for under the old id is typed under the new one.
        await self._connection.execute(
            update(EmailProof).where(_is(EmailProof, source)).values(chat_id=target.chat_id)
        )
        gone = {"moved_to": target.chat_id, "at": self._at, "left_at": None}
        forward = insert(ChatMove).values(source.model_dump() | gone)
        await self._connection.execute(
            forward.on_conflict_do_update(
                index_elements=_CHAT, set_=gone, where=ChatMove.at <= forward.excluded.at
            )
        )

    async def _numbers_given_up(
        self, chats: Collection[Address], people: Collection[UUID]
    ) -> set[Address]:
        """Every number by which this person was known until now."""
        phones = await self._connection.scalars(
            select(User.whatsapp_phone).where(User.id.in_(people), User.whatsapp_phone.is_not(None))
        )
        numbers = {phone.removeprefix("+") for phone in phones if phone is not None}
        numbers |= set(
            await self._connection.scalars(
                select(ChatMove.chat_id).where(
                    ChatMove.platform == self._to.platform,
                    ChatMove.account == self._to.account,
                    ChatMove.moved_to.in_([chat.chat_id for chat in chats]),
                    ChatMove.at < self._at,
                    ChatMove.left_at.is_(None),
                )
            )
        )
        given_up = {
            self._to.model_copy(update={"chat_id": name}) for name in numbers - {self._said.phone}
        }
        # Where the chat is now is not given up, whoever told us of it first.
        return (
            {address for address in given_up if address.is_whatsapp_number} - {*chats} - {self._to}
        )

    async def _give_up(self, number: Address, target: Address) -> None:
        """From now on the number is nobody's whom we know, whatever person was known by it."""
        if await self._was_arrived_at_later(number):
            return
        await self._wait_for_claims(number)
        person = await self._person(number)
        if person is not None and not self._is_anothers(number, person):
            await self._connection.execute(delete(IdentityRow).where(_is(IdentityRow, number)))
            # Who has the number next has joined nobody.
            await self._connection.execute(
                update(Link)
                .where(_is(Link, number), Link.ended_at.is_(None))
                .values(ended_at=self._now)
            )
            await self._take_links(number, target)
        left = number.model_dump() | {"at": self._at, "left_at": self._at}
        await self._connection.execute(
            insert(ChatMove)
            .values(left | {"moved_to": target.chat_id})
            .on_conflict_do_update(
                index_elements=_CHAT,
                set_={"left_at": self._at},
                where=and_(ChatMove.at <= self._at, ChatMove.left_at.is_(None)),
            )
        )

    async def _note_phone(
        self, target: Address, phone: str | None, people: Collection[UUID]
    ) -> None:
        there = await self._person(target)
        for person in people:
            known = phone if there is not None and there.id == person else None
            if known is not None or self._said.number_changed:
                written = await self._connection.execute(
                    update(User)
                    .where(User.id == person)
                    .values(whatsapp_phone=known, updated_at=self._now)
                )
                if written.rowcount == 0:
                    raise Raced("this person has just become a part of another one")


def _is_over(result: IdentityResult) -> bool:
    """Whether the move was about somebody who has not had the old id for a while."""
    return isinstance(result, IdentityStayed) and result.reason in ("newer-known", "anothers-now")


def _is(
    table: type[IdentityRow | ChatMove | Reachability | EmailProof | Link], address: Address
) -> ColumnElement[bool]:
    return and_(
        table.platform == address.platform,
        table.account == address.account,
        table.chat_id == address.chat_id,
    )
