"""The tables of what reaches people: whom we can write to, and what became of what we wrote."""

from datetime import datetime

from sqlalchemy import CheckConstraint, false
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
