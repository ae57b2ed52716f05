"""Where chats went that are known by another id now."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class ChatMove(Base):
    """What comes for one id of a chat is for another one.

    Kept after the identity has moved, for what is still on its way: a claim that was said under the
    id before must not make a second person of its sender.
    """

    __tablename__ = "chat_moves"
    __table_args__ = (
        CheckConstraint("chat_id <> moved_to", name="elsewhere"),
        CheckConstraint("platform IN ('telegram', 'whatsapp')", name="platform"),
        Index("ix_chat_moves_moved_to", "moved_to"),
    )

    platform: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(primary_key=True)
    """The id before."""
    moved_to: Mapped[str]
    """The id from then on, of the same platform and account; it may have moved on as well."""
    at: Mapped[datetime]
    """When, by the platform's time; an older move changes nothing any more."""
    left_at: Mapped[datetime | None]
    """Since then the number is not theirs any more, and what comes for it later is somebody
    else's."""
