"""The monitor queries of a run: no row of the database may ever be in an impossible state."""

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress

import asyncpg

LOOK_SECONDS = 3.0
"""Between two looks while a run goes on."""
CONNECT_SECONDS_MAX = 5.0
QUERY_SECONDS_MAX = 60.0
SAY_THE_QUERIES = (
    "import json; from registry.sweep import INVARIANTS; print(json.dumps(INVARIANTS))"
)
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""The database was just killed, or is starting."""


class ImpossibleState(AssertionError):
    """A monitor query found rows; the message says which, and how many."""


class Monitor:
    """From `begin` to `end` it asks the registry's monitor queries again and again.

    A database that is away is asked again later.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._queries: Mapping[str, str] = {}
        self.found: dict[str, int] = {}
        """What was impossible until now: the most rows of each query that ever found any."""
        self._looking: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Look from now on."""
        self._queries = await _queries()
        self._looking = asyncio.create_task(self._again_and_again())

    async def end(self) -> None:
        """Look for the last time; the database still lives.

        Raises:
            ImpossibleState: this look, or one before, has found something.
        """
        if self._looking is None:
            return
        self._looking.cancel()
        await asyncio.wait([self._looking])
        self._looking = None
        with suppress(*AWAY):
            await self._look()
        if self.found:
            raise ImpossibleState(f"rows in an impossible state: {self.found}")

    async def _look(self) -> None:
        connection = await asyncpg.connect(self._database_url, timeout=CONNECT_SECONDS_MAX)
        try:
            for name, query in self._queries.items():
                rows = await connection.fetchval(query, timeout=QUERY_SECONDS_MAX)
                if rows:
                    self.found[name] = max(rows, self.found.get(name, 0))
        finally:
            await connection.close(timeout=CONNECT_SECONDS_MAX)

    async def _again_and_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(*AWAY):
                await self._look()


async def _queries() -> Mapping[str, str]:
    """What the registry itself sweeps with, asked from outside."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SAY_THE_QUERIES), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, "the registry does not say its monitor queries"
    queries: dict[str, str] = json.loads(said)
    return queries
