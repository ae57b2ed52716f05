"""Which chats have joined whom by proof, and who is told of it."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    Address,
    Command,
    FindNoticeToPerson,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    Recipient,
    derived_id,
)
from registry.person_tables import Link
from registry.tables import IdentityRow, User
from registry.ways import mail_to
from registry.work import Work

TOLD_WITHIN = timedelta(days=1)
"""So long somebody is worth telling that another messenger has joined them, or was parted."""


def recipient_id(link_id: UUID, chat: Address) -> UUID:
    """By what the registry alone can tell which chat a notice about a link is for."""
    return derived_id(link_id, f"{chat.platform}:{chat.chat_key}")


def is_chat(chat: Address) -> ColumnElement[bool]:
    """Whether a link is about this chat."""
    return and_(
        Link.platform == chat.platform,
        Link.account == chat.account,
        Link.chat_id == chat.chat_id,
    )


async def write_links(
    work: Work, link_id: UUID, user_id: UUID, chats: Sequence[Address], brought: Sequence[UUID]
) -> None:
    """Write down that chats have joined a person: the first has, and the others came with it."""
    await work.connection.execute(
        insert(Link),
        [
            chat.model_dump()
            | {
                "id": link_id if place == 0 else derived_id(link_id, place),
                "user_id": user_id,
                "linked_at": work.now,
                "brought": list(brought) if place == 0 else [],
                "beside": None if place == 0 else link_id,
            }
            for place, chat in enumerate(chats)
        ],
    )


async def is_barred(connection: AsyncConnection, user_id: UUID, chats: Collection[Address]) -> bool:
    """Whether this person has said that one of these chats is not theirs."""
    named = or_(*(is_chat(chat) for chat in chats))
    barred = exists().where(Link.user_id == user_id, Link.disowned, named)
    return bool(await connection.scalar(select(barred)))


def told_of_link(
    work: Work,
    command: Command,
    kind: Literal["joined", "parted"],
    link_id: UUID,
    chats: Sequence[Address],
) -> tuple[NoticeToPersonDue, ...]:
    """What is owed to these chats, each of which is told by itself."""
    return tuple(
        NoticeToPersonDue(
            id=derived_id(command.id, f"{kind}:{recipient_id(link_id, chat)}"),
            occurred_at=work.now,
            correlation_id=command.correlation_id,
            kind=kind,
            about=link_id,
            recipient=recipient_id(link_id, chat),
            expires_at=work.now + TOLD_WITHIN,
        )
        for chat in chats
    )


async def find_link_notice(
    connection: AsyncConnection, query: FindNoticeToPerson
) -> NoticeToPersonAnswer:
    """Which chat is to be told that another one has joined its person, or was parted, if that is
    still so.
    """
    found = await connection.execute(select(*Link.__table__.c).where(Link.id == query.about))
    link = found.mappings().one_or_none()
    joined = query.kind == "joined"
    if link is None or (link["ended_at"] is None) != joined:
        return NoticeToPersonAnswer()
    # Whoever was parted has a person of their own by now.
    parted = exists().where(
        or_(Link.id == query.about, Link.beside == query.about),
        Link.platform == IdentityRow.platform,
        Link.account == IdentityRow.account,
        Link.chat_id == IdentityRow.chat_id,
    )
    theirs = IdentityRow.user_id == link["user_id"]
    rows = await connection.execute(
        select(
            IdentityRow.platform,
            IdentityRow.account,
            IdentityRow.chat_id,
            User.id,
            User.email,
            User.language,
        )
        .join(User, User.id == IdentityRow.user_id)
        .where(theirs if joined else or_(theirs, parted))
    )
    for row in rows:
        chat = Address(platform=row.platform, account=row.account, chat_id=row.chat_id)
        if recipient_id(query.about, chat) == query.recipient:
            return NoticeToPersonAnswer(
                recipient=Recipient(address=chat),
                # Whoever the chat does not reach any more reads it in their mailbox.
                alternatives=() if row.email is None else (mail_to(row.id, row.email),),
                language=row.language,
                messenger=link["platform"],
                link_id=query.about if joined else None,
            )
    return NoticeToPersonAnswer()
