"""The table of organisers' messages; their recipients are rows of `notice_deliveries`."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class OrganiserMessage(Base):
    """What an organiser wrote to the people of an event."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("status IN ('running', 'paused', 'cancelled', 'finished')", name="status"),
        CheckConstraint(
            "audience IN ('confirmed', 'waiting', 'checked_in', 'not_checked_in', 'all')",
            name="audience",
        ),
        CheckConstraint("(ended_at IS NULL) = (status IN ('running', 'paused'))", name="ended_at"),
        Index("ix_messages_running", "id", postgresql_where=text("status = 'running'")),
        Index("ix_messages_page", "event_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    audience: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime]
    """Who has not been sent it by then is not sent it any more."""
    status: Mapped[str]
    stop: Mapped[dict[str, Any] | None]
    """Why it is paused, as `feeding.Stop`; empty when an organiser paused it."""
    recipients: Mapped[dict[str, Any]]
    """How many on each platform."""
    handed_over: Mapped[dict[str, Any]]
    """The cursor: recipients up to this place were, per platform."""
    cleared: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    """Platforms whose first part went well."""
    judged_from: Mapped[datetime]
    """Errors before this time do not stop it: an organiser has looked since."""
    muted: Mapped[int]
    """People of the audience who asked for silence; they are no recipients."""
    no_address: Mapped[int]
    """Recipients whom we cannot write to at all."""
    changed_by: Mapped[str | None]
    """Who paused, resumed or cancelled it last."""
    ended_at: Mapped[datetime | None]
