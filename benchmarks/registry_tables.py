"""What a benchmark puts into the registry's tables without asking the registry, for speed."""

from uuid import UUID

import asyncpg

SEATS = 100_000
"""More than any round takes: nobody waits for a seat here."""

_EVENTS = """
    INSERT INTO events (id, code, title, description, date_time, timezone, location,
                        max_participants, status, version, start_version, created_at, updated_at)
    SELECT gen_random_uuid(), lpad(upper(to_hex(before.events + n)), 6, '0'), 'Event ' || n, '',
           now() + interval '30 days' + n * interval '1 minute', 'Europe/Berlin', 'Berlin',
           $2, 'published', 1, 1, now(), now()
    FROM generate_series(1, $1) AS n, (SELECT count(*) AS events FROM events) AS before
    RETURNING id"""

_PEOPLE = """
    WITH people AS (
        INSERT INTO users (id, name, email_claimed, telegram_id, language, created_at, updated_at)
        -- Far from the chats that claim.
        SELECT gen_random_uuid(), 'Ann Lee', 'ann@example.org', 1000000000 + before.people + n,
               'en', now(), now()
        FROM generate_series(1, $1) AS n, (SELECT count(*) AS people FROM users) AS before
        RETURNING id, telegram_id)
    INSERT INTO identities (platform, account, chat_id, user_id, created_at, updated_at)
    SELECT 'telegram', '123456', telegram_id::text, id, now(), now() FROM people"""

_REGISTRATIONS = """
    WITH persons AS (SELECT id, row_number() OVER () - 1 AS place FROM users),
    chosen AS (SELECT id, row_number() OVER () - 1 AS place FROM unnest($1::uuid[]) AS id),
    registered AS (
        INSERT INTO event_registrations
            (id, user_id, event_id, registered_via, status, name, created_at)
        -- As spread as random ones, and made in a tenth of the time.
        SELECT md5(chosen.id::text || n)::uuid, persons.id, chosen.id, 'telegram', 'confirmed',
               'Ann Lee', now()
        FROM chosen
        CROSS JOIN generate_series(0, $2 - 1) AS n
        -- Neighbours in the list have other people: nobody registers twice for one event.
        JOIN persons ON persons.place = (chosen.place * $2 + n) % (SELECT count(*) FROM users)
        RETURNING id),
    remembered AS (
        INSERT INTO handled_commands (command_id, command, correlation_id, outcome, handled_at)
        SELECT id, 'claim-seat', id, '{}', now() FROM registered)
    UPDATE events SET taken = taken + $2 WHERE id = ANY($1::uuid[])"""


async def add_events(database_url: str, count: int) -> list[UUID]:
    """Published events with seats for everybody."""
    connection = await asyncpg.connect(database_url)
    try:
        return [row["id"] for row in await connection.fetch(_EVENTS, count, SEATS)]
    finally:
        await connection.close()


async def add_registrations(
    database_url: str, events: list[UUID], *, people: int, per_event: int
) -> None:
    """People, and seats for them at events, with the counters and the commands' outcomes.

    Without notices and audit, to which claims only add. The tables are then in the state that
    autovacuum leaves them in.
    """
    connection = await asyncpg.connect(database_url)
    try:
        # The rows agree with each other by the way they are made; a million look-ups would
        # only say so again.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(_PEOPLE, people)
        await connection.execute(_REGISTRATIONS, events, per_event)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def taken(database_url: str, event_id: UUID) -> tuple[int, int]:
    """An event's counter, and its rows."""
    connection = await asyncpg.connect(database_url)
    try:
        counter = await connection.fetchval("SELECT taken FROM events WHERE id = $1", event_id)
        rows = await connection.fetchval(
            "SELECT count(*) FROM event_registrations WHERE event_id = $1", event_id
        )
    finally:
        await connection.close()
    return counter, rows
