"""Chats that ask for codes and type them, and what is known of the codes."""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from registry_commands import new
from registry_house import CODES, QuietHouse

from contracts import (
    Address,
    CodeRefused,
    EmailProven,
    FindNoticeToPerson,
    NoticeToPersonAnswer,
    NoticeToPersonDue,
    ProveEmail,
    RequestCode,
    Sender,
    derived_id,
)
from registry.handlers import Handlers
from registry.person_queries import PersonQueries
from registry.proof_results import CodeRequested
from registry.results import Stored

MINUTE = timedelta(minutes=1)


class ProofHouse:
    """The registry, and people who have to show that they read an address."""

    def __init__(self, house: QuietHouse, *, by_email: bool = True) -> None:
        self.house = house
        if by_email:
            house.ask_for_proof()
        self._queries = PersonQueries(
            database=house.databases[0], clock=house.clock, codes=CODES, proof_by_email=by_email
        )

    def wish(
        self, chat: Address, email: str, by: Literal["email", "messenger"] = "email"
    ) -> RequestCode:
        return RequestCode(**self._now(), chat=chat, email=email, by=by, language="en")

    def typed(self, address: Address, code: str) -> ProveEmail:
        said: dict[str, Any] = {"sender": Sender(), "language": "en", "name": "Ann Lee"}
        return ProveEmail(**self._now(), address=address, code=code, **said)

    def _now(self) -> dict[str, Any]:
        return new() | {"occurred_at": self.house.clock.now()}

    async def asks(
        self, chat: Address, email: str, by: Literal["email", "messenger"] = "email"
    ) -> str:
        """The digits of the code that would be sent, if anybody could read it."""
        wish = self.wish(chat, email, by)
        await self.house.carry_out(wish)
        return CODES.digits(derived_id(wish.id, "proof:0"))

    async def types(
        self, address: Address, code: str, handlers: Handlers | None = None
    ) -> EmailProven | CodeRefused:
        result = (await self.house.carry_out(self.typed(address, code), handlers)).result
        assert isinstance(result, EmailProven | CodeRefused)
        return result

    async def sent(self, stored: Stored) -> list[NoticeToPersonAnswer]:
        """Where the codes of a wish go to, as of now."""
        assert isinstance(stored.result, CodeRequested)
        dues = [NoticeToPersonDue.model_validate_json(said.body) for said in stored.messages]
        assert {due.kind for due in dues} <= {"code"}
        return [await self.found(due.about) for due in dues]

    async def found(self, proof_id: UUID) -> NoticeToPersonAnswer:
        """Where a code goes to, as of now."""
        query = FindNoticeToPerson(kind="code", about=proof_id, recipient=proof_id)
        return await self._queries.find_notice_to_person(query)

    async def tries(self) -> list[int]:
        """Counted at each code, the oldest first."""
        rows = await self.house.rows("SELECT tries FROM email_proofs ORDER BY created_at, id")
        return [row["tries"] for row in rows]

    async def proven(self) -> list[str]:
        """Every address that somebody has proven."""
        rows = await self.house.rows("SELECT email FROM users WHERE email IS NOT NULL ORDER BY 1")
        return [row["email"] for row in rows]


def wrong(code: str) -> str:
    """Another code than this one."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def refused(reason: Any, tries_left: int = 0) -> CodeRefused:
    return CodeRefused(reason=reason, tries_left=tries_left)
