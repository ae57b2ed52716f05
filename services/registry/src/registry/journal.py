"""Which commands were carried out, and who changed what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Command
from registry.database import Raced
from registry.results import Stored
from registry.tables import Audit, HandledCommand

_handled = upsert(HandledCommand)
_REMEMBER = _handled.on_conflict_do_update(
    index_elements=[HandledCommand.command_id],
    set_={
        name: _handled.excluded[name]
        for name in ("command", "correlation_id", "outcome", "failed", "handled_at")
    },
    where=HandledCommand.failed.is_(True),
).returning(HandledCommand.command_id)


COMMAND_LOCKS = 0x636D6473
"""The namespace of our advisory locks ("cmds"), so that no other use of them can meet ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandledOutcome:
    """What became of a command."""

    stored: Stored
    failed: bool
    correlation_id: UUID


async def find_outcome(connection: AsyncConnection, command_id: UUID) -> HandledOutcome | None:
    """What became of a command, also if it was given up; None while nothing did."""
    row = (
        await connection.execute(
            select(
                HandledCommand.outcome, HandledCommand.failed, HandledCommand.correlation_id
            ).where(HandledCommand.command_id == command_id)
        )
    ).one_or_none()
    if row is None:
        return None
    return HandledOutcome(
        stored=Stored.model_validate(row.outcome),
        failed=row.failed,
        correlation_id=row.correlation_id,
    )


async def lock_command(connection: AsyncConnection, command_id: UUID) -> None:
    """Wait until nobody else carries out this command.

    For commands that lock no event. Two copies of one tick would otherwise share the due rows
    between them, and the one that is rolled back would leave its part for the next tick.
    """
    key = func.hashtext(str(command_id))
    await connection.execute(select(func.pg_advisory_xact_lock(COMMAND_LOCKS, key)))


async def find_handled(connection: AsyncConnection, command_id: UUID) -> Stored | None:
    """The outcome of a command that was carried out before."""
    found = await find_outcome(connection, command_id)
    return found.stored if found and not found.failed else None


async def remember(
    connection: AsyncConnection,
    command: Command,
    stored: Stored,
    now: datetime,
    *,
    failed: bool = False,
) -> None:
    """Keep a command's outcome, in the transaction that carries it out.

    Raises:
        Raced: the same command was carried out elsewhere at the same time; look again.
    """
    values = {
        "command_id": command.id,
        "command": command.subject.split(".")[1],
        "correlation_id": command.correlation_id,
        "outcome": stored.model_dump(mode="json"),
        "failed": failed,
        "handled_at": now,
    }
    written = await connection.scalar(_REMEMBER, values)
    if written is None:
        raise Raced("this command was just carried out elsewhere")


async def write_audit(
    connection: AsyncConnection,
    command: Command,
    now: datetime,
    *,
    actor: str,
    channel: str,
    action: str,
    event_id: UUID,
    registration_id: UUID | None = None,
    user_id: UUID | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Note a change, in the transaction that makes it. Ids and facts only, nothing personal."""
    values = {
        "at": now,
        "command_id": command.id,
        "correlation_id": command.correlation_id,
        "actor": actor,
        "channel": channel,
        "action": action,
        "event_id": event_id,
        "registration_id": registration_id,
        "user_id": user_id,
        "before": before,
        "after": after,
        "reason": reason,
    }
    await connection.execute(insert(Audit), values)
