"""A chat of the running chain, written down without its person and replayed."""

import asyncio
import sys
from pathlib import Path

import pytest

from devstack.house import House
from tests.e2e.people import Organiser, Platform, Simulator, registers
from tests.e2e.test_stories import unique

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def replay(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "conversation.replay", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.parametrize("platform", ["telegram", "whatsapp"])
async def test_a_recorded_chat_is_answered_again_as_it_was(
    platform: Platform, house: House, simulator: Simulator, organiser: Organiser, tmp_path: Path
) -> None:
    # Longer than a button of WhatsApp may be.
    await organiser.publishes(title := unique("A talk on long titles and short buttons"))
    mary = await simulator.person(platform, name="Mary Jones")
    await registers(mary, title[:15])
    await mary.taps("My registrations")
    await mary.hears()
    await mary.says("what now?")
    await mary.hears()
    transcript = tmp_path / "mary.yaml"
    await replay(
        *("--record", f"{platform}/{mary.id}", str(transcript)),
        *("--simulator", house.simulator, "--registry", house.registry),
    )
    assert "Jones" not in transcript.read_text()
    assert mary.id not in transcript.read_text()
    assert "as it was" in await replay(str(transcript))
