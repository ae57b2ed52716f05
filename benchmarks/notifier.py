"""The notifier: how much of a limit it uses, that it never breaks it, and what a message costs."""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import nats

from benchmarks.results import Comparison
from benchmarks.windows import chart, peak, quantile, steady_rate
from contracts import Address, Platform
from contracts.topology import ring
from devstack.installation import DEMO_VALUES
from devstack.notifier_rig import NotifierRig
from runtime.provision import provision
from runtime.testing import NatsServer
from tests.chaos.notifier_outbox import ACCOUNTS, Call, Outbox

LIMITS: dict[Platform, int] = {"telegram": 30, "whatsapp": 80}
"""Per second; what the platforms allow and the simulator enforces to the letter."""
RING_LIMITS = (30, 80, 1000)
PROCESSES = (1, 2, 4)
RING_SECONDS = 10.0
MEBIBYTE = 2**20
SETTLING_SECONDS = 3.0
"""Before it is counted: processes connect, and the first window is handed out at once."""
SENDING_SECONDS = 25.0
STOCK_SECONDS = 15.0
"""So much still waits when the counting ends. A dead process's lanes come to another one after
their ack wait of 5 s; a broadcast that is fed has enough in the other lanes meanwhile, and what is
asked is how much of the limit is used while there is something to send."""
SENDING_SECONDS_MAX = 120.0
KILLS_EVERY_SECONDS = 7.0
REPLIES_PER_SECOND = 5.0
BROADCAST_SECONDS = 30.0
FLOOD_SECONDS = 15.0
BARE_MESSAGES = 220
ANSWERED_POLL_SECONDS = 1.0
"""A look is a call that names every message so far."""
USE_AIM = 0.97
"""0.95 is wanted at least."""
AS_IN_PRODUCTION = {
    "TURNOUT_TEST": "0",
    "TELEGRAM_PER_SECOND": str(LIMITS["telegram"]),
    "WHATSAPP_PER_SECOND": str(LIMITS["whatsapp"]),
}
UNTOLD = {"WHATSAPP_CALLBACK_URL": ""}
"""Nobody hears the webhooks of this simulator."""


async def run() -> list[Comparison]:
    """Everything, within about eight minutes; charts go to the screen, one column a second."""
    comparisons = await _rings()
    async with (
        NotifierRig(replicas=max(PROCESSES), environment=AS_IN_PRODUCTION, platforms=UNTOLD) as rig,
        Outbox(rig.nats_url, rig.simulator_url) as outbox,
    ):
        for processes in sorted(PROCESSES, reverse=True):
            for number in range(processes + 1, max(PROCESSES) + 1):
                await rig.kill(number)
            comparisons += await _sent(rig, outbox, processes)
        comparisons += await _cost(rig, outbox)
        comparisons += await _beside_a_broadcast(outbox)
        comparisons += await _beside_replies(outbox)
    return comparisons


async def _rings() -> list[Comparison]:
    """The ring alone: nothing is sent, permits are only taken."""
    found = []
    for limit in RING_LIMITS:
        for processes in PROCESSES:
            times = await _taken(limit, processes)
            begins = min(times) + SETTLING_SECONDS
            used = Comparison(
                f"the ring alone at {limit:,}/s, {processes} processes; "
                f"most in any second {peak(times)}",
                "permits/s",
                "the limit",
                aim=USE_AIM,
            )
            used.ours.append(steady_rate(times, begins, limit))
            used.yardstick.append(float(limit))
            found.append(used)
    return found


async def _taken(limit: int, processes: int) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="turnout-bench-") as folder:
        server = NatsServer(Path(folder))
        server.start()
        try:
            client = await nats.connect(server.url)
            account = ACCOUNTS["telegram"]
            await provision(client.jetstream(), [ring("telegram", account, limit)])
            await client.close()
            workers = [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "benchmarks.permit_worker"),
                    *(server.url, account, str(limit)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=MEBIBYTE,
                )
                for _ in range(processes)
            ]
            for worker in workers:
                assert worker.stdout is not None
                await worker.stdout.readline()
            until = f"{time.monotonic() + SETTLING_SECONDS + RING_SECONDS}\n".encode()
            said = await asyncio.gather(*(worker.communicate(until) for worker in workers))
        finally:
            server.kill()
    return sorted(at for out, _ in said for at in json.loads(out.splitlines()[-1]))


@dataclass
class _Kills:
    """One process after the other dies and is started again, never two at a time."""

    rig: NotifierRig
    processes: int
    count: int = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(KILLS_EVERY_SECONDS)
            number = self.count % self.processes + 1
            self.count += 1
            await self.rig.kill(number)
            await self.rig.start(number)


