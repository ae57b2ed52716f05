"""Everything that people, organisers and time do to twenty events, all at once, until stopped."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import asyncpg
import nats
from nats.aio.msg import Msg

from contracts import SendDueReminders, SweepInvariants, TendEvents
from tests.chaos.registry_crowd import Crowd
from tests.chaos.registry_desk import Desk
from tests.chaos.registry_scene import Scene
from tests.chaos.registry_soak_desk import act_as_organiser
from tests.chaos.registry_soak_people import act_as_person

VISITORS = 24
VISITOR_PAUSE_SECONDS_MAX = 0.15
"""Between two acts: the soak is about mixture, not about the highest rate."""
ORGANISER_PAUSE_SECONDS_MAX = 0.3
TICK_SECONDS = 2.0
CLOCK_SECONDS = 1.0

Act = Callable[[], Awaitable[None]]


class Soak:
    """All actors of one run."""

    def __init__(
        self,
        *,
        crowd: Crowd,
        desk: Desk,
        database_url: str,
        nats_url: str,
        clock: Path,
        hours_per_second: float,
        seed: int,
    ) -> None:
        """What it plays with.

        Args:
            crowd: publishes the commands.
            desk: changes the events.
            database_url: where people prove their addresses.
            nats_url: where notices of offers are heard.
            clock: the file by which business time is turned.
            hours_per_second: how fast it passes, so that offers run out and events begin.
            seed: the same acts for the same seed, as far as their answers come in one order.
        """
        self._scene = Scene(crowd, desk, random.Random(seed))
        self._crowd = crowd
        self._database_url, self._nats_url = database_url, nats_url
        self._clock, self._hours_per_second = clock, hours_per_second
        self._stopping = asyncio.Event()

    async def run(self, seconds: float) -> None:
        """Let everybody act for so long; returns when all of them have their answers.

        Raises:
            ExceptionGroup: an actor failed.
        """
        await self._scene.open()
        broker = await nats.connect(self._nats_url)
        await broker.subscribe("notice.due", cb=self._notice)
        try:
            async with asyncio.TaskGroup() as together:
                for _ in range(VISITORS):
                    together.create_task(self._repeat(act_as_person, VISITOR_PAUSE_SECONDS_MAX))
                together.create_task(self._repeat(act_as_organiser, ORGANISER_PAUSE_SECONDS_MAX))
                together.create_task(self._every(TICK_SECONDS, self._tick))
                together.create_task(self._every(CLOCK_SECONDS, self._turn_clock))
                together.create_task(self._every(CLOCK_SECONDS, self._prove_addresses))
                await asyncio.sleep(seconds)
                self._stopping.set()
        finally:
            await broker.close()
        # What is free by now is passed on, so that nobody waits beside a free seat.
        await self._crowd.settled()
        await self._tick()
        await self._crowd.settled()

    async def _repeat(
        self, act: Callable[[Scene], Awaitable[None]], pause_seconds_max: float
    ) -> None:
        while not self._stopping.is_set():
            await act(self._scene)
            await asyncio.sleep(self._scene.chance.uniform(0, pause_seconds_max))

    async def _every(self, seconds: float, act: Act) -> None:
        while not self._stopping.is_set():
            await act()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _tick(self) -> None:
        for kind in (TendEvents, SendDueReminders, SweepInvariants):
            await self._crowd.send(self._crowd.make(kind, "tick", due_at=self._crowd.now()))

    async def _turn_clock(self) -> None:
        self._crowd.offset_seconds += self._hours_per_second * CLOCK_SECONDS * 3600
        # Moved into its place: a registry must never read half of it.
        beside = self._clock.with_suffix(".new")
        beside.write_text(json.dumps({"offset_seconds": self._crowd.offset_seconds}))
        beside.replace(self._clock)

    async def _notice(self, message: Msg) -> None:
        notice = json.loads(message.data)
        if notice["kind"] == "seat-offered":
            offer = (UUID(notice["registration_id"]), UUID(notice["event_id"]))
            self._scene.offered.append(offer)

    async def _prove_addresses(self) -> None:
        """People on Telegram prove an address: what linking will do, done to the table.

        One row at a time, so that this test takes part in no deadlock.
        """
        connection = await asyncpg.connect(self._database_url)
        try:
            for row in await connection.fetch(
                "SELECT id, telegram_id FROM users WHERE email IS NULL AND telegram_id IS NOT NULL"
            ):
                await connection.execute(
                    "UPDATE users SET email = $2 WHERE id = $1",
                    row["id"],
                    f"{row['telegram_id']}@example.com",
                )
        finally:
            await connection.close()
