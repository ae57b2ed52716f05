"""Ten minutes of everything at once: no deadlock, no unhandled error, no drift."""

import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path

import asyncpg
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from devstack.installation import clock_file
from devstack.rig import RegistryRig
from tests.chaos.registry_crowd import Crowd
from tests.chaos.registry_desk import Desk
from tests.chaos.registry_judge import deadlocks, judge_registry
from tests.chaos.registry_replay import replay_drift
from tests.chaos.registry_soak import Soak

REPORT_SECONDS = 30.0
ERRORS = ('"level": "error"', '"level":"error"', "Traceback")
RESULTS = """
SELECT command || ': ' || coalesce(outcome->'result'->>'kind', '?') || coalesce(
    ' (' || (outcome->'result'->>'reason') || ')', ''
) AS result, count(*) FROM handled_commands GROUP BY 1 ORDER BY 1
"""
PLAYED = (
    "accept-offer: seat-claimed",
    "accept-offer: offer-refused (expired)",
    "accept-transfer: seat-transferred",
    "add-registration: registration-written",
    "cancel-event: event-written",
    "change-event: event-written",
    "check-in: checked-in",
    "drop-transfer: transfer-dropped",
    "move-registration: registration-written",
    "pass-on-seats: seats-passed-on",
    "undo-check-in: registration-written",
)
"""What ten minutes must have seen, or they have shown less than they say."""


async def soak(*, seconds: float, processes: int, hours_per_second: float, seed: int) -> set[str]:
    """One run; what became of which commands."""
    seed = int(os.environ.get("PROOF_SEED", seed))
    async with (
        RegistryRig(processes=processes) as rig,
        Crowd(rig.nats_url) as crowd,
        Desk(rig.url(1), rig.admin) as desk,
    ):
        played = Soak(
            crowd=crowd,
            desk=desk,
            database_url=rig.database_url,
            nats_url=rig.nats_url,
            clock=clock_file(rig.home / "run"),
            hours_per_second=hours_per_second,
            seed=seed,
        )
        async with asyncio.TaskGroup() as together:
            watching = together.create_task(watch(crowd, rig))
            await played.run(seconds)
            watching.cancel()
        verdict = await judge_registry(rig.nats_url, rig.database_url, crowd)
        results = await became(rig.database_url)
        complaints = errors(rig.home / "log")
        stuck = await deadlocks(rig.database_url)
        swept = await sweep(rig.database_url)
        endings = await measured(rig.urls)
        drift = await replay_drift(rig.database_url)
        lines = [f"{count:6} {result}" for result, count in [*results.items(), *endings.items()]]
        sys.stdout.write("\n".join(["", *lines, f"PROOF_SEED={seed}, {verdict.notes}", swept, ""]))
        assert not verdict.faults, verdict
        assert stuck == 0, f"{stuck} deadlocks"
        assert not complaints, complaints[:5]
        assert not drift, drift[:5]
        assert endings.keys().isdisjoint(("bug", "dead", "taken apart")), endings
        return set(results)


async def watch(crowd: Crowd, rig: RegistryRig) -> None:
    """A line every half minute, and no waiting for the end once something has failed."""
    started = time.monotonic()
    while True:
        await asyncio.sleep(REPORT_SECONDS)
        sys.stdout.write(
            f"\n{time.monotonic() - started:.0f} s: {len(crowd.sent)} commands, "
            f"{len(crowd.unanswered)} on their way, "
            f"{await deadlocks(rig.database_url)} deadlocks, "
            f"business time +{crowd.offset_seconds / 3600:.0f} h"
        )
        assert not (complaints := errors(rig.home / "log")), complaints[:5]


async def became(database_url: str) -> Counter[str]:
    """How often each kind of command ended in which way."""
    connection = await asyncpg.connect(database_url)
    try:
        return Counter({row["result"]: row["count"] for row in await connection.fetch(RESULTS)})
    finally:
        await connection.close()


async def sweep(database_url: str) -> str:
    """What the registry's own look at its invariants says; it must find nothing."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "registry.sweep"),
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def measured(urls: list[str]) -> Counter[str]:
    """How the processes' messages ended, and how many batches failed as a whole."""
    found: Counter[str] = Counter()
    async with httpx.AsyncClient(trust_env=False) as http:
        for url in urls:
            page = (await http.get(f"{url}/metrics")).raise_for_status().text
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    if sample.name == "turnout_messages_handled_total":
                        found[sample.labels["ending"]] += int(sample.value)
                    if sample.name == "turnout_batches_taken_apart_total":
                        found["taken apart"] += int(sample.value)
    assert found["done"], "the metrics are gone"
    return found


def errors(logs: Path) -> list[str]:
    """Every line of a registry's log that says something failed."""
    return [
        line
        for log in sorted(logs.glob("registry*.log"))
        for line in log.read_text(errors="replace").splitlines()
        if any(word in line for word in ERRORS)
    ]


@pytest.mark.timeout(90)
async def test_a_mixture_of_everything_ends_without_a_deadlock_an_error_or_drift() -> None:
    await soak(seconds=10, processes=2, hours_per_second=2.0, seed=1)


@pytest.mark.long
async def test_long_registry_soak() -> None:
    results = await soak(seconds=600, processes=3, hours_per_second=0.25, seed=2)
    assert not (missing := set(PLAYED) - results), f"never happened: {missing}"
