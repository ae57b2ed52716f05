"""Codes in PostgreSQL: who may have one, where they go, and which still count."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, NoticeToPersonAnswer, Recipient
from contracts.people import (
    CODE_TRIES_MAX,
    CODES_PER_ADDRESS_AND_HOUR,
    CODES_PER_CHAT_AND_HOUR,
)
from contracts.topology import MAIL_ACCOUNT
from registry.person_tables import EmailProof
from registry.proof_codes import ProofCodes
from registry.tables import IdentityRow, User
from registry.ways import ways_to

PROOF_LOCKS = 0x636F6465
"""The namespace of our advisory locks ("code"), so that no other use of them can meet ours."""
_HOUR = timedelta(hours=1)


def normal_form(email: str) -> str:
    """An address as it is compared: no mailbox of today tells capital letters from small ones."""
    return email.strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody in whose chat a code is read."""

    user_id: UUID
    chat: Address

    def columns(self) -> dict[str, object]:
        """Whose proof it is then, and where the code goes."""
        return {
            "target_user_id": self.user_id,
            "to_platform": self.chat.platform,
            "to_account": self.chat.account,
            "to_chat_id": self.chat.chat_id,
        }


async def lock_wishes(connection: AsyncConnection, email: str, chat: Address) -> None:
    """Wait until nobody else asks for a code for this address, or from this chat.

    What is counted next cannot be locked: it is not there yet. In ascending order, so that no two
    wait for each other.
    """
    for key in sorted({_lock_key(f"to {email}"), _lock_key(f"from {chat.chat_key}")}):
        await connection.execute(select(func.pg_advisory_xact_lock(PROOF_LOCKS, key)))


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], signed=True)


async def codes_left(
    connection: AsyncConnection, email: str, chat: Address, now: datetime
) -> int | None:
    """How many codes may be sent for one more wish; None when the chat has asked too often.

    A chat is told about its own wishes alone. That others, or the owner, have lately asked for the
    same address must show nowhere: the wish sends nothing then, and is guessed at like any other.
    """
    lately = EmailProof.created_at > now - _HOUR
    wishes = func.count(EmailProof.request_id.distinct())
    from_chat = await connection.scalar(select(wishes).where(_asked_by(chat), lately)) or 0
    if from_chat >= CODES_PER_CHAT_AND_HOUR:
        return None
    to_address = select(func.count()).where(EmailProof.email == email, lately, _can_be_read())
    sent = await connection.scalar(to_address) or 0
    return max(0, CODES_PER_ADDRESS_AND_HOUR - sent)


async def language_of(connection: AsyncConnection, chat: Address) -> str | None:
    """In which language this chat asked for a code last; None when that is not kept any more."""
    asked = select(EmailProof.language).where(_asked_by(chat))
    found: str | None = await connection.scalar(
        asked.order_by(EmailProof.created_at.desc(), EmailProof.id).limit(1)
    )
    return found


async def readers(
    connection: AsyncConnection, email: str, asker: Address, *, only_proven: bool
) -> list[Reader]:
    """In which chats a code for this address is read: one of each person, in their best way.

    Args:
        connection: where to look.
        email: in its normal form.
        asker: the chat that asks; it tells itself nothing.
        only_proven: of the person who has proven the address. Else also of those who have typed
            it, and not of whoever asks.
    """
    query = select(User.id).where(
        User.forgotten_at.is_(None), exists().where(IdentityRow.user_id == User.id)
    )
    if only_proven:
        query = query.where(User.email == email)
    else:
        own = select(IdentityRow.user_id).where(
            IdentityRow.platform == asker.platform,
            IdentityRow.account == asker.account,
            IdentityRow.chat_id == asker.chat_id,
        )
        query = (
            query.where(
                or_(User.email == email, func.lower(User.email_claimed) == email),
                User.id.not_in(own),
            )
            # Who has proven it first; then who has been there longest: nobody gets before them.
            .order_by(func.coalesce(User.email == email, False).desc(), User.created_at, User.id)
            .limit(CODES_PER_ADDRESS_AND_HOUR)
        )
    found = []
    for user_id in (await connection.scalars(query)).all():
        chats = await _chats(connection, user_id, asker)
        if chats:
            found.append(Reader(user_id=user_id, chat=chats[0].address))
    return found


