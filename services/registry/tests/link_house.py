"""People who prove, join, unlink and disown, and a judge of what is left of them."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from registry_commands import new
from registry_house import CODES, QuietHouse, chat, claim_seat
from test_registry_audit import differences

from contracts import (
    AddRegistration,
    Address,
    Command,
    DisownLink,
    EmailProven,
    FindNoticeToPerson,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    Platform,
    ProveEmail,
    RegistrationCard,
    RequestCode,
    SeatClaimed,
    SeatHeld,
    Sender,
    Unlink,
    WaitingListed,
)
from registry.person_queries import PersonQueries
from registry.results import Stored
from registry.sweep import INVARIANTS

ANN, BEN = "ann@example.org", "ben@example.org"
TELEGRAM, WHATSAPP = chat(1), chat(1, "whatsapp")
BEN_TELEGRAM, BEN_WHATSAPP = chat(2), chat(2, "whatsapp")


class LinkHouse:
    """The registry with a mail server, and what people in chats do to who they are."""

    def __init__(self, house: QuietHouse, *, by_email: bool = True) -> None:
        self.house = house
        self.without_proof = house.handlers
        """A registry that asks nobody for proof, for those whom a test is not about."""
        if by_email:
            house.ask_for_proof()
        self._queries = PersonQueries(
            database=house.databases[-1], clock=house.clock, codes=CODES, proof_by_email=by_email
        )

    async def does(self, command: Command) -> Any:
        """What became of it."""
        return (await self.house.carry_out(command)).result

    async def code(self, address: Address, email: str, by: Any = "email") -> ProveEmail:
        """A code is asked for, and this is the message with it."""
        asked = RequestCode(**self.now(), chat=address, email=email, by=by, language="en")
        await self.does(asked)
        (row,) = await self.house.rows(
            "SELECT id FROM email_proofs WHERE chat_id = $1 ORDER BY created_at DESC LIMIT 1",
            address.chat_id,
        )
        return ProveEmail(
            **self.now(),
            address=address,
            code=CODES.digits(row["id"]),
            name="Ann Lee",
            sender=Sender(),
            language="en",
        )

    async def proves(self, address: Address, email: str, by: Any = "email") -> EmailProven:
        """A chat proves an address; nothing stands against it."""
        result = await self.does(await self.code(address, email, by))
        assert isinstance(result, EmailProven), result
        return result

    async def claims(
        self, event_id: UUID, address: Address, name: str = "Ann Lee"
    ) -> RegistrationCard:
        """The seat, the held seat or the place in line that the chat has just got."""
        result = await self.does(self.claim(event_id, address, name))
        assert isinstance(result, SeatClaimed | SeatHeld | WaitingListed), result
        return result.registration

    def claim(self, event_id: UUID, address: Address, name: str = "Ann Lee") -> Command:
        made = claim_seat(event_id, platform=address.platform, name=name)
        return made.model_copy(update={"address": address} | self.now())

    async def adds(self, event_id: UUID, email: str) -> UUID:
        """An organiser registers somebody; the registration's id."""
        added = AddRegistration(
            **self.now(), event_id=event_id, name="Ann L.", email_claimed=email, by="token"
        )
        return UUID(str((await self.does(added)).registration_id))

    def now(self) -> dict[str, Any]:
        return new() | {"occurred_at": self.house.clock.now()}

    def unlink(self, address: Address) -> Unlink:
        return Unlink(**self.now(), address=address)

    def disown(self, address: Address, link_id: UUID | None) -> DisownLink:
        assert link_id is not None, "nobody was joined"
        return DisownLink(**self.now(), address=address, link_id=link_id)

    async def forget_limits(self) -> None:
        """An hour later codes are sent again."""
        self.house.clock.advance(timedelta(minutes=61))

    async def people(self) -> dict[Address, UUID]:
        """Who is behind each chat."""
        rows = await self.house.rows("SELECT * FROM identities")
        return {
            Address(**{name: row[name] for name in ("platform", "account", "chat_id")}): row[
                "user_id"
            ]
            for row in rows
        }

    async def registrations(self) -> dict[UUID, asyncpg.Record]:
        rows = await self.house.rows("SELECT * FROM event_registrations")
        return {row["id"]: row for row in rows}

    async def statuses(self, *cards: RegistrationCard) -> list[str]:
        """What became of these, in order."""
        found = await self.registrations()
        return [found[card.id]["end_reason"] or found[card.id]["status"] for card in cards]

    async def owners(self, *ids: UUID) -> list[UUID]:
        found = await self.registrations()
        return [found[registration_id]["user_id"] for registration_id in ids]

    async def told(self, stored: Stored) -> list[NoticeToPersonAnswer]:
        """What the notices to people of an outcome come to."""
        dues = [
            NoticeToPersonDue.model_validate_json(said.body)
            for said in stored.messages
            if said.subject == "notice.to-person-due"
        ]
        return [
            await self._queries.find_notice_to_person(
                FindNoticeToPerson(kind=due.kind, about=due.about, recipient=due.recipient)
            )
            for due in dues
        ]

    async def judge(self) -> None:
        """Counters, rows, promises and links agree, and the audit tells all of it again."""
        for name, query in INVARIANTS.items():
            (row,) = await self.house.rows(query)
            assert row[0] == 0, name
        assert await differences(self.house) == []
        lost = await self.house.rows(
            "SELECT u.id FROM users AS u WHERE NOT EXISTS (SELECT FROM identities WHERE user_id ="
            " u.id) AND NOT EXISTS (SELECT FROM event_registrations WHERE user_id = u.id)"
        )
        assert lost == [], "a person with nothing at all"


def platforms(found: Sequence[NoticeToPersonAnswer]) -> list[Platform]:
    """Where these are told, sorted."""
    assert all(answer.recipient for answer in found), "somebody is told nothing"
    return sorted(answer.recipient.address.platform for answer in found if answer.recipient)


async def at_once(house: QuietHouse, table: str, *work: Awaitable[Any]) -> list[Any]:
    """Let all of them look, and write only when each has come to this table or waits for another.

    In the order in which they are given.
    """
    holder = await asyncpg.connect(house.database_url)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
    tasks: list[asyncio.Future[Any]] = []
    try:
        async with holder.transaction():
            await holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            for one in work:
                tasks.append(asyncio.ensure_future(one))
                wanted = len(tasks)

                async def all_wait(count: int = wanted) -> bool:
                    return bool(await holder.fetchval(waiting) >= count)

                await until(all_wait)
    finally:
        await holder.close()
    return list(await asyncio.gather(*tasks))


async def until(fact: Any) -> None:
    """Until it is so."""
    async with asyncio.timeout(20):
        while not await fact():
            await asyncio.sleep(0.01)
