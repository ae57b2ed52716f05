"""The conversation: a step beside the bare minimum, among a million chats, and beside a flood."""

import asyncio
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil

from benchmarks.chats import Chats
from benchmarks.flood import FLOOD_MESSAGES, OTHERS, OTHERS_PER_SECOND, Crossing, p99
from benchmarks.results import Comparison, rounds
from benchmarks.stored_chats import store_chats
from benchmarks.waiting import Inbound
from contracts import InboundMessage
from contracts.topology import FSM
from devstack.conversation_rig import ConversationRig
from runtime.testing import NatsServer

ROUNDS = 7
SECONDS_MAX = 60.0
"""Per comparison; then no further round begins."""
CHATS = 1_000
STEPS = 2_000
"""Per round."""
WARM_UP_ROUNDS = 2
FLOOD_ROUNDS = 5
FLOOD_SECONDS_MAX = 90.0
CHATS_STORED = 1_000_000
"""Some 2 GB on the disk while it runs."""
BARE_CONSUMERS = {
    "benchmarks.bare_framed_worker": "FastStream, the frame of the house",
    "benchmarks.bare_worker": "nats-py alone",
}
AS_IN_PRODUCTION = {"TURNOUT_TEST": "0", "TURNOUT_CLOCK_FILE": ""}
"""No clock that a simulator turns, no planted faults."""
UNSLOWED = 1 / 1.2
"""Nothing takes more than 20 % longer."""


class Crowd:
    """People who write to one worker, in the same order on both sides."""

    def __init__(self, code: str, people: list[int]) -> None:
        self._chats = Chats(code)
        self._people = people
        self._chance = random.Random(1)  # noqa: S311 - the same people on both sides

    def says(self) -> list[InboundMessage]:
        """One round."""
        return [self._chats.say(self._chance.choice(self._people)) for _ in range(STEPS)]


async def open_event(rig: ConversationRig) -> str:
    """The code of an event with seats for everybody."""
    starts_at = datetime.now(UTC) + timedelta(days=30)
    async with httpx.AsyncClient(
        base_url=rig.registry.url(), headers=rig.registry.admin, trust_env=False
    ) as http:
        answer = await http.post(
            "/api/events",
            json={
                "title": "An Evening of Chamber Music",
                "description": "Schubert and Brahms, with a break of half an hour.",
                "starts_at": starts_at.isoformat(),
                "timezone": "Europe/Berlin",
                "location": "Konzerthaus, Gendarmenmarkt 1, Berlin",
                "max_participants": 100_000,
                "status": "published",
            },
        )
        code: str = answer.raise_for_status().json()["code"]
        return code


@asynccontextmanager
async def service() -> AsyncIterator[tuple[Inbound, str]]:
    """One conversation with a registry, and the code of an event."""
    async with ConversationRig(environment=AS_IN_PRODUCTION) as rig:
        code = await open_event(rig)
        pid = rig.pid()
        assert pid is not None
        async with Inbound(rig.nats_url, pid) as inbound:
            yield inbound, code


@asynccontextmanager
async def bare(document_bytes: int, message_bytes: int, *, module: str) -> AsyncIterator[Inbound]:
    """A yardstick, on a broker of its own."""
    with tempfile.TemporaryDirectory(prefix="turnout-bench-") as folder:
        server = NatsServer(Path(folder))
        server.start()
        provisioning = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "runtime.provision"),
            env={**os.environ, "NATS_URL": server.url},
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await provisioning.wait() == 0, "the streams could not be made"
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module),
            *(server.url, str(document_bytes), str(message_bytes)),
        )
        try:
            async with Inbound(server.url, worker.pid) as inbound:
                yield inbound
        finally:
            worker.kill()
            await worker.wait()
            server.kill()


async def mean_bytes(inbound: Inbound, stream: str) -> int:
    """How large a message of a stream is, its headers included."""
    state = (await inbound.jetstream.stream_info(stream)).state
    return state.bytes // state.messages