async def _chats(
    connection: AsyncConnection, user_id: UUID, asker: Address
) -> tuple[Recipient, ...]:
    ways = await ways_to(connection, user_id, None, marketing=False)
    return tuple(way for way in ways if way.address != asker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A code that counts, as long as its row is locked."""

    id: UUID
    email: str
    by_email: bool
    target_user_id: UUID | None
    tries: int

    @property
    def can_be_read(self) -> bool:
        """Whether there is anybody who can know the digits."""
        return self.by_email or self.target_user_id is not None


_PROOF = (
    EmailProof.id,
    EmailProof.email,
    EmailProof.by_email,
    EmailProof.target_user_id,
    EmailProof.tries,
)


async def write_proofs(connection: AsyncConnection, rows: Sequence[dict[str, object]]) -> None:
    """Write down what may be proven from now on."""
    await connection.execute(insert(EmailProof), list(rows))


async def lock_live(connection: AsyncConnection, chat: Address, now: datetime) -> list[Proof]:
    """The codes that count in this chat, the newest last, locked until the transaction ends.

    Whoever guesses at the same moment waits here, and finds this guess counted.
    """
    rows = await connection.execute(
        select(*_PROOF)
        .where(_asked_by(chat), _is_live(now))
        .order_by(EmailProof.id)
        .with_for_update()
    )
    return [Proof(**row) for row in rows.mappings()]


async def is_exhausted(connection: AsyncConnection, chat: Address, now: datetime) -> bool:
    """Whether a code of this chat would count still, had it not been guessed at too often."""
    found = exists().where(
        _asked_by(chat),
        EmailProof.used_at.is_(None),
        EmailProof.expires_at > now,
        EmailProof.tries >= CODE_TRIES_MAX,
    )
    return bool(await connection.scalar(select(found)))


async def count_try(connection: AsyncConnection, proofs: Sequence[Proof]) -> int:
    """Note one wrong guess at each of these.

    Returns:
        How many are left.
    """
    for proof in proofs:
        await connection.execute(
            update(EmailProof).where(EmailProof.id == proof.id).values(tries=proof.tries + 1)
        )
    return CODE_TRIES_MAX - min(proof.tries + 1 for proof in proofs)


async def use(connection: AsyncConnection, proof: Proof, chat: Address, now: datetime) -> None:
    """The code was typed: it counts once, and no other of this chat counts any more."""
    await connection.execute(
        update(EmailProof).where(EmailProof.id == proof.id).values(used_at=now)
    )
    await connection.execute(
        update(EmailProof)
        .where(_asked_by(chat), EmailProof.used_at.is_(None), EmailProof.expires_at > now)
        .values(expires_at=now)
    )


async def find_code(
    connection: AsyncConnection,
    proof_id: UUID,
    now: datetime,
    codes: ProofCodes,
    *,
    by_email: bool,
) -> NoticeToPersonAnswer:
    """Where a code goes to, with its digits; nowhere when it does not count any more."""
    row = (
        await connection.execute(
            select(
                *_PROOF,
                EmailProof.platform,
                EmailProof.account,
                EmailProof.chat_id,
                EmailProof.language,
                EmailProof.expires_at,
                EmailProof.to_chat_id,
            ).where(EmailProof.id == proof_id, _is_live(now))
        )
    ).one_or_none()
    if row is None:
        return NoticeToPersonAnswer()
    asker = Address(platform=row.platform, account=row.account, chat_id=row.chat_id)
    # The chat of a mail is the proof's id: addresses stay out of subjects.
    mail = Recipient(
        address=Address(platform="email", account=MAIL_ACCOUNT, chat_id=str(row.id)),
        email_to=row.email,
    )
    ways: tuple[Recipient, ...] = ()
    if row.by_email:
        ways = (mail,)
    elif row.target_user_id is not None:
        ways = await _chats(connection, row.target_user_id, asker)
        if by_email and ways:
            # Where no chat can be written to: it is their mailbox as well.
            ways = (*ways, mail)
    if not ways:
        return NoticeToPersonAnswer()
    return NoticeToPersonAnswer(
        recipient=ways[0],
        alternatives=ways[1:],
        language=row.language,
        code=codes.digits(row.id),
        messenger=asker.platform,
        expires_at=row.expires_at,
    )


def _asked_by(chat: Address) -> ColumnElement[bool]:
    return and_(
        EmailProof.platform == chat.platform,
        EmailProof.account == chat.account,
        EmailProof.chat_id == chat.chat_id,
    )


def _is_live(now: datetime) -> ColumnElement[bool]:
    return and_(
        EmailProof.used_at.is_(None),
        EmailProof.expires_at > now,
        EmailProof.tries < CODE_TRIES_MAX,
    )


def _can_be_read() -> ColumnElement[bool]:
    return or_(EmailProof.by_email, EmailProof.to_chat_id.is_not(None))
