"""What people are told about themselves: whom it goes to, as of now."""

from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import FindNoticeToPerson, NoticeToPersonAnswer
from registry.database import Database
from registry.link_store import find_link_notice
from registry.proof_codes import ProofCodes
from registry.proof_store import find_code
from registry.queries import read
from runtime.clock import Clock


class PersonQueries:
    """Reads for what is said to people about themselves. Nothing here writes."""

    def __init__(
        self, *, database: Database, clock: Clock, codes: ProofCodes, proof_by_email: bool
    ) -> None:
        self._database = database
        self._clock = clock
        self._codes = codes
        self._proof_by_email = proof_by_email

    async def find_notice_to_person(self, query: FindNoticeToPerson) -> NoticeToPersonAnswer:
        """Who is to be told this, if it is still true."""
        return await read(self._database, partial(self._find, query, self._clock.now()))

    async def _find(
        self, query: FindNoticeToPerson, now: datetime, connection: AsyncConnection
    ) -> NoticeToPersonAnswer:
        match query.kind:
            case "code":
                return await find_code(
                    connection, query.about, now, self._codes, by_email=self._proof_by_email
                )
            case "joined" | "parted":
                return await find_link_notice(connection, query)