async def worker_megabytes(inbound: Inbound) -> float:
    """What the worker has in memory."""
    return psutil.Process(inbound.worker_pid).memory_info().rss / 2**20


async def run() -> list[Comparison]:
    """Everything, within six minutes."""
    async with AsyncExitStack() as stack:
        ours, code = await stack.enter_async_context(service())
        crowd = Crowd(code, list(range(CHATS)))
        for _ in range(WARM_UP_ROUNDS):
            await ours.rate(crowd.says())
        document_bytes = await mean_bytes(ours, f"KV_{FSM.name}")
        message_bytes = await mean_bytes(ours, "OUTBOUND")
        step = (
            f"conversation: a message that waits → a step → its answer in the stream "
            f"({document_bytes:,} B document), one worker"
        )
        rates = {}
        for module, consumer in BARE_CONSUMERS.items():
            yardstick = await stack.enter_async_context(
                bare(document_bytes, message_bytes, module=module)
            )
            for _ in range(WARM_UP_ROUNDS):
                await yardstick.rate(crowd.says())
            said_by = f"bare consume ({consumer}) + read and compare-and-set + acked publish"
            rates[yardstick] = Comparison(step, "steps/s", said_by, aim=0.5)
        for _ in rounds(ROUNDS, SECONDS_MAX):
            for yardstick, rate in rates.items():
                said = crowd.says()
                rate.ours.append(await ours.rate(said))
                rate.yardstick.append(await yardstick.rate(said))
        beside_many = await _many(ours, crowd)
    return [*rates.values(), *beside_many, *await _flooded()]


async def _many(few: Inbound, crowd: Crowd) -> list[Comparison]:
    """A thousand people talk where a million chats are stored, beside a thousand where nobody
    else ever did; everything else is alike.
    """
    async with service() as (many, code):
        await store_chats(few, many, CHATS_STORED)
        chance = random.Random(2)  # noqa: S311 - the same people in every run
        others = Crowd(code, chance.sample(range(CHATS, CHATS_STORED), CHATS))
        for _ in range(WARM_UP_ROUNDS):
            await many.rate(others.says())
        stored = f"with {CHATS_STORED:,} chats stored"
        rate = Comparison(
            f"conversation: a step {stored}", "steps/s", f"with {CHATS:,}", aim=UNSLOWED
        )
        for _ in rounds(ROUNDS, SECONDS_MAX):
            rate.ours.append(await many.rate(others.says()))
            rate.yardstick.append(await few.rate(crowd.says()))
        memory = Comparison(f"conversation: a worker's memory {stored}", "MB", f"with {CHATS:,}")
        memory.ours.append(await worker_megabytes(many))
        memory.yardstick.append(await worker_megabytes(few))
        return [rate, memory]


async def _flooded() -> list[Comparison]:
    """Over two replicas, as an installation has them; a ratio of at most 1.1 is wanted."""
    floods = {
        webhooks: Comparison(
            f"conversation: p99 of {OTHERS} chats at {OTHERS_PER_SECOND:.0f}/s while another one "
            f"says {FLOOD_MESSAGES:,} things {how}, two workers",
            "ms",
            "nobody floods",
        )
        for webhooks, how in ((True, "webhook after webhook"), (False, "at once"))
    }
    async with (
        ConversationRig(replicas=2) as rig,
        Crossing(rig.nats_url, await open_event(rig)) as crossing,
    ):
        for webhooks, comparison in floods.items():
            calm, flooded = [], []
            for _ in rounds(FLOOD_ROUNDS, FLOOD_SECONDS_MAX):
                calm.append(await crossing.phase(flood=False))
                flooded.append(await crossing.phase(flood=True, webhooks=webhooks))
            comparison.yardstick, comparison.ours = _pooled_p99(calm), _pooled_p99(flooded)
    return list(floods.values())


def _pooled_p99(phases: list[list[float]]) -> list[float]:
    """In milliseconds, over all phases but one each time: a p99 of one phase is five people's."""
    return [
        p99([waited for other in phases if other is not phase for waited in other]) * 1000
        for phase in phases
    ]
