"""`./task webhooks` beside a running demo."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.house import INHERITED, House
from devstack.installation import DEMO_VALUES

pytestmark = pytest.mark.timeout(240)
ADMIN = "424242"


async def webhooks(*arguments: str, **environment: str) -> tuple[int, str]:
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devstack.webhooks", *arguments),
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode is not None
    return child.returncode, output.decode()


def here(house: House) -> Mapping[str, str]:
    return {"TURNOUT_HOME": str(house.home), "TURNOUT_PORT_BASE": str(house.ports.base)}


def callbacks(shown: str) -> dict[str, Any]:
    return {each["platform"]: each["facts"] for each in json.loads(shown)["accounts"]}


async def until_told(http: httpx.AsyncClient, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in (chat := (await http.get(f"/sim/people/telegram/{ADMIN}/chat")).text):
        assert time.monotonic() < deadline, f"was not told {words!r}: {chat}"
        await asyncio.sleep(0.1)


async def test_the_admin_reads_on_the_phone_what_is_wrong_and_when_it_is_over(
    tmp_path: Path,
) -> None:
    told = {"ADMIN_TELEGRAM_CHAT": ADMIN, "WEBHOOK_CHECK_SECONDS": "1"}
    async with (
        House(home=tmp_path, environment=told) as house,
        httpx.AsyncClient(base_url=house.simulator, timeout=20) as http,
    ):
        await http.post("/sim/people", json={"platform": "telegram", "id": ADMIN})
        await http.post(f"/sim/people/telegram/{ADMIN}/say", json={"text": "/start"})
        await until_told(http, '"from":"bot"')
        elsewhere = {"url": "https://elsewhere.example.org/hook"}
        method = f"/bot{DEMO_VALUES['TELEGRAM_TOKEN']}/setWebhook"
        async with asyncio.timeout(30):  # it is taken once a second
            while (await http.post(method, json=elsewhere)).status_code != 200:
                await asyncio.sleep(0.1)
        await until_told(http, "Telegram sends to another address than ours.")

        code, said = await webhooks("repair", **here(house))

        assert code == 0, said
        await until_told(http, "in order again. It was: Telegram sends to another address")


async def test_the_demo_is_registered_and_again_after_the_simulator_was_away_and_never_mixed_up(
    tmp_path: Path,
) -> None:
    async with House(home=tmp_path) as house:
        code, said = await webhooks("--json", **here(house))
        assert code == 0, said
        facts = callbacks(said)
        assert facts["telegram"]["url"].startswith(f"{house.gateway}/telegram/")
        assert facts["whatsapp"]["the account's override"] == f"{house.gateway}/whatsapp"

        code, said = await webhooks(TELEGRAM_TOKEN="99:mine", **here(house))
        assert code == 2, "an account of one's own is never looked up at the demo's platforms"
        assert said.startswith("PUBLIC_URL is not set")

        before = house.pid("simulator")
        await house.kill("simulator")
        await house.ready("simulator", other_than=before)

        async with asyncio.timeout(30):
            while (await webhooks(**here(house)))[0] != 0:
                pass  # it is registered right after it is ready


async def test_without_a_demo_and_without_an_account_it_says_what_is_missing(
    tmp_path: Path,
) -> None:
    code, said = await webhooks(TURNOUT_HOME=str(tmp_path))
    assert code == 2
    assert said.startswith("There is no account to look at")
