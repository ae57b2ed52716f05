"""Which chats have joined whom by proof, and who is told of it."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Address, Command, NoticeToPersonDue, derived_id
from registry.person_tables import Link
from registry.work import Work

TOLD_WITHIN = timedelta(days=1)
"""So long somebody is worth telling that another messenger has joined them, or was parted."""


def recipient_id(link_id: UUID, chat: Address) -> UUID:
    """By what the registry alone can tell which chat a notice about a link is for."""
    return derived_id(link_id, f"{chat.platform}:{chat.chat_key}")


def beside(link_id: UUID, chat: Address) -> UUID:
    """The id of the link of another chat that came along with the one that joined."""
    return derived_id(link_id, f"beside:{chat.platform}:{chat.chat_key}")


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
    first, *others = chats
    ids = [(link_id, first, list(brought)), *((beside(link_id, c), c, []) for c in others)]
    await work.connection.execute(
        insert(Link),
        [
            chat.model_dump()
            | {
                "id": key,
                "user_id": user_id,
                "linked_at": work.now,
                "brought": registrations,
                "ended_at": None,
                "disowned": False,
            }
            for key, chat, registrations in ids
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
