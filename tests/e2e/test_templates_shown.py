"""WhatsApp's templates in a running installation."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from devstack.house import INHERITED, House

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS_MAX = 60.0


async def templates(house: House, *arguments: str) -> tuple[int, str]:
    """`./task templates` beside the running demo."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    here = {"TURNOUT_HOME": str(house.home), "TURNOUT_PORT_BASE": str(house.ports.base)}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devstack.templates", *arguments),
        env=kept | here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(child.communicate(), SECONDS_MAX)
    assert child.returncode is not None
    return child.returncode, output.decode()


async def test_the_demo_has_our_templates_and_the_command_says_what_is_wrong_with_one(
    house: House,
) -> None:
    code, shown = await templates(house, "status", "--json")
    (account,) = json.loads(shown)["accounts"]
    assert code == 0
    assert {one["status"] for one in account["templates"]} == {"approved"}
    change: dict[str, Any] = {"name": "seat_offer", "language": "ru", "status": "paused"}
    async with httpx.AsyncClient(base_url=house.simulator, timeout=15) as http:
        (await http.patch("/sim/templates", json=change)).raise_for_status()
        try:
            code, shown = await templates(house)
            assert (code, "seat_offer" in shown, "paused" in shown) == (1, True, True)
        finally:
            await http.patch("/sim/templates", json=change | {"status": "approved"})


async def test_the_notifier_knows_what_may_be_sent(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.ports.url("notifier"), timeout=15) as notifier:
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            (known,) = (await notifier.get("/health")).json()["templates"].values()
            if known["synced_at"] and known["not_approved"] == []:
                break
            assert time.monotonic() < deadline, known
            await asyncio.sleep(0.1)