async def _sent(rig: NotifierRig, outbox: Outbox, processes: int) -> list[Comparison]:
    """Both accounts at their limits at once; with several processes one dies now and then."""
    await outbox.begin()
    for platform, limit in LIMITS.items():
        count = int(limit * (SENDING_SECONDS + STOCK_SECONDS))
        # Far from the limits of one chat, which are another matter.
        people = await outbox.people(platform, count if platform == "telegram" else count // 8)
        await outbox.put(people, count, "bulk")
    kills = _Kills(rig, processes)
    async with _during(kills) if processes > 1 else nullcontext():
        await outbox.empty(SENDING_SECONDS_MAX)
    calls, stats = await outbox.calls(), await outbox.stats()
    return [
        _use(platform, limit, processes, kills.count, calls, stats[platform])
        for platform, limit in LIMITS.items()
    ]


def _use(
    platform: str,
    limit: int,
    processes: int,
    kills: int,
    calls: Sequence[Call],
    stats: dict[str, object],
) -> Comparison:
    times = [call.at for call in calls if call.platform == platform and call.accepted]
    # From the settling on, and while there was enough to do.
    busy, begins = times[: -int(limit * STOCK_SECONDS)], times[0] + SETTLING_SECONDS
    sys.stdout.write(f"{platform:9} {processes} processes  {chart(times, limit)}\n")
    used = Comparison(
        f"notifier: {platform} at {limit}/s, {processes} processes, {kills} killed; "
        f"refused as too fast {stats['over_limit']}, "
        f"most in any second {stats['peak_per_second']}",
        "messages/s",
        "the limit",
        aim=USE_AIM,
    )
    used.ours.append(steady_rate(busy, begins, limit))
    used.yardstick.append(float(limit))
    return used


@asynccontextmanager
async def _during(kills: _Kills) -> AsyncIterator[None]:
    task = asyncio.create_task(kills.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(
            *(
                kills.rig.start(number)
                for number in range(1, kills.processes + 1)
                if not kills.rig.alive(number)
            )
        )


async def _cost(rig: NotifierRig, outbox: Outbox) -> list[Comparison]:
    """Processor time per message of one notifier, beside the platform's library alone."""
    found = []
    bare = await _bare(rig, outbox)
    for platform, limit in LIMITS.items():
        await outbox.begin()
        count = limit * 10
        people = await outbox.people(platform, count // (1 if platform == "telegram" else 8))
        before = rig.processor_seconds()
        await outbox.put(people, count, "reply")
        await outbox.empty(SENDING_SECONDS_MAX)
        cost = Comparison(
            f"notifier: processor time per {platform} message, ledger, permits and result included",
            "ms",
            "aiogram alone" if platform == "telegram" else "pywa alone",
        )
        cost.ours.append((rig.processor_seconds() - before) / count * 1000)
        cost.yardstick.append(bare[platform] * 1000)
        found.append(cost)
    return found


async def _bare(rig: NotifierRig, outbox: Outbox) -> dict[str, float]:
    await outbox.begin()
    people: dict[str, list[str]] = {
        platform: [each.chat_id for each in await outbox.people(platform, BARE_MESSAGES)]
        for platform in LIMITS
    }
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bare_sender", rig.simulator_url),
        *(DEMO_VALUES["TELEGRAM_TOKEN"], ACCOUNTS["whatsapp"], DEMO_VALUES["WHATSAPP_TOKEN"]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await worker.communicate(json.dumps(people).encode())
    seconds: dict[str, float] = json.loads(out.splitlines()[-1])
    return seconds


async def _beside_a_broadcast(outbox: Outbox) -> list[Comparison]:
    """Replies while as much of a broadcast waits as is ever let into the stream: a minute's."""
    alone = await _replies(outbox, broadcast=False)
    beside = await _replies(outbox, broadcast=True)
    found = []
    for share, wanted_seconds in ((0.95, 1.0), (0.99, 3.0)):
        for name, waits, than, others in (
            ("nobody else is written to", beside, "alone", alone),
            (f"at most {wanted_seconds:.0f} s", beside, "wanted", [wanted_seconds]),
        ):
            compared = Comparison(
                f"notifier: a reply beside a broadcast, p{share * 100:.0f}, from the stream "
                f"to the platform ({name})",
                "s",
                than,
                aim=1.0 if than == "wanted" else None,
            )
            compared.ours.append(quantile(waits, share))
            compared.yardstick.append(quantile(others, share))
            found.append(compared)
    return found


async def _replies(outbox: Outbox, *, broadcast: bool) -> list[float]:
    await outbox.begin()
    limit = LIMITS["telegram"]
    if broadcast:
        crowd = await outbox.people("telegram", limit * 60)
        await outbox.put(crowd, len(crowd), "bulk")
    talking = await outbox.people("telegram", int(REPLIES_PER_SECOND * BROADCAST_SECONDS))
    said: dict[str, float] = {}
    begins = time.time()
    for number, person in enumerate(talking):
        await asyncio.sleep(max(begins + number / REPLIES_PER_SECOND - time.time(), 0))
        said[f"reply {number}"] = time.time()
        await outbox.say(person, "reply", f"reply {number}")
    await _answered(outbox, said)
    heard = {call.text: call.at for call in await outbox.calls() if call.accepted}
    await outbox.jetstream.purge_stream("BULK")
    await outbox.empty(SENDING_SECONDS_MAX)
    return [heard[text] - at for text, at in said.items()]


async def _answered(outbox: Outbox, said: dict[str, float]) -> None:
    async with asyncio.timeout(SENDING_SECONDS_MAX):
        while not said.keys() <= {call.text for call in await outbox.calls() if call.accepted}:
            await asyncio.sleep(ANSWERED_POLL_SECONDS)


async def _beside_replies(outbox: Outbox) -> list[Comparison]:
    """More replies than the limit allows, for as long as it is looked at, and a broadcast."""
    await outbox.begin()
    limit = LIMITS["telegram"]
    count = int(limit * FLOOD_SECONDS * 2)
    people: list[Address] = await outbox.people("telegram", count)
    await outbox.put(people, count, "bulk")
    await outbox.put(people, count, "reply", "reply")
    await asyncio.sleep(FLOOD_SECONDS)
    calls = [call for call in await outbox.calls() if call.accepted]
    await asyncio.gather(*(outbox.jetstream.purge_stream(name) for name in ("OUTBOUND", "BULK")))
    share = Comparison(
        "notifier: a broadcast's part of the limit under a flood of replies",
        "of all",
        "a tenth",
        aim=1.0,
    )
    share.ours.append(statistics.fmean(call.text.startswith("bulk") for call in calls))
    share.yardstick.append(0.1)
    return [share]
