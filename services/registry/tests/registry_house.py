"""What the registry's tests share: commands as others send them, and a look into the streams."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from nats.js import JetStreamContext

from contracts import (
    Address,
    CancelRegistration,
    ClaimSeat,
    Command,
    CommandOutcome,
    CreateEvent,
    EventDetails,
    NoticeDue,
    Platform,
    SeatClaimed,
    SendDueReminders,
    Sender,
)
from contracts.cards import RegistrationCard
from contracts.topology import COMMANDS_FETCHED_MAX
from registry.database import Database
from registry.handlers import Handlers
from registry.proof_codes import ProofCodes
from registry.results import Answer, Stored
from registry.tickets import Tickets
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.failures import Retry

DELIVERY_SECONDS_MAX = 60.0
TICKETS = Tickets("a key for tests")
CODES = ProofCodes("a key for tests")


def chat(person: int, platform: Platform = "telegram") -> Address:
    if platform == "telegram":
        return Address(platform=platform, account="123456", chat_id=str(5_000_000 + person))
    return Address(platform=platform, account="106540352242922", chat_id=f"US.{5_000_000 + person}")


def claim_seat(
    event_id: UUID,
    person: int = 1,
    *,
    platform: Platform = "telegram",
    name: str = "Ann Lee",
    phone: str | None = None,
) -> ClaimSeat:
    return ClaimSeat(
        id=uuid4(),
        occurred_at=datetime.now(UTC),
        correlation_id=uuid4(),
        event_id=event_id,
        address=chat(person, platform),
        sender=Sender(phone=phone),
        name=name,
        email_claimed="ann@example.org",
        language="en",
        registered_via=platform,
    )


def give_back(card: RegistrationCard, address: Address | None) -> CancelRegistration:
    return CancelRegistration(
        id=uuid4(),
        occurred_at=datetime.now(UTC),
        correlation_id=uuid4(),
        event_id=card.event.id,
        registration_id=card.id,
        address=address,
    )


def tick(due_at: datetime) -> SendDueReminders:
    return SendDueReminders(id=uuid4(), occurred_at=due_at, correlation_id=uuid4(), due_at=due_at)


class MovableClock(Clock):
    """The real clock with the file that the simulator writes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock.json"
        super().__init__(self.file)

    def advance(self, by: timedelta) -> None:
        seconds = self.offset_seconds + by.total_seconds()
        self.file.write_text(json.dumps({"offset_seconds": seconds}), encoding="utf-8")


