"""The audit: it names who, where, why and by which command, and tells everything else again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from registry_history import Author, Row, Step, World, email_of, random_steps
from registry_house import CODES, TICKETS, QuietHouse, chat

from contracts.commands import AboutEvent
from contracts.topology import COMMANDS_FETCHED_MAX
from registry.audit_replay import BrokenHistory, Rebuilt, rebuild
from registry.database import Database
from registry.handlers import Handlers
from registry.results import Stored
from registry.rules import Event
from registry.seats import Seat
from runtime.clock import Clock

STEPS = 150
PERSONAL = {"name", "ticket"}
"""Of a registration: not in the audit. A ticket follows from the registration's id."""


class StoppedClock(Clock):
    """Shows the time of a world in memory."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def now(self) -> datetime:
        return self.world.now


@dataclass
class Chronicle:
    """A history that one event has lived through in PostgreSQL, and once more in memory."""

    house: QuietHouse
    world: World
    handlers: Handlers
    proven: set[UUID] = field(default_factory=set)

    async def live(self, steps: Sequence[Step]) -> None:
        author = Author(self.world)
        batch: list[AboutEvent] = []
        outcomes: list[Stored] = []
        for step in steps:
            if step.wait_minutes:
                await self.carry_out(batch, outcomes)
                batch, outcomes = [], []
                self.world.wait(step.wait_minutes)
                await self.prove_addresses()
            batch.append(author.command(step))
            outcomes += self.world.carry_out(batch[-1:])
        await self.carry_out(batch, outcomes)

    async def carry_out(self, batch: Sequence[AboutEvent], expected: list[Stored]) -> None:
        """In one transaction, to the same end as one by one in memory."""
        if batch:
            done = await self.handlers.carry_out(batch)
            assert [one.stored for one in done] == expected

    async def prove_addresses(self) -> None:
        for person in self.world.provers():
            user_id = self.world.people.get(chat(person))
            if user_id is not None and user_id not in self.proven:
                self.proven.add(user_id)
                await self.house.rows(
                    "UPDATE users SET email = $1 WHERE id = $2", email_of(person), user_id
                )


async def chronicle(
    house: QuietHouse, steps: Sequence[Step], *, asks_for_proof: bool = False
) -> Chronicle:
    world = World(asks_for_proof)
    database = Database(house.database_url)
    house.databases.append(database)
    handlers = Handlers(
        database=database,
        broker=house.broker,
        clock=StoppedClock(world),
        tickets=TICKETS,
        codes=CODES,
        proof_by_email=asks_for_proof,
        commands_per_batch_max=COMMANDS_FETCHED_MAX,
    )
    chronicle = Chronicle(house, world, handlers)
    await chronicle.live(steps)
    return chronicle


async def notes(house: QuietHouse) -> list[asyncpg.Record]:
    return await house.rows("SELECT * FROM audit ORDER BY id")


async def rebuilt_from_the_audit(house: QuietHouse) -> Rebuilt:
    return rebuild(
        Row(
            at=note["at"],
            event_id=note["event_id"],
            registration_id=note["registration_id"],
            before=note["before"] and json.loads(note["before"]),
            after=note["after"] and json.loads(note["after"]),
        )
        for note in await notes(house)
    )


async def differences(house: QuietHouse) -> list[str]:
    """Where the tables say something else than the audit."""
    rebuilt = await rebuilt_from_the_audit(house)
    found = []
    events = await house.rows("SELECT *, date_time AS starts_at FROM events")
    for row in events:
        event = rebuilt.events.get(row["id"])
        columns = [column.name for column in fields(Event)]
        found += [name for name in columns if row[name] != getattr(event, name, None)]
        found += ["created_at"] * (row["created_at"] != rebuilt.created_at.get(row["id"]))
    registrations = await house.rows("SELECT * FROM event_registrations")
    for row in registrations:
        seat = rebuilt.registrations.get(row["id"])
        columns = [column.name for column in fields(Seat) if column.name not in PERSONAL]
        found += [name for name in columns if row[name] != getattr(seat, name, None)]
        found += ["event_id"] * (row["event_id"] != rebuilt.event_of.get(row["id"]))
        ticket = TICKETS.issue(row["id"]) if seat and seat.status == "confirmed" else None
        found += ["ticket"] * (row["ticket"] != ticket)
    found += ["events"] * (len(events) != len(rebuilt.events))
    return found + ["registrations"] * (len(registrations) != len(rebuilt.registrations))


@pytest.mark.parametrize(("seed", "asks_for_proof"), [(1, False), (2, False), (3, True)])
async def test_the_audit_alone_tells_every_column_again(
    quiet_house: QuietHouse, seed: int, asks_for_proof: bool
) -> None:
    steps = random_steps(seed, STEPS)
    lived = await chronicle(quiet_house, steps, asks_for_proof=asks_for_proof)
    assert await differences(quiet_house) == []
    rebuilt = await rebuilt_from_the_audit(quiet_house)
    assert list(rebuilt.events.values()) == [lived.world.event]
    assert len(rebuilt.registrations) == len(lived.world.seats) > 5
    compared = {row["column_name"] for row in await quiet_house.rows(COLUMNS)}
    # `updated_at` is when the row was last written; nothing is decided by it.
    known = {column.name for kind in (Event, Seat) for column in fields(kind)}
    assert compared - known == {"date_time", "event_id", "updated_at"}


COLUMNS = """SELECT column_name FROM information_schema.columns
    WHERE table_name IN ('events', 'event_registrations')"""


@pytest.mark.parametrize(
    ("statement", "column"),
    [
        ("UPDATE events SET taken = taken - 1", "taken"),
        ("UPDATE events SET queue_last = queue_last + 1", "queue_last"),
        ("UPDATE event_registrations SET priority = 9 WHERE status = 'waiting'", "priority"),
        ("UPDATE event_registrations SET ticket = 'T1.x' WHERE status = 'confirmed'", "ticket"),
    ],
)
async def test_what_was_changed_past_the_audit_is_seen(
    quiet_house: QuietHouse, statement: str, column: str
) -> None:
    await chronicle(quiet_house, FULL_WITH_A_LINE)
    assert await differences(quiet_house) == []
    await quiet_house.rows(statement)
    assert set(await differences(quiet_house)) == {column}


async def test_a_line_that_is_missing_is_seen(quiet_house: QuietHouse) -> None:
    await chronicle(
        quiet_house, [*FULL_WITH_A_LINE, Step("end", amount=1), Step("accept", amount=1)]
    )
    await quiet_house.rows("DELETE FROM audit WHERE action = 'seat-offered'")
    with pytest.raises(BrokenHistory):
        await rebuilt_from_the_audit(quiet_house)


FULL_WITH_A_LINE = [
    Step("create", pick=1, amount=1),
    *(Step("claim", person=person) for person in range(4)),
]


async def test_each_line_says_who_did_it_where_why_and_by_which_command(
    quiet_house: QuietHouse,
) -> None:
    lived = await chronicle(quiet_house, random_steps(4, STEPS))
    handled = {
        row["command_id"]: row
        for row in await quiet_house.rows("SELECT command_id, correlation_id FROM handled_commands")
    }
    said: dict[tuple[str, str], set[bool]] = {}
    for note in await notes(quiet_house):
        assert note["correlation_id"] == handled[note["command_id"]]["correlation_id"]
        said.setdefault((note["actor"], note["channel"]), set()).add(note["by"] is not None)
        assert (note["registration_id"] is None) == (note["user_id"] is None)
        assert note["after"] is not None
        assert (note["before"] is None) == (note["action"] in BEGINNINGS), note["action"]
        if note["action"] in WITH_A_REASON:
            assert note["reason"], note["action"]
    assert said == {
        ("participant", "telegram"): {False},
        ("organiser", "api"): {True},
        ("system", "clock"): {False},
    }
    text = str(await notes(quiet_house))
    assert len(lived.world.changes) > STEPS / 3
    assert not any(personal in text for personal in ("Ann", "Ben Roe", "example.org", "T1."))


# A seat that changes hands is a new registration; the old one has a line of its own.
BEGINNINGS = {
    "event-created",
    "seat-claimed",
    "registration-queued",
    "registration-added",
    "seat-transferred",
}
WITH_A_REASON = {
    "registration-ended",
    "registration-moved",
    "offer-expired",
    "check-in-undone",
    "event-cancelled",
}


def test_an_audit_that_begins_in_the_middle_is_refused() -> None:
    world = World()
    author = Author(world)
    for step in FULL_WITH_A_LINE:
        world.carry_out([author.command(step)])
    assert rebuild(world.audit).events
    with pytest.raises(BrokenHistory):
        rebuild(world.audit[1:])
    changed: dict[str, Any] = dict(world.audit[-1].after or {}) | {"status": "confirmed"}
    unnoted = replace(world.audit[-1], before=changed)
    with pytest.raises(BrokenHistory):
        rebuild([*world.audit, unnoted])
