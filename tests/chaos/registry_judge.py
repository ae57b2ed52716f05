"""The judge of the registry's proofs: do tables, counters, handled commands and streams agree?

It reads PostgreSQL, the streams and what the crowd was told, and imports nothing of the registry:
it must not share its mistakes.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from contracts import MoveRegistration
from tests.chaos.judge import stream
from tests.chaos.registry_crowd import Crowd

COUNTERS_ASTRAY = """
SELECT count(*) FROM events e LEFT JOIN (
    SELECT event_id,
        count(*) FILTER (WHERE status IN ('confirmed', 'held', 'offered')) AS taken,
        count(*) FILTER (WHERE status = 'held') AS held,
        count(*) FILTER (WHERE status = 'offered') AS offered,
        count(*) FILTER (WHERE status = 'waiting') AS waiting,
        count(*) FILTER (WHERE status = 'confirmed' AND checked_in_at IS NOT NULL) AS checked_in
    FROM event_registrations GROUP BY event_id
) r ON r.event_id = e.id
WHERE (e.taken, e.held, e.offered, e.waiting, e.checked_in) IS DISTINCT FROM (
    coalesce(r.taken, 0), coalesce(r.held, 0), coalesce(r.offered, 0), coalesce(r.waiting, 0),
    coalesce(r.checked_in, 0))
"""
SEATS_OVER = """
SELECT coalesce(sum(greatest(0, r.taken - e.max_participants - e.over_by)), 0)::int
FROM events e JOIN (
    SELECT event_id, count(*) AS taken FROM event_registrations
    WHERE status IN ('confirmed', 'held', 'offered') GROUP BY event_id
) r ON r.event_id = e.id
"""
OVER_BY_WRONG = """
SELECT count(*) FROM events WHERE over_by <> greatest(0, taken - max_participants)
"""
PEOPLE_TWICE = """
SELECT count(*) FROM (
    SELECT 1 FROM event_registrations
    WHERE status IN ('confirmed', 'held', 'waiting', 'offered')
    GROUP BY event_id, user_id HAVING count(*) > 1
) AS twice
"""
IDLE_SEATS = """
SELECT count(*) FROM events
WHERE status = 'published' AND waiting > 0 AND taken < max_participants AND date_time > $1
"""
OFFERS_ASTRAY = """
SELECT count(*) FROM event_registrations
WHERE status = 'offered' AND (queue_number IS NULL OR offer_expires_at IS NULL)
"""
OFFERS_OVERDUE = """
SELECT count(*) FROM event_registrations r JOIN events e ON e.id = r.event_id
WHERE r.status = 'offered' AND r.offer_expires_at <= $1 AND e.status = 'published'
"""
PLACES_TWICE = """
SELECT count(*) FROM (
    SELECT 1 FROM event_registrations WHERE status = 'waiting'
    GROUP BY event_id, priority, queue_number HAVING count(*) > 1
) AS twice
"""
HANDLED = "SELECT command_id, outcome, failed FROM handled_commands"
REGISTRATIONS = """
SELECT id, status, end_reason, ticket, (event_id, user_id)::text AS owner FROM event_registrations
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

OVERDUE_SECONDS = 60.0
"""A lost trigger is repaired within this time (field.md B4.11)."""
ENDS_BY_OTHERS = frozenset({"organiser", "transferred", "expired"})
"""How a registration ends without its owner being told by an outcome of their own."""


@dataclass
class RegistryVerdict:
    """What does not agree, by name; all zero is a pass."""

    counters_astray: int = 0
    """Events whose counters are not what their registrations add up to."""
    oversold: int = 0
    """Seats above what an event holds, by rows and not by the counter."""
    over_by_wrong: int = 0
    people_twice: int = 0
    idle_seats: int = 0
    """Events where somebody waits beside a free seat."""
    offers_astray: int = 0
    offers_overdue: int = 0
    """Offers that ran out and keep a seat all the same."""
    places_twice: int = 0
    """Places in line that two people have."""
    unhandled: int = 0
    """Commands that left no trace in the database."""
    failed: int = 0
    unanswered: int = 0
    answered_twice: int = 0
    answered_otherwise: int = 0
    """Outcomes in the stream that are not the stored ones, apart from what is of a person."""
    said_otherwise: int = 0
    """Outcomes that were said again in other words."""
    unsaid: int = 0
    """Facts that were decided and are not in EVENTS."""
    unfounded: int = 0
    """Facts in EVENTS, or outcomes in INBOUND, that nobody decided."""
    told_wrongly: int = 0
    """Registrations that are not what their owner was told last."""
    dead: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, int]:
        """Every count that is not zero."""
        return {n: count for n, count in vars(self).items() if isinstance(count, int) and count}