class House:
    """The registry's inside with real servers: handlers to call, a database and streams to read."""

    def __init__(self, database_url: str, broker: Broker, clock: MovableClock) -> None:
        self.database_url = database_url
        self.broker = broker
        self.clock = clock
        self.databases: list[Database] = []
        self.proof_by_email = False
        """What replicas that are made from now on are told."""
        self.handlers = self.replica()

    def replica(self) -> Handlers:
        """Another process's handlers, with a pool of their own."""
        database = Database(self.database_url)
        self.databases.append(database)
        return Handlers(
            database=database,
            broker=self.broker,
            clock=self.clock,
            tickets=TICKETS,
            codes=CODES,
            proof_by_email=self.proof_by_email,
            commands_per_batch_max=COMMANDS_FETCHED_MAX,
        )

    def ask_for_proof(self) -> None:
        """From now on there is a mail server, and who has proven nothing gets a held seat."""
        self.proof_by_email = True
        self.handlers = self.replica()

    async def close(self) -> None:
        for database in self.databases:
            await database.__aexit__(None, None, None)

    async def do(self, command: Command, handlers: Handlers | None = None) -> None:
        """Deliver a command as the broker does: a busy database is asked again, not given up."""
        async with asyncio.timeout(DELIVERY_SECONDS_MAX):
            while True:
                try:
                    return await (handlers or self.handlers).handle(command)
                except Retry:
                    await asyncio.sleep(0.1)

    async def event(
        self,
        seats: int = 2,
        *,
        starts_in: timedelta = timedelta(days=3),
        status: Any = "published",
    ) -> UUID:
        """A new event's id."""
        command = CreateEvent(
            id=uuid4(),
            occurred_at=self.clock.now(),
            correlation_id=uuid4(),
            event_id=uuid4(),
            details=EventDetails(
                title="PyCon",
                starts_at=self.clock.now() + starts_in,
                timezone="Europe/Berlin",
                max_participants=seats,
                status=status,
            ),
        )
        await self.do(command)
        return command.event_id

    async def seat(self, event_id: UUID, person: int = 1) -> RegistrationCard:
        """A seat that this person has just got."""
        command = claim_seat(event_id, person)
        await self.do(command)
        outcome = (await self.answer(command)).outcome
        assert isinstance(outcome, SeatClaimed)
        return outcome.registration

    async def many_seats(self, event_id: UUID, count: int) -> None:
        """Confirmed seats of many people, written straight into the tables."""
        await self.rows(
            """WITH people AS (
                 INSERT INTO users (id, name, language, created_at, updated_at)
                 SELECT gen_random_uuid(), 'Ann', 'en', now(), now() FROM generate_series(1, $1)
                 RETURNING id)
               INSERT INTO event_registrations
                 (id, user_id, event_id, registered_via, status, name, ticket, created_at)
               SELECT gen_random_uuid(), id, $2, 'telegram', 'confirmed', 'Ann', 'T', now()
               FROM people""",
            count,
            event_id,
        )
        await self.rows("UPDATE events SET taken = taken + $1 WHERE id = $2", count, event_id)

    async def rows(self, query: str, *parameters: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetch(query, *parameters)
        finally:
            await connection.close()

    async def answer(self, command: Command) -> CommandOutcome:
        """What the chat of this command was told."""
        found = [answer for answer in await self.answers() if answer.command_id == command.id]
        assert len(found) == 1
        return found[0]

    async def answers(self) -> list[CommandOutcome]:
        bodies = await read_stream(self.broker.jetstream, "INBOUND")
        return [CommandOutcome.model_validate(body) for _, body in bodies]

    async def facts(self) -> list[tuple[str, dict[str, Any]]]:
        return await read_stream(self.broker.jetstream, "EVENTS")

    async def notices(self) -> list[NoticeDue]:
        return [
            NoticeDue.model_validate(body)
            for subject, body in await self.facts()
            if subject == "notice.due"
        ]


class QuietHouse(House):
    """Carries commands out and says nothing: what would be said is read from the database.

    Without a broker, so that a test of what is decided starts in a fraction of the time.
    """

    def __init__(self, database_url: str, broker: Broker, clock: MovableClock) -> None:
        super().__init__(database_url, broker, clock)
        self.told: list[CommandOutcome] = []

    async def do(self, command: Command, handlers: Handlers | None = None) -> None:
        await self.carry_out(command, handlers)

    async def carry_out(self, command: Command, handlers: Handlers | None = None) -> Stored:
        """A command's outcome with everything that is owed; a busy database is asked again."""
        async with asyncio.timeout(DELIVERY_SECONDS_MAX):
            while True:
                try:
                    (done,) = await (handlers or self.handlers).carry_out([command])
                except Retry:
                    await asyncio.sleep(0.1)
                else:
                    if done.is_new:
                        self.told += [
                            CommandOutcome.model_validate_json(said.body)
                            for said in done.stored.messages
                            if isinstance(said, Answer)
                        ]
                    return done.stored

    async def answers(self) -> list[CommandOutcome]:
        return self.told

    async def facts(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.rows("SELECT outcome FROM handled_commands ORDER BY handled_at")
        return [
            (said["subject"], json.loads(said["body"]))
            for row in rows
            for said in json.loads(row["outcome"])["messages"]
            # An answer is kept without its chat and its words.
            if "subject" in said
        ]


async def read_stream(jetstream: JetStreamContext, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Every message of a stream, without taking any."""
    state = (await jetstream.stream_info(name)).state
    found = []
    for sequence in range(max(1, state.first_seq), state.last_seq + 1):
        message = await jetstream.get_msg(name, sequence)
        found.append((message.subject or "", json.loads(message.data or b"{}")))
    return found
