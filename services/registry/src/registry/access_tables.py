"""The tables of the organisers' programs: their tokens, and what their webhooks are owed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base

_IS_PENDING = text("status = 'pending'")


class ApiToken(Base):
    """A program's token, kept after it was revoked: the audit names it."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint("secret_sha256 ~ '^[0-9a-f]{64}$'", name="secret_sha256"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    secret_sha256: Mapped[str]
    """Of 256 random bits: nothing to guess, so neither salt nor a slow hash is needed."""
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    last_used_at: Mapped[datetime | None]
    """To the minute."""


class Webhook(Base):
    """An address that is told what happens. Its secret is derived and stands nowhere."""

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("(deleted_at IS NULL) = (deleted_by IS NULL)", name="deleted_by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    """Subjects, or `*`."""
    description: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    disabled_at: Mapped[datetime | None]
    """When it answered 410 Gone."""
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None]


class WebhookDelivery(Base):
    """One fact that one webhook is to be told."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        CheckConstraint(
            "(status = 'pending') = (next_attempt_at IS NOT NULL)",
            name="pending_has_a_next_attempt",
        ),
        CheckConstraint("(status = 'pending') = (ended_at IS NULL)", name="ended_at"),
        UniqueConstraint("webhook_id", "message_id"),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_attempt_at",
            postgresql_where=_IS_PENDING,
        ),
        Index("ix_webhook_deliveries_oldest", "pending_since", postgresql_where=_IS_PENDING),
        Index("ix_webhook_deliveries_page", "webhook_id", "taken_in_at", "id"),
        Index(
            "ix_webhook_deliveries_ended",
            "ended_at",
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id"))
    message_id: Mapped[UUID]
    """The id of the fact: whoever hears it again finds this row."""
    type: Mapped[str]
    body: Mapped[str]
    """As it is signed and sent, to the letter."""
    status: Mapped[str]
    taken_in_at: Mapped[datetime]
    pending_since: Mapped[datetime]
    """When it was taken in, or was last asked for again: the three days begin here."""
    next_attempt_at: Mapped[datetime | None]
    """During an attempt: when somebody else may try, should we not come back."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """All that were begun. The number of an attempt is also what its end is written under."""
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    """Since `pending_since`: how long to wait depends on them."""
    last_attempt_at: Mapped[datetime | None]
    last_response_status: Mapped[int | None]
    last_problem: Mapped[str | None]
    ended_at: Mapped[datetime | None]
