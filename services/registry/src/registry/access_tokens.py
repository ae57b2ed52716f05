"""API tokens: how one looks, how it is recognised, and where they are kept.

A token is `tt_<id>_<secret>`. The id finds the row; of the secret only its SHA-256 is kept, so
whoever reads the database, a backup or the streams learns nothing that opens a door.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Scope
from registry.access_results import TokenView
from registry.access_tables import ApiToken
from registry.database import Database
from runtime.clock import Clock

SECRET_BYTES = 32
TOKENS_MAX = 200
"""That are not revoked; all of them fit into one answer."""
LOCKS = 0x61636373
"""The namespace of our advisory locks ("accs")."""
ALL_SCOPES: tuple[Scope, ...] = ("read", "write", "check-in", "admin")

Fault = Literal["unknown", "revoked", "expired"]

_TOKEN = re.compile(r"tt_(?P<id>[0-9a-f]{32})_(?P<secret>[A-Za-z0-9_-]{43})", re.ASCII)
_COLUMNS = (
    ApiToken.id,
    ApiToken.name,
    ApiToken.scopes,
    ApiToken.created_at,
    ApiToken.created_by,
    ApiToken.expires_at,
    ApiToken.last_used_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """What a token is checked against."""

    secret_sha256: str
    scopes: frozenset[Scope]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


def make_secret() -> str:
    """The secret part of a new token: 256 random bits."""
    return base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def write_token(token_id: UUID, secret: str) -> str:
    """The token as its holder keeps it."""
    return f"tt_{token_id.hex}_{secret}"


def read_token(token: str) -> tuple[UUID, str] | None:
    """Id and secret; None when this never was a token of ours."""
    found = _TOKEN.fullmatch(token)
    return (UUID(found["id"]), found["secret"]) if found else None


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def fault_of(stored: StoredToken | None, secret: str, now: datetime) -> Fault | None:
    """Why a token does not count; None when it does.

    Only its holder is told that it was revoked or has expired.
    """
    if stored is None or not hmac.compare_digest(stored.secret_sha256, digest(secret)):
        return "unknown"
    if stored.revoked_at is not None:
        return "revoked"
    if stored.expires_at is not None and stored.expires_at <= now:
        return "expired"
    return None


class AccessTokens:
    """Recognises tokens.

    It asks the database each time, by primary key: a revoked token is worth nothing from the next
    request on, in every replica.
    """

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def recognise(self, token_id: UUID, secret: str) -> frozenset[Scope] | Fault:
        """What the holder of this token may do, or why nothing.

        Raises:
            Unavailable: the database is away.
            Retry: it is too busy.
        """
        return await self._database.run(partial(self._recognise, token_id, secret))

    async def _recognise(
        self, token_id: UUID, secret: str, connection: AsyncConnection
    ) -> frozenset[Scope] | Fault:
        stored = await _find(connection, token_id)
        now = self._clock.now()
        if fault := fault_of(stored, secret, now):
            return fault
        assert stored is not None, "a token without a fault is stored"
        minute = now.replace(second=0, microsecond=0)
        if stored.last_used_at is None or stored.last_used_at < minute:
            await _note_use(connection, token_id, minute)
        return stored.scopes


async def _find(connection: AsyncConnection, token_id: UUID) -> StoredToken | None:
    row = (
        await connection.execute(
            select(
                ApiToken.secret_sha256,
                ApiToken.scopes,
                ApiToken.expires_at,
                ApiToken.revoked_at,
                ApiToken.last_used_at,
            ).where(ApiToken.id == token_id)
        )
    ).one_or_none()
    return row and StoredToken(
        secret_sha256=row.secret_sha256,
        scopes=frozenset(row.scopes),
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


async def _note_use(connection: AsyncConnection, token_id: UUID, minute: datetime) -> None:
    # No command: it decides nothing, and nobody wished for it.
    await connection.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at < minute),
        )
        .values(last_used_at=minute)
    )


async def take_turn(connection: AsyncConnection, what: str) -> None:
    """Wait for others who are about to count `what`, until their transaction ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(LOCKS, func.hashtext(what))))


async def count_tokens(connection: AsyncConnection) -> int:
    """How many tokens are not revoked."""
    return await connection.scalar(select(func.count()).where(ApiToken.revoked_at.is_(None))) or 0


async def insert_token(
    connection: AsyncConnection,
    *,
    token_id: UUID,
    name: str,
    scopes: Sequence[Scope],
    secret_sha256: str,
    expires_at: datetime | None,
    by: str,
    now: datetime,
) -> TokenView:
    """Keep a new token."""
    row = await connection.execute(
        insert(ApiToken)
        .values(
            id=token_id,
            name=name,
            scopes=list(scopes),
            secret_sha256=secret_sha256,
            created_at=now,
            created_by=by,
            expires_at=expires_at,
        )
        .returning(*_COLUMNS)
    )
    return TokenView.model_validate(row.one()._asdict())


async def revoke(
    connection: AsyncConnection, token_id: UUID, by: str, now: datetime
) -> TokenView | None:
    """End a token; None when there is none. Who revoked it first is kept."""
    row = await connection.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id)
        .values(
            revoked_at=func.coalesce(ApiToken.revoked_at, now),
            revoked_by=func.coalesce(ApiToken.revoked_by, by),
        )
        .returning(*_COLUMNS)
    )
    found = row.one_or_none()
    return TokenView.model_validate(found._asdict()) if found else None


async def list_tokens(connection: AsyncConnection) -> list[TokenView]:
    """Every token that is not revoked, the newest first."""
    rows = await connection.execute(
        select(*_COLUMNS)
        .where(ApiToken.revoked_at.is_(None))
        .order_by(ApiToken.created_at.desc(), ApiToken.id)
        .limit(TOKENS_MAX)
    )
    return [TokenView.model_validate(row._asdict()) for row in rows]


async def is_kept(connection: AsyncConnection, token_id: UUID, secret: str) -> bool:
    """Whether this secret, and no other, is that of the token."""
    stored = await _find(connection, token_id)
    return stored is not None and hmac.compare_digest(stored.secret_sha256, digest(secret))
