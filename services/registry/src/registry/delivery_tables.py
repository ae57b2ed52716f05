"""The tables of what reaches people: whom we can write to, and what became of what we wrote."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from registry.tables import Base


class Reachability(Base):
    """What the notifier last said of a chat; no row: nothing stands in the way.

    A table of its own beside `identities`: a chat may block us before it is anybody's, and e-mail
    has no chat at all.
    """

    __tablename__ = "reachability"
    __table_args__ = (
        CheckConstraint("platform IN ('telegram', 'whatsapp', 'email')", name="platform"),
    )

    platform: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(primary_key=True)
    blocked: Mapped[bool] = mapped_column(server_default=false())
    """They blocked us, or are gone."""
    marketing_stopped: Mapped[bool] = mapped_column(server_default=false())
    """Organisers' own words are not wanted here; what concerns one's own seat still is."""
    reason: Mapped[str | None]
    """A short code such as `telegram-403`."""
    at: Mapped[datetime]
    """When that was so; an older word changes nothing any more."""


class NoticeDelivery(Base):
    """One thing that one person is told without having asked, and what became of it.

    Written before the notice is published, so no result can come earlier. A recipient of an
    organiser's message has a row as soon as the message is accepted.
    """

    __tablename__ = "notice_deliveries"
    __table_args__ = (
        CheckConstraint(
            "platform IN ('telegram', 'whatsapp', 'email')"
            " AND reached_by IN ('telegram', 'whatsapp', 'email')",
            name="platform",
        ),
        CheckConstraint(
            "(emitted_at IS NULL) = (notice_id IS NULL)"
            " AND (notice_id IS NULL) = (outbound_id IS NULL)"
            " AND (notice_id IS NULL) = (second_outbound_id IS NULL)",
            name="emitted_under_its_ids",
        ),
        CheckConstraint("emitted_at IS NOT NULL OR message_id IS NOT NULL", name="known_why"),
        Index("uq_notice_deliveries_notice_id", "notice_id", unique=True),
        Index("ix_notice_deliveries_outbound_id", "outbound_id"),
        Index("ix_notice_deliveries_second_outbound_id", "second_outbound_id"),
        Index("ix_notice_deliveries_page", "event_id", "id"),
        Index(
            "ix_notice_deliveries_recipients",
            "message_id",
            "platform",
            "place",
            postgresql_where=text("message_id IS NOT NULL"),
        ),
        Index(
            "ix_notice_deliveries_settled",
            "message_id",
            "settled_at",
            postgresql_where=text("message_id IS NOT NULL AND settled_at IS NOT NULL"),
        ),
        Index(
            "ix_notice_deliveries_outstanding",
            "message_id",
            "platform",
            "emitted_at",
            postgresql_where=text(
                "message_id IS NOT NULL AND emitted_at IS NOT NULL AND status IS NULL"
            ),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    registration_id: Mapped[UUID]
    kind: Mapped[str]
    """As `contracts.NoticeKind`."""
    message_id: Mapped[UUID | None]
    """The organiser's message that this is one of."""
    platform: Mapped[str | None]
    """Recipients of a message: where the person was last seen when it was accepted."""
    place: Mapped[int | None]
    """Recipients of a message: the order on their platform, from 1."""
    planned_at: Mapped[datetime]
    emitted_at: Mapped[datetime | None]
    """Handed over as `NoticeDue`."""
    notice_id: Mapped[UUID | None]
    outbound_id: Mapped[UUID | None]
    """The message to the first way to the person; its id is known before it is made."""
    second_outbound_id: Mapped[UUID | None]
    """The same for the next way, should the first not reach them. There is no third that a
    platform speaks of later: the last one is e-mail."""
    status: Mapped[str | None]
    """As `contracts.DeliveryStatus`; empty while nothing was heard."""
    standing: Mapped[int] = mapped_column(server_default=text("0"))
    """Of two results the one that stands higher stays; see `notice_results`."""
    reason: Mapped[str | None]
    reached_by: Mapped[str | None]
    """The channel that the status is about."""
    passed_on_because: Mapped[str | None]
    """Why the way before this one did not reach them."""
    repeated: Mapped[bool] = mapped_column(server_default=false())
    """Perhaps seen twice."""
    status_at: Mapped[datetime | None]
    """When that was so, as whoever reported it says."""
    settled_at: Mapped[datetime | None]
    """When the first result was written down here."""
