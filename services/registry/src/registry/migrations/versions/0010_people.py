"""One person on every messenger: codes, links, consents, held seats, and being forgotten."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def _chat() -> list[sa.Column[str]]:
    return [
        sa.Column(name, sa.Text(), nullable=False) for name in ("platform", "account", "chat_id")
    ]


def _messengers(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        "platform IN ('telegram', 'whatsapp')", name=op.f(f"ck_{table}_platform")
    )


def _person(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE"
    )


def upgrade() -> None:
    """Upgrade only: going back is a newer migration."""
    op.add_column("users", sa.Column("forgotten_at", _TIME, nullable=True))
    op.add_column("event_registrations", sa.Column("hold_expires_at", _TIME, nullable=True))
    op.create_check_constraint(
        op.f("ck_event_registrations_hold_has_an_end"),
        "event_registrations",
        "(status = 'held') = (hold_expires_at IS NOT NULL)",
        postgresql_not_valid=True,
    )
    op.create_table(
        "email_proofs",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_chat(),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("by_email", sa.Boolean(), nullable=False),
        sa.Column("to_platform", sa.Text(), nullable=True),
        sa.Column("to_account", sa.Text(), nullable=True),
        sa.Column("to_chat_id", sa.Text(), nullable=True),
        sa.Column("target_user_id", sa.Uuid(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        _messengers("email_proofs"),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_email_proofs_tries")),
        sa.CheckConstraint(
            "(to_platform IS NULL) = (to_account IS NULL)"
            " AND (to_platform IS NULL) = (to_chat_id IS NULL)",
            name=op.f("ck_email_proofs_to_one_chat"),
        ),
        sa.ForeignKeyConstraint(
            ["target_user_id"],
            ["users.id"],
            name=op.f("fk_email_proofs_target_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_proofs")),
    )
    op.create_index(
        "ix_email_proofs_chat", "email_proofs", ["platform", "account", "chat_id", "created_at"]
    )
    op.create_index("ix_email_proofs_email", "email_proofs", ["email", "created_at"])
    op.create_index("ix_email_proofs_created_at", "email_proofs", ["created_at"])
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        *_chat(),
        sa.Column("linked_at", _TIME, nullable=False),
        sa.Column("brought", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("disowned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("beside", sa.Uuid(), nullable=True),
        _messengers("links"),
        _person("links"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    op.create_index("ix_links_chat", "links", ["platform", "account", "chat_id"])
    op.create_index("ix_links_user_id", "links", ["user_id"])
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("text_version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        _person("consents"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint(
            "user_id",
            "text_version",
            "channel",
            name=op.f("uq_consents_user_id_text_version_channel"),
        ),
    )
    op.create_table(
        "forgettings",
        *_chat(),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("elsewhere", sa.Boolean(), nullable=False),
        sa.Column("forgotten_at", _TIME, nullable=False),
        sa.Column("next_purge_at", _TIME, nullable=True),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "platform IN ('telegram', 'whatsapp', 'email')", name=op.f("ck_forgettings_platform")
        ),
        sa.PrimaryKeyConstraint("platform", "account", "chat_id", name=op.f("pk_forgettings")),
    )
    op.create_index("ix_forgettings_next_purge_at", "forgettings", ["next_purge_at"])
