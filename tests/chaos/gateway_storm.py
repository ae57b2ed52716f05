"""Many people who write, both platforms delivering by their own rules, and what they recorded."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from contracts.address import Platform
from contracts.topology import PLATFORMS
from devstack.gateway_rig import GatewayRig

TICK_SECONDS = 0.1
IN_A_ROW_SHARE = 0.2
IN_A_ROW = 3
"""Some write several things before they look up."""
SURNAME = "Winterbottom"
"""In every name, so that one in a log is found."""
SECRET_WORD = "quetzalcoatl"
POLL_SECONDS = 0.1
JOIN_AT_ONCE = 50
RSS_SAMPLE_SECONDS = 0.5
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Said:
    """One message of one person; `n` is its place among all that was said."""

    n: int
    platform: Platform
    person: str

    @property
    def text(self) -> str:
        """What stands in the message; no two are alike."""
        return f"{SECRET_WORD} {self.n}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST of the ledger, by its message."""

    n: int
    platform: Platform
    at: float
    """Unix seconds of real time."""
    outcome: str
    """The status, or in words why there was none."""


@dataclass
class Storm:
    """A crowd in the simulator. `async with Storm(rig, people=300) as storm`."""

    rig: GatewayRig
    people: int
    """On each platform."""
    chance: random.Random
    said: list[Said] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    is_over: bool = False
    """Set to end `rage` after its tick."""
    _crowd: dict[Platform, list[str]] = field(default_factory=lambda: defaultdict(list))
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(
            base_url=self.rig.simulator_url, timeout=30.0, trust_env=False, verify=False
        )
        for platform in PLATFORMS:
            for first in range(0, self.people, JOIN_AT_ONCE):
                numbers = range(first, min(first + JOIN_AT_ONCE, self.people))
                await asyncio.gather(
                    *(self._join(platform, f"Ann{number} {SURNAME}") for number in numbers)
                )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def _join(self, platform: Platform, name: str) -> None:
        answer = await self._http.post("/sim/people", json={"platform": platform, "name": name})
        person = answer.raise_for_status().json()
        self._crowd[platform].append(str(person["id"]))
        self.phones += [str(person["phone"])] if person.get("phone") else []

    @property
    def words(self) -> dict[str, str]:
        """What of all this must be in no log."""
        return {
            "a message": SECRET_WORD,
            "a name": SURNAME,
            **{f"phone {number}": phone for number, phone in enumerate(self.phones)},
        }

    async def rage(self, *, per_second: float, seconds: float) -> None:
        """Say so much for so long, half of it on each platform."""
        loop = asyncio.get_running_loop()
        began, owed = loop.time(), 0.0
        for tick in itertools.count(1):
            owed += per_second * TICK_SECONDS
            batch: list[Said] = []
            while len(batch) + IN_A_ROW <= owed:
                batch += self._next()
            owed -= len(batch)
            await self._say(batch)
            if self.is_over or tick * TICK_SECONDS >= seconds:
                return
            # A fixed pace: what one tick is late the next ones make up for.
            await asyncio.sleep(max(0.0, began + tick * TICK_SECONDS - loop.time()))

    def _next(self) -> list[Said]:
        platform = self.chance.choice(PLATFORMS)
        person = self.chance.choice(self._crowd[platform])
        times = IN_A_ROW if self.chance.random() < IN_A_ROW_SHARE else 1
        return [Said(next(self._numbers), platform, person) for _ in range(times)]

    async def _say(self, batch: list[Said]) -> None:
        said = [{"platform": one.platform, "id": one.person, "text": one.text} for one in batch]
        (await self._http.post("/sim/people/say", json={"said": said})).raise_for_status()
        self.said += batch

    async def pending(self) -> dict[Platform, int]:
        """How much each platform still has to deliver."""
        stats = (await self._http.get("/sim/stats")).json()
        return {platform: stats[platform]["webhooks"]["pending"] for platform in PLATFORMS}

    async def delivered(self, seconds_max: float) -> None:
        """Wait until the platforms got rid of everything: what they still hold is not lost yet."""
        deadline = time.monotonic() + seconds_max
        while any((left := await self.pending()).values()):
            assert time.monotonic() < deadline, f"still with the platforms: {left}"
            await asyncio.sleep(POLL_SECONDS)

    async def attempts(self) -> list[Attempt]:
        """Every POST of a message, in the order of their answers."""
        query = {"direction": "webhook"}
        lines = (await self._http.get("/sim/ledger", params=query)).text.splitlines()
        found = []
        for entry in map(json.loads, lines):
            if (text := entry["text"]) and text.startswith(SECRET_WORD):
                n = int(text.rpartition(" ")[2])
                found.append(Attempt(n, entry["platform"], entry["real"], entry["outcome"]))
        return found


@dataclass
class Memory:
    """The memory of a gateway over time; `async with Memory(rig)` watches."""

    rig: GatewayRig
    peak_bytes: int = 0

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching

    async def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, self.rig.resident_bytes())
            await asyncio.sleep(RSS_SAMPLE_SECONDS)

    @property
    def peak_mebibytes(self) -> float:
        """The most that was seen."""
        return self.peak_bytes / MEBIBYTE


def outcomes(attempts: list[Attempt]) -> dict[str, Counter[str]]:
    """How many POSTs ended how, by platform."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in attempts:
        counted[one.platform][one.outcome] += 1
    return dict(counted)


def refused(attempts: list[Attempt]) -> set[int]:
    """Messages that were refused at least once."""
    return {one.n for one in attempts if one.outcome != "200"}
