"""Whether counters, rows and promises agree: each invariant as a query for what breaks it.

`python -m registry.sweep` looks at once; a tick looks every five minutes, and what it found is in
`/health` of every replica and in `turnout_invariant_drift`.
"""

import asyncio
import sys
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.database import Database
from registry.migrate import database_url
from registry.tables import Sweep
from runtime.failures import Retry, Unavailable
from runtime.metrics import gauge

_drift = gauge(
    "turnout_invariant_drift", "Rows that break an invariant, at the last sweep.", ("invariant",)
)

STATEMENT_SECONDS_MAX = 60
"""A sweep looks at every registration; no lock is held meanwhile."""

LOOK_SECONDS = 5.0
"""Between two looks at what the last sweep found; it is one small row."""

INVARIANTS: dict[str, str] = {
    "counters-equal-rows": """
        SELECT count(*) FROM events AS e LEFT JOIN (
            SELECT event_id,
                count(*) FILTER (WHERE status IN ('confirmed', 'held', 'offered')) AS taken,
                count(*) FILTER (WHERE status = 'held') AS held,
                count(*) FILTER (WHERE status = 'offered') AS offered,
                count(*) FILTER (WHERE status = 'waiting') AS waiting,
                count(checked_in_at) AS checked_in
            FROM event_registrations GROUP BY event_id
        ) AS r ON r.event_id = e.id
        WHERE (e.taken, e.held, e.offered, e.waiting, e.checked_in) IS DISTINCT FROM
            (coalesce(r.taken, 0), coalesce(r.held, 0), coalesce(r.offered, 0),
             coalesce(r.waiting, 0), coalesce(r.checked_in, 0))""",
    "taken-within-capacity": """
        SELECT count(*) FROM events
        WHERE over_by > greatest(0, taken - max_participants) OR taken > max_participants + over_by
        """,
    "one-registration-a-person": """
        SELECT count(*) FROM (
            SELECT FROM event_registrations
            WHERE status IN ('confirmed', 'held', 'waiting', 'offered')
            GROUP BY event_id, user_id HAVING count(*) > 1) AS doubled""",
    "tickets-are-for-seats": """
        SELECT count(*) FROM event_registrations AS r JOIN users AS u ON u.id = r.user_id
        WHERE (r.status = 'confirmed' AND u.forgotten_at IS NULL) <> (r.ticket IS NOT NULL)""",
    "one-ticket-a-seat": """
        SELECT count(*) FROM (
            SELECT FROM event_registrations WHERE ticket IS NOT NULL
            GROUP BY ticket HAVING count(*) > 1) AS doubled""",
    "offers-come-from-the-line": """
        SELECT count(*) FROM event_registrations
        WHERE status = 'offered' AND (queue_number IS NULL OR offer_expires_at IS NULL)""",
    "held-seats-have-an-end-and-no-ticket": """
        SELECT count(*) FROM event_registrations
        WHERE (status = 'held') <> (hold_expires_at IS NOT NULL)
            OR (status = 'held' AND (ticket IS NOT NULL OR offer_expires_at IS NOT NULL))""",
    "codes-are-used-in-time": """
        SELECT count(*) FROM email_proofs
        WHERE used_at < created_at OR used_at >= expires_at OR tries > 5""",
    "one-code-is-used-at-a-time": """
        SELECT count(*) FROM (
            SELECT FROM email_proofs WHERE used_at IS NOT NULL
            GROUP BY platform, account, chat_id, used_at HAVING count(*) > 1) AS doubled""",
    "checked-in-is-confirmed": """
        SELECT count(*) FROM event_registrations
        WHERE checked_in_at IS NOT NULL AND status <> 'confirmed'""",
    "one-number-a-place": """
        SELECT count(*) FROM (
            SELECT FROM event_registrations WHERE status = 'waiting'
            GROUP BY event_id, priority, queue_number HAVING count(*) > 1) AS doubled""",
    "joined-chats-speak-for-who-they-joined": """
        SELECT count(*) FROM links AS l JOIN identities AS i USING (platform, account, chat_id)
        WHERE l.ended_at IS NULL AND i.user_id <> l.user_id""",
    "disowned-chats-speak-for-others": """
        SELECT count(*) FROM links AS l JOIN identities AS i USING (platform, account, chat_id)
        WHERE l.disowned AND (l.ended_at IS NULL OR i.user_id = l.user_id)""",
    "seats-are-promised-to-people": """
        SELECT count(*) FROM event_registrations AS r LEFT JOIN users AS u ON u.id = r.transfer_to
        WHERE r.transfer_to IS NOT NULL AND (u.id IS NULL OR u.forgotten_at IS NOT NULL
            OR r.transfer_to = r.user_id OR r.status <> 'confirmed')""",
    "forgotten-is-nobody": """
        SELECT count(*) FROM users AS u WHERE forgotten_at IS NOT NULL AND (
            name <> '' OR coalesce(email, email_claimed, whatsapp_phone) IS NOT NULL
            OR telegram_id IS NOT NULL
            OR EXISTS (SELECT FROM identities AS i WHERE i.user_id = u.id)
            OR EXISTS (SELECT FROM links AS l WHERE l.user_id = u.id)
            OR EXISTS (SELECT FROM consents AS c WHERE c.user_id = u.id))""",
    "forgotten-has-no-seat-ahead": """
        SELECT count(*) FROM event_registrations AS r
        JOIN users AS u ON u.id = r.user_id JOIN events AS e ON e.id = r.event_id
        WHERE u.forgotten_at IS NOT NULL AND (r.name <> '' OR r.ticket IS NOT NULL
            OR (r.status <> 'cancelled' AND e.status IN ('draft', 'published')
                -- The start may have been put off since.
                AND e.date_time > u.forgotten_at AND e.updated_at < u.forgotten_at))""",
}


