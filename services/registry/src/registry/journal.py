"""Which commands were carried out, and who changed what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Command
from registry.book import Book, Change, audited
from registry.bulk import insert_many, one_of
from registry.database import Raced
from registry.kept_outcomes import Kept, keep, put_back, say_again
from registry.results import Result, Stored
from registry.tables import Audit, HandledCommand
from registry.tickets import Tickets

_HANDLED = select(HandledCommand.command_id, HandledCommand.outcome).where(
    one_of(HandledCommand.command_id, "command_ids"), HandledCommand.failed.is_(False)
)
_REMEMBER = insert_many(
    HandledCommand,
    ("command_id", "command", "correlation_id", "outcome", "failed", "handled_at"),
    # A command that was given up and is sent again writes over its row; nothing else does.
    "ON CONFLICT (command_id) DO UPDATE SET command = excluded.command, "
    "correlation_id = excluded.correlation_id, outcome = excluded.outcome, "
    "failed = excluded.failed, handled_at = excluded.handled_at "
    "WHERE handled_commands.failed RETURNING command_id",
)
_AUDIT = insert_many(
    Audit,
    (
        *("at", "command_id", "correlation_id", "actor", "channel", "by", "action"),
        *("event_id", "registration_id", "user_id", "before", "after", "reason"),
    ),
)


COMMAND_LOCKS = 0x636D6473
"""The namespace of our advisory locks ("cmds"), so that no other use of them can meet ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandledOutcome:
    """What became of a command."""

    result: Result
    failed: bool
    correlation_id: UUID


async def find_outcome(connection: AsyncConnection, command_id: UUID) -> HandledOutcome | None:
    """What became of a command, also if it was given up; None while nothing did.

    As it is told over the API, where nobody is shown a chat's ticket.
    """
    row = (
        await connection.execute(
            select(
                HandledCommand.outcome, HandledCommand.failed, HandledCommand.correlation_id
            ).where(HandledCommand.command_id == command_id)
        )
    ).one_or_none()
    if row is None:
        return None
    kept = Kept.model_validate(row.outcome)
    (result,) = await put_back(connection, [kept], tickets=None)
    return HandledOutcome(
        result=result,
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


async def find_handled(
    connection: AsyncConnection, commands: Sequence[Command], tickets: Tickets
) -> dict[UUID, Stored]:
    """The outcomes of those commands that were carried out before, whole.

    Nothing more is read when none of them was.
    """
    named = {command.id: command for command in commands}
    rows = (await connection.execute(_HANDLED, {"command_ids": list(named)})).all()
    if not rows:
        return {}
    kept = [(named[row.command_id], Kept.model_validate(row.outcome)) for row in rows]
    return await say_again(connection, kept, tickets)


async def remember(
    connection: AsyncConnection,
    outcomes: Sequence[tuple[Command, Stored]],
    now: datetime,
    *,
    failed: bool = False,
) -> None:
    """Keep commands' outcomes, in the transaction that carries them out.

    Raises:
        Raced: one of them was carried out elsewhere at the same time; look again.
    """
    rows = [
        {
            "command_id": command.id,
            "command": command_name(command),
            "correlation_id": command.correlation_id,
            "outcome": keep(stored),
            "failed": failed,
            "handled_at": now,
        }
        for command, stored in outcomes
    ]
    if len(await _REMEMBER.run(connection, rows)) != len(rows):
        raise Raced("one of these commands was just carried out elsewhere")


def command_name(command: Command) -> str:
    """A command by the second token of its subject."""
    return command.subject.split(".")[1]


async def write_audit(connection: AsyncConnection, book: Book) -> None:
    """Note a batch's changes, in the transaction that makes them."""
    changes = [(book.event.id, change) for change in book.changes]
    await write_changes(connection, book.now, changes)


async def write_changes(
    connection: AsyncConnection, now: datetime, changes: Sequence[tuple[UUID, Change]]
) -> None:
    """Note changes, each with the event that it is about."""
    await _AUDIT.run(
        connection,
        [
            {
                "at": now,
                "command_id": change.command.id,
                "correlation_id": change.command.correlation_id,
                "actor": change.actor,
                "channel": change.channel,
                "by": change.by,
                "action": change.action,
                "event_id": event_id,
                "registration_id": change.registration_id,
                "user_id": change.user_id,
                "before": change.before and audited(change.before),
                "after": audited(change.after),
                "reason": change.reason,
            }
            for event_id, change in changes
        ],
    )
