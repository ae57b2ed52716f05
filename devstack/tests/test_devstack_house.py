"""The whole installation, seen from outside."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest

from devstack.house import House
from devstack.ports import is_free
from devstack.quiet import what_waits

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(home=tmp_path, restart=False) as house:
        yield house


async def until_gone(pids: list[int], seconds_max: float = 30) -> None:
    deadline = time.monotonic() + seconds_max
    while any(psutil.pid_exists(pid) for pid in pids):
        assert time.monotonic() < deadline, "some process was left"
        await asyncio.sleep(0.05)


async def test_the_house_survives_an_unclean_end_and_leaves_nothing_after_a_clean_one(
    tmp_path: Path,
) -> None:
    first = House(home=tmp_path, replicas={"notifier": 2})
    await first.open()
    state = first.state()
    assert state["ready"]
    listed = {(p["name"], p["replica"]): p["port"] for p in state["processes"]}
    assert listed["gateway", 1] == first.ports.of("gateway")
    assert listed["notifier", 2] not in {first.ports.of(name) for name in first.ports.offsets}
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{first.registry}/api/events", headers=first.admin)
    assert answer.status_code == 200, answer.text
    assert "INBOUND" in await first.quiet()

    os.kill(state["supervisor"], signal.SIGKILL)
    await first.stop()

    async with House(home=tmp_path) as second:
        ports = [p["port"] for p in second.state()["processes"]]
        pids = [p["pid"] for p in second.state()["processes"]]
    assert [psutil.Process(pid).name() for pid in pids if psutil.pid_exists(pid)] == []
    assert all(is_free(port) for port in ports)
    assert second.state()["processes"] == []


async def test_a_killed_process_stays_dead_until_it_is_started(house: House) -> None:
    await house.kill("gateway")
    assert house.pid("gateway") is None
    with pytest.raises(LookupError):
        await house.kill("gateway")
    await house.start("gateway")
    assert house.pid("gateway") is not None
    before = house.pid("gateway")
    await house.restart("gateway")
    assert house.pid("gateway") != before


def test_what_waits_is_named() -> None:
    consumer = {"name": "conversation-inbound-7", "num_pending": 2, "num_ack_pending": 1}
    streams = [
        {"name": "INBOUND", "state": {"last_seq": 9}, "consumer_detail": [consumer]},
        {"name": "RING_telegram_1", "state": {"last_seq": 25}, "consumer_detail": [consumer]},
        {"name": "KV_fsm", "state": {"last_seq": 4}},
    ]
    jetstream = {"account_details": [{"stream_detail": streams}]}
    stats = {"telegram": {"webhooks": {"pending": 1}}, "whatsapp": {"webhooks": {"pending": 0}}}
    assert what_waits(stats, jetstream) == (
        "webhooks 1, conversation-inbound-7 3",
        {"INBOUND": 9},
    )