async def sweep(connection: AsyncConnection) -> dict[str, int]:
    """Per invariant, how many rows break it."""
    await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS_MAX}s'"))
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None, "the transaction has begun"
    # Past SQLAlchemy, because the connection's own limit is made for statements under a lock.
    return {
        name: await driver.fetchval(query, timeout=STATEMENT_SECONDS_MAX)
        for name, query in INVARIANTS.items()
    }


async def keep(connection: AsyncConnection, drift: dict[str, int], now: datetime) -> None:
    """Keep what the last sweep found, for every replica to show."""
    found = {"at": now, "drift": drift}
    statement = insert(Sweep).values(id=1, **found)
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=found))


async def last_sweep(connection: AsyncConnection) -> tuple[datetime, dict[str, int]] | None:
    """When the last sweep was, and what it found; None before the first."""
    row = (await connection.execute(select(Sweep.at, Sweep.drift))).one_or_none()
    return None if row is None else (row.at, dict(row.drift))


class LastSweep:
    """The last sweep for `/health` and `/metrics`, the same in every replica.

    While it is entered, it looks now and then what the last sweep found.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: tuple[datetime, dict[str, int]] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look_again_and_again())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    async def _look_again_and_again(self) -> None:
        while True:
            with suppress(Unavailable, Retry):
                self._found = await self._database.run(last_sweep)
                for name, rows in (self._found[1] if self._found else {}).items():
                    _drift.labels(invariant=name).set(rows)
            await asyncio.sleep(LOOK_SECONDS)

    async def show(self) -> dict[str, object]:
        """When it was and what it found."""
        if self._found is None:
            return {"at": None}
        at, drift = self._found
        return {"at": at.isoformat(), "drift": drift}


async def main() -> int:
    """Sweep now and print what was found; 1 when something is wrong."""
    async with Database(database_url()) as database:
        try:
            drift = await database.run(sweep)
        except (Unavailable, Retry) as error:
            raise SystemExit(f"the sweep could not be made: {error}") from None
    for name, rows in drift.items():
        sys.stdout.write(f"{'ok  ' if rows == 0 else 'DRIFT'} {name}: {rows}\n")
    return 1 if any(drift.values()) else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