async def judge_registry(nats_url: str, database_url: str, crowd: Crowd) -> RegistryVerdict:
    """Compare all records, once everything has settled."""
    verdict = RegistryVerdict(unanswered=len(crowd.unanswered))
    connection = await asyncpg.connect(database_url)
    try:
        verdict.counters_astray = await connection.fetchval(COUNTERS_ASTRAY)
        verdict.oversold = await connection.fetchval(SEATS_OVER)
        verdict.over_by_wrong = await connection.fetchval(OVER_BY_WRONG)
        verdict.people_twice = await connection.fetchval(PEOPLE_TWICE)
        verdict.idle_seats = await connection.fetchval(IDLE_SEATS, crowd.now())
        overdue = crowd.now() - timedelta(seconds=OVERDUE_SECONDS)
        verdict.offers_overdue = await connection.fetchval(OFFERS_OVERDUE, overdue)
        verdict.offers_astray = await connection.fetchval(OFFERS_ASTRAY)
        verdict.places_twice = await connection.fetchval(PLACES_TWICE)
        handled = await connection.fetch(HANDLED)
        registrations = await connection.fetch(REGISTRATIONS)
    finally:
        await connection.close()
    verdict.failed = sum(row["failed"] for row in handled)
    verdict.unhandled = len(crowd.sent.keys() - {row["command_id"] for row in handled})
    stored = {row["command_id"]: json.loads(row["outcome"]) for row in handled}
    _compare_answers(verdict, crowd, stored)
    _compare_facts(verdict, stored, await stream(nats_url, "EVENTS"))
    _compare_with_rows(verdict, crowd, registrations)
    verdict.dead = len(await stream(nats_url, "DEAD", parsed=False))
    verdict.notes.append(
        f"{len(crowd.sent)} commands, {sum(map(len, crowd.told.values()))} outcomes, "
        f"{crowd.said.total() - len(crowd.said)} said again, {len(registrations)} registrations"
    )
    return verdict


def _compare_answers(
    verdict: RegistryVerdict, crowd: Crowd, stored: dict[UUID, dict[str, Any]]
) -> None:
    verdict.answered_twice = sum(len(told) > 1 for told in crowd.told.values())
    verdict.said_otherwise = len(crowd.said) - len({command_id for command_id, _ in crowd.said})
    for command_id, told in crowd.told.items():
        outcome = stored.get(command_id, {"messages": ()})
        owed = [m for m in outcome["messages"] if "body" not in m]
        if not owed:
            verdict.unfounded += 1
        elif _of_no_person(json.loads(told[0].raw)) != owed[0] | {"outcome": outcome["result"]}:
            verdict.answered_otherwise += 1


def _of_no_person(body: dict[str, Any]) -> dict[str, Any]:
    """What the database may keep of an answer: neither chat nor name nor ticket."""
    outcome = dict(body["outcome"])
    if "registration" in outcome:
        card = outcome["registration"]
        ticket = None if card["ticket"] is None else ""
        outcome["registration"] = card | {"name": "", "ticket": ticket}
    return {"id": body["id"], "occurred_at": body["occurred_at"], "outcome": outcome}


def _compare_facts(
    verdict: RegistryVerdict,
    stored: dict[UUID, dict[str, Any]],
    events: list[dict[str, Any]],
) -> None:
    owed = {
        message["id"]
        for outcome in stored.values()
        for message in outcome["messages"]
        if "body" in message and not message["subject"].startswith("command.")
    }
    there = Counter(event["id"] for event in events)
    verdict.unsaid = len(owed - there.keys())
    verdict.unfounded += len(there.keys() - owed) + (there.total() - len(there))


def _compare_with_rows(
    verdict: RegistryVerdict, crowd: Crowd, registrations: list[asyncpg.Record]
) -> None:
    last: dict[str, tuple[str, str | None]] = {}
    transferred: set[str] = set()
    for told in sorted((t[0] for t in crowd.told.values()), key=lambda one: one.sequence):
        match told.kind:
            case "seat-claimed" | "seat-transferred":
                if told.kind == "seat-transferred":
                    transferred.add(told.registration["id"])
                last[told.registration["id"]] = ("confirmed", told.registration["ticket"])
            case "waiting-listed":
                last[told.registration["id"]] = ("waiting", None)
            case "registration-released":
                last[told.outcome["registration_id"]] = ("cancelled", None)
    rows = {str(row["id"]): row for row in registrations}
    moved = {
        str(command.registration_id)
        for command in crowd.sent.values()
        if isinstance(command, MoveRegistration)
    }
    received = {rows[registration_id]["owner"] for registration_id in transferred}
    for registration_id, (status, ticket) in last.items():
        row = rows.get(registration_id)
        if row is not None and (
            _fits(status, ticket, row)
            # An organiser has put somebody elsewhere, of which a notice tells.
            or (registration_id in moved and row["status"] != "cancelled")
            # Whoever receives a seat leaves the line for it, also if an organiser put them there.
            or (
                (status == "waiting" or registration_id in moved)
                and row["end_reason"] == "left"
                and row["owner"] in received
            )
        ):
            continue
        verdict.told_wrongly += 1
        verdict.notes.append(
            f"told {status}, is {row and row['status']} ({row and row['end_reason']})"
        )


def _fits(status: str, ticket: str | None, row: asyncpg.Record) -> bool:
    if row["status"] == "cancelled":
        return status == "cancelled" or row["end_reason"] in ENDS_BY_OTHERS
    if status == "waiting":
        # A seat is offered, and given by an organiser, without being asked for.
        return row["status"] in ("waiting", "offered", "confirmed")
    return bool(row["status"] == status and row["ticket"] == ticket)


async def deadlocks(database_url: str) -> int:
    """How many deadlocks this database ever had; a crash of PostgreSQL sets it to zero."""
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval(DEADLOCKS))
    finally:
        await connection.close()
