"""Whether the audit alone gives the tables again."""

import json
from types import SimpleNamespace

import asyncpg

from registry.audit_replay import rebuild

REGISTRATION = (
    *("user_id", "registered_via", "status", "created_at", "cancelled_at", "end_reason"),
    *("priority", "queue_number", "offer_expires_at", "transfer_to", "transfer_expires_at"),
    *("checked_in_at", "checked_in_by"),
)
"""Everything but the name, which is personal, and the ticket, which follows from the id."""
EVENT = (
    *("code", "title", "description", "timezone", "location", "max_participants", "status"),
    *("version", "start_version", "registration_opens_at", "registration_closes_at"),
    *("taken", "over_by", "held", "offered", "waiting", "checked_in", "queue_last"),
)


async def replay_drift(database_url: str) -> list[str]:
    """What is another in the tables than in the audit; empty is a pass."""
    connection = await asyncpg.connect(database_url)
    try:
        audit = await connection.fetch("SELECT * FROM audit ORDER BY id")
        events = await connection.fetch("SELECT *, date_time AS starts_at FROM events")
        registrations = await connection.fetch("SELECT * FROM event_registrations")
    finally:
        await connection.close()
    rebuilt = rebuild(
        SimpleNamespace(
            at=row["at"],
            event_id=row["event_id"],
            registration_id=row["registration_id"],
            before=row["before"] and json.loads(row["before"]),
            after=row["after"] and json.loads(row["after"]),
        )
        for row in audit
    )
    drift = []
    for rows, again, names in (
        (events, rebuilt.events, (*EVENT, "starts_at")),
        (registrations, rebuilt.registrations, REGISTRATION),
    ):
        assert len(rows) == len(again), "something was never noted"
        drift += [
            f"{row['id']}: {name} is {row[name]}, by the audit {noted}"
            for row in rows
            for name in names
            if row[name] != (noted := getattr(again[row["id"]], name))
        ]
    return drift
