"""`./task webhooks` beside a running demo."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devstack.house import INHERITED, House

pytestmark = pytest.mark.timeout(240)


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
