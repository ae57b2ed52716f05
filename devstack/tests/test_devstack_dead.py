"""`./task dead` beside a running demo, and where none runs."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import nats
import pytest

from devstack.house import INHERITED, House
from runtime.testing import free_port

pytestmark = pytest.mark.timeout(240)


async def dead(home: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devstack.dead", *arguments),
        env=kept | {"TURNOUT_HOME": str(home)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode is not None
    return child.returncode, output.decode()


async def test_it_is_about_the_demo_that_runs_here(tmp_path: Path) -> None:
    async with House(home=tmp_path) as house:
        here = {"TURNOUT_PORT_BASE": str(house.ports.base)}
        assert await dead(tmp_path, "list", **here) == (0, "no dead letters\n")
        client = await nats.connect(house.nats_url)
        await client.jetstream().publish("in.telegram.nobody", b"{}")
        async with asyncio.timeout(30):
            while "1 dead letter\n" not in (said := (await dead(tmp_path, "list", **here))[1]):
                pass
        assert "conversation-inbound  unreadable:" in said
        # What nobody understands now is not understood a moment later; it has a new number.
        assert await dead(tmp_path, "redrive", "--all", **here) == (0, "1 sent again\n")
        async with asyncio.timeout(30):
            while (await dead(tmp_path, "show", "2", **here))[0] != 0:
                pass
        why = ("discard", "--subject", "inbound", "--because", "a test", "--yes")
        assert await dead(tmp_path, *why, **here) == (0, "1 discarded\n")
        assert await dead(tmp_path, "list", **here) == (0, "no dead letters\n")
        await client.close()


async def test_it_asks_the_broker_that_it_is_told_of(tmp_path: Path) -> None:
    where = f"127.0.0.1:{free_port()}"
    code, said = await dead(tmp_path, "list", NATS_URL=f"nats://{where}")
    assert code == 2
    assert said.startswith(f"NATS at {where} does not answer")
