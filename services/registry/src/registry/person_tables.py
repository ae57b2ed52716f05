"""The tables of who is who: codes that were sent, chats that joined a person, what was agreed to,
and what is still to be purged of people who were forgotten.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class EmailProof(Base):
    """A code that one chat has asked for. The digits follow from the id and are stored nowhere.

    There is a row also where nobody is who could read the code, so that guessing is counted, and
    answered, the same.
    """

    __tablename__ = "email_proofs"
    __table_args__ = (
        CheckConstraint("platform IN ('telegram', 'whatsapp')", name="platform"),
        CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),
        CheckConstraint(
            "(to_platform IS NULL) = (to_account IS NULL)"
            " AND (to_platform IS NULL) = (to_chat_id IS NULL)",
            name="to_one_chat",
        ),
        Index("ix_email_proofs_chat", "platform", "account", "chat_id", "created_at"),
        Index("ix_email_proofs_email", "email", "created_at"),
        Index("ix_email_proofs_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    platform: Mapped[str]
    account: Mapped[str]
    chat_id: Mapped[str]
    """The chat that asked, and the only one in which the code is worth anything."""
    request_id: Mapped[UUID]
    """The wish for it: one may be sent to several people, and then each has a row."""
    email: Mapped[str]
    """The address that it was asked for, in small letters."""
    by_email: Mapped[bool]
    """To the mailbox: whoever has the code reads it. Else to a chat: whoever has it reads that."""
    to_platform: Mapped[str | None]
    to_account: Mapped[str | None]
    to_chat_id: Mapped[str | None]
    """The chat that the code went to."""
    target_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    """The person whose chat that is."""
    language: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    used_at: Mapped[datetime | None]


class Link(Base):
    """A chat that has joined a person by proof."""

    __tablename__ = "links"
    __table_args__ = (
        CheckConstraint("platform IN ('telegram', 'whatsapp')", name="platform"),
        Index("ix_links_chat", "platform", "account", "chat_id"),
        Index("ix_links_user_id", "user_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    platform: Mapped[str]
    account: Mapped[str]
    chat_id: Mapped[str]
    linked_at: Mapped[datetime]
    brought: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()))
    """The registrations that the chat brought along, and takes with it if it is parted."""
    ended_at: Mapped[datetime | None]
    """When the chat was parted again."""
    disowned: Mapped[bool] = mapped_column(server_default=false())
    """The person said that the chat is not theirs: it cannot join them again."""
    beside: Mapped[UUID | None]
    """The link of the chat that joined, where this one came along as another one of the same."""


class ConsentRow(Base):
    """What somebody agreed to: the first time they did, for each wording and channel."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("user_id", "text_version", "channel"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    text_version: Mapped[str]
    language: Mapped[str]
    channel: Mapped[str]
    at: Mapped[datetime]


class Forgetting(Base):
    """A chat of somebody who was forgotten, for as long as something of it may still turn up.

    What is in streams and buckets is purged at once, and again when whatever was on its way has
    arrived; then this row goes as well.
    """

    __tablename__ = "forgettings"
    __table_args__ = (
        CheckConstraint("platform IN ('telegram', 'whatsapp', 'email')", name="platform"),
    )

    platform: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    """Whose chat it was: an id that leads to nothing any more."""
    elsewhere: Mapped[bool]
    """The wish was said in another chat, so this one is told of it."""
    forgotten_at: Mapped[datetime]
    next_purge_at: Mapped[datetime | None]
    ends_at: Mapped[datetime]
    """When the last purge is over and this row goes."""


Index("ix_forgettings_next_purge_at", Forgetting.next_purge_at)
