"""The tables. The owner's four (`users`, `events`, `event_registrations`, `user_states`) come
first, with his columns; the others hold what promises need: who has handled which command, what
is to be said when, and who changed what.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_VERSION = "0011"
"""The newest migration that this code needs; migrations are numbered in order."""
ACTIVE_STATUSES = ("confirmed", "held", "waiting", "offered")
"""Registration states of which a person has at most one per event."""
_ACTIVE = text("status IN ('confirmed', 'held', 'waiting', 'offered')")


class Base(DeclarativeBase):
    """Plain types: text without lengths (contracts limit them), times with a zone."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own declaration form
        str: Text(),
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        dict[str, Any]: JSONB(none_as_null=True),
    }


class User(Base):
    """A person, with as many chats as they have proven to be theirs."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint(r"whatsapp_phone ~ '^\+[1-9][0-9]{6,14}$'", name="whatsapp_phone_e164"),
        CheckConstraint("language IN ('en', 'ru')", name="language"),
        Index("ix_users_telegram_id", "telegram_id"),
        Index("ix_users_whatsapp_phone", "whatsapp_phone"),
        Index("ix_users_email_claimed", "email_claimed"),
        Index("ix_users_email_claimed_lower", text("lower(email_claimed)")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(unique=True)
    """Proven by a code sent to it, never merely typed."""
    email_claimed: Mapped[str | None]
    """Typed: it joins nobody to anything, so it need not be unique."""
    telegram_id: Mapped[int | None] = mapped_column(BigInteger)
    whatsapp_phone: Mapped[str | None]
    language: Mapped[str]
    """What notices are written in."""
    language_at: Mapped[datetime | None]
    """When the person last chose it by name; an older wish changes nothing any more."""
    muted: Mapped[bool] = mapped_column(server_default=false())
    """Nothing but direct answers: no reminders, no news, no offers."""
    muted_at: Mapped[datetime | None]
    """When the person last said stop or start; an older wish changes nothing any more."""
    forgotten_at: Mapped[datetime | None]
    """When the person wished to be forgotten: only the number of their seats is left."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class EventRow(Base):
    """An event and how many seats of it are taken."""

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint("max_participants >= 1", name="max_participants"),
        CheckConstraint("taken >= 0", name="taken_not_negative"),
        # Lowering the capacity drops nobody, so `over_by` says how far above it one already is.
        # Only changes and releases write `over_by`: no claim can get past this line.
        CheckConstraint("taken <= max_participants + over_by", name="taken_within_capacity"),
        CheckConstraint("over_by >= 0", name="over_by_not_negative"),
        CheckConstraint(
            "held >= 0 AND offered >= 0 AND held + offered <= taken "
            "AND waiting >= 0 AND checked_in >= 0",
            name="figures",
        ),
        CheckConstraint("status IN ('draft', 'published', 'finished', 'cancelled')", name="status"),
        Index(
            "ix_events_upcoming",
            "date_time",
            "id",
            postgresql_where=text("status = 'published'"),
        ),
        Index("ix_events_date_time_id", "date_time", "id"),
        # Not on the free seats as well: an index on what every claim changes would cost each of
        # them a new entry in all indexes of this table.
        Index("ix_events_waited_for", "id", postgresql_where=text("waiting > 0")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str]
    date_time: Mapped[datetime]
    """When it starts; `starts_at` in messages and in the API."""
    timezone: Mapped[str]
    location: Mapped[str]
    max_participants: Mapped[int]
    taken: Mapped[int] = mapped_column(server_default=text("0"))
    """Confirmed, held and offered seats: what the capacity is compared with."""
    held: Mapped[int] = mapped_column(server_default=text("0"))
    offered: Mapped[int] = mapped_column(server_default=text("0"))
    waiting: Mapped[int] = mapped_column(server_default=text("0"))
    checked_in: Mapped[int] = mapped_column(server_default=text("0"))
    queue_last: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The number that the last person in line got; numbers are never given twice."""
    over_by: Mapped[int] = mapped_column(server_default=text("0"))
    status: Mapped[str]
    version: Mapped[int]
    start_version: Mapped[int]
    """The version that last moved the start: notices planned before it are no longer true."""
    registration_opens_at: Mapped[datetime | None]
    registration_closes_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Registration(Base):
    """A person's seat, offer or place in line at an event, kept after it ended."""

    __tablename__ = "event_registrations"
    __table_args__ = (
        CheckConstraint(
            "registered_via IN ('telegram', 'whatsapp', 'organiser')", name="registered_via"
        ),
        CheckConstraint(
            "status IN ('confirmed', 'held', 'waiting', 'offered', 'cancelled')",
            name="status",
        ),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at"),
        CheckConstraint(
            "(status = 'offered') = (offer_expires_at IS NOT NULL)", name="offer_has_an_end"
        ),
        CheckConstraint(
            "(status = 'held') = (hold_expires_at IS NOT NULL)", name="hold_has_an_end"
        ),
        CheckConstraint(
            "status NOT IN ('waiting', 'offered') OR queue_number IS NOT NULL",
            name="in_line_by_number",
        ),
        CheckConstraint(
            "(transfer_to IS NULL) = (transfer_expires_at IS NULL)", name="transfer_has_an_end"
        ),
        Index(
            "uq_event_registrations_active",
            "event_id",
            "user_id",
            unique=True,
            postgresql_where=_ACTIVE,
        ),
        Index("ix_event_registrations_page", "event_id", "created_at", "id"),
        Index("ix_event_registrations_user_id", "user_id"),
        Index(
            "ix_event_registrations_line",
            "event_id",
            text("priority DESC"),
            "queue_number",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            "ix_event_registrations_offers",
            "offer_expires_at",
            "event_id",
            postgresql_where=text("status = 'offered'"),
        ),
        Index(
            "ix_event_registrations_holds",
            "hold_expires_at",
            "event_id",
            postgresql_where=text("status = 'held'"),
        ),
        Index(
            "ix_event_registrations_promised",
            "transfer_to",
            postgresql_where=text("transfer_to IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    registered_via: Mapped[str]
    status: Mapped[str]
    name: Mapped[str]
    """The name on this ticket; the person may give another one next time."""
    ticket: Mapped[str | None]
    created_at: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    """Why it ended, as `contracts.EndReason`."""
    priority: Mapped[int] = mapped_column(server_default=text("0"))
    """Higher stands further in front; an organiser's doing, with a reason in the audit."""
    queue_number: Mapped[int | None] = mapped_column(BigInteger)
    """The order of those with the same priority."""
    offer_expires_at: Mapped[datetime | None]
    hold_expires_at: Mapped[datetime | None]
    """Until when the seat is kept for somebody who has yet to prove an address."""
    transfer_to: Mapped[UUID | None]
    """The person whom this seat is promised to."""
    transfer_expires_at: Mapped[datetime | None]
    checked_in_at: Mapped[datetime | None]
    checked_in_by: Mapped[str | None]
    """Which scanner, as its organiser named it."""


class UserState(Base):
    """Dialogue state, for the store that falls back to PostgreSQL.

    `user_id` is empty while somebody has not registered yet: a state comes before its person.
    """

    __tablename__ = "user_states"
    __table_args__ = (CheckConstraint("platform IN ('telegram', 'whatsapp')", name="platform"),)

    platform: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    chat: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    current_state: Mapped[str]
    state_data: Mapped[dict[str, Any]]
    epoch: Mapped[int] = mapped_column(BigInteger)
    n: Mapped[int] = mapped_column(BigInteger)
    """With `epoch` the revision: only a higher one replaces a row."""
    updated_at: Mapped[datetime]


class IdentityRow(Base):
    """A chat that speaks for a person."""

    __tablename__ = "identities"
    __table_args__ = (CheckConstraint("platform IN ('telegram', 'whatsapp')", name="platform"),)

    platform: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        # Checked at COMMIT: the identity is written first, because writing it is what decides
        # which person a chat belongs to when two commands of a new chat meet.
        ForeignKey("users.id", deferrable=True, initially="DEFERRED"),
        index=True,
    )
    since: Mapped[datetime | None]
    """When the chat said what made it theirs; empty in rows from before this was kept. A number
    may have been another person's before."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Notice(Base):
    """Something one person is to be told at a time, and when that was handed over."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('reminder-24h', 'reminder-1h', 'event-changed', 'event-cancelled')",
            name="kind",
        ),
        CheckConstraint("sent_at IS NULL OR dropped_at IS NULL", name="one_ending"),
        UniqueConstraint("registration_id", "kind", "event_version"),
        Index(
            "ix_notices_due",
            "due_at",
            "id",
            postgresql_where=text("sent_at IS NULL AND dropped_at IS NULL"),
        ),
        Index("ix_notices_event_id", "event_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    registration_id: Mapped[UUID] = mapped_column(ForeignKey("event_registrations.id"))
    event_id: Mapped[UUID]
    kind: Mapped[str]
    event_version: Mapped[int]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """From here on it is worth nothing."""
    sent_at: Mapped[datetime | None]
    """Handed over as `NoticeDue`; what became of the message is in DELIVERY."""
    dropped_at: Mapped[datetime | None]


class Audit(Base):
    """Who changed what, written with the change. Ids and facts, never names or addresses."""

    __tablename__ = "audit"
    __table_args__ = (
        CheckConstraint("actor IN ('participant', 'organiser', 'system')", name="actor"),
        Index("ix_audit_event_id_id", "event_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    command_id: Mapped[UUID]
    correlation_id: Mapped[UUID]
    actor: Mapped[str]
    channel: Mapped[str]
    """`telegram`, `whatsapp`, `api` or `clock`."""
    by: Mapped[str | None]
    """The organiser's token, by id."""
    action: Mapped[str]
    event_id: Mapped[UUID]
    registration_id: Mapped[UUID | None]
    user_id: Mapped[UUID | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str | None]


class HandledCommand(Base):
    """A command that was carried out, with what is to be said about it; nothing of a person is in
    it (`kept_outcomes.py`).
    """

    __tablename__ = "handled_commands"

    command_id: Mapped[UUID] = mapped_column(primary_key=True)
    command: Mapped[str]
    correlation_id: Mapped[UUID]
    outcome: Mapped[dict[str, Any]]
    failed: Mapped[bool] = mapped_column(server_default=false())
    """Set aside for a human; a redriven command writes over this row."""
    handled_at: Mapped[datetime]


class Sweep(Base):
    """What the last look at the invariants found; one row."""

    __tablename__ = "sweeps"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    drift: Mapped[dict[str, Any]]
    """Per invariant, how many rows break it; all zero is as it should be."""


# As literals and not as parameters: a plan for any parameter could not use the partial indexes.
IS_ACTIVE = text("event_registrations.status IN ('confirmed', 'held', 'waiting', 'offered')")
IS_CONFIRMED = text("event_registrations.status = 'confirmed'")
IS_WAITING = text("event_registrations.status = 'waiting'")
IS_OFFERED = text("event_registrations.status = 'offered'")
IS_HELD = text("event_registrations.status = 'held'")

Index("ix_handled_commands_handled_at", HandledCommand.handled_at)
