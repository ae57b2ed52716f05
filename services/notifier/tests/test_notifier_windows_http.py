"""WhatsApp's window over HTTP: the simulator refuses as Meta does, some time after accepting."""

import asyncio
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import nats
import pytest
from notifier_house import PHONE_ID
from notifier_stage import Person, Stage, eventually, running, settings, simulator, submit_templates

from contracts import Address, Template

SPAN = timedelta(hours=26)
SKEWS = tuple(timedelta(minutes=minutes) for minutes in (-5, -2.5, 0, 2.5, 5))
TOO_LATE = timedelta(hours=3)
"""By so much the control tells a wrong time; no margin makes up for that."""
TOO_LATE_PEOPLE = 5
SOON = Template(name="event_soon", parameters=("PyCon", "at 18:00", "Hall 1"))
WAIT_SECONDS_MAX = 60.0


@pytest.fixture
def platforms_url() -> Iterator[str]:
    """A simulator of this test's own: its clock goes forward for good."""
    with simulator() as url:
        yield url


def ages(count: int) -> list[timedelta]:
    """How long ago people wrote, the longest first; half of them around the edge."""
    random_ = random.Random(7)
    hours = [
        random_.choice((random_.uniform(0.1, 25.9), random_.uniform(23.5, 24.3)))
        for _ in range(count)
    ]
    return [timedelta(hours=age) for age in sorted(hours, reverse=True)]


async def advance(stage: Stage, by: timedelta) -> timedelta:
    """Turn the platforms' clock; how far it is ahead then."""
    answer = await stage.platforms.post(
        "/sim/clock", json={"advance_seconds": max(by.total_seconds(), 0)}
    )
    return timedelta(seconds=answer.raise_for_status().json()["offset_seconds"])


async def people_who_wrote(stage: Stage, count: int) -> tuple[list[tuple[Person, datetime]], float]:
    """People, and when each of them wrote by the platform's clock; how far that is ahead now."""
    offset, written = timedelta(), []
    for age in ages(count):
        offset = await advance(stage, SPAN - age - offset)
        answer = await stage.platforms.post("/sim/people", json={"platform": "whatsapp"})
        chat_id = answer.json()["id"]
        address = Address(platform="whatsapp", account=PHONE_ID, chat_id=chat_id)
        person = Person(address, stage.platforms, f"/sim/people/whatsapp/{chat_id}")
        await person.does("say", text="/start")
        written.append((person, (datetime.now(UTC) + offset).replace(microsecond=0)))
    offset = await advance(stage, SPAN - offset)
    return written, offset.total_seconds()


async def codes(people: list[tuple[Person, datetime]]) -> list[tuple[int | None, bool]]:
    """What became of each person's message: an error's code, and whether it was the template."""
    found = []
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        for person, _ in people:
            while True:
                heard = await person.heard()
                if heard and heard[-1]["status"] in ("delivered", "failed"):
                    break
                await asyncio.sleep(0.05)
            found.append((heard[-1]["error_code"], heard[-1]["template"] is not None))
    return found


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
async def test_no_free_text_comes_when_the_window_is_closed(
    provisioned: str, platforms_url: str, tmp_path: Path, count: int
) -> None:
    clock = tmp_path / "clock.json"
    client = await nats.connect(provisioned)
    async with httpx.AsyncClient(base_url=platforms_url, timeout=20) as platforms:
        await eventually(platforms, "/sim/health")
        await submit_templates(platforms)
        stage = Stage(provisioned, client, platforms)
        people, ahead_seconds = await people_who_wrote(stage, count)
        # The longest ago: their windows have been closed for an hour or two.
        wrong, people = people[:TOO_LATE_PEOPLE], people[TOO_LATE_PEOPLE:]
        for number, skew in enumerate(SKEWS):
            # Our clock is not Meta's.
            offset_seconds = ahead_seconds + skew.total_seconds()
            clock.write_text(json.dumps({"offset_seconds": offset_seconds}))
            async with running(settings(stage, turnout_clock_file=clock)):
                some = people[number :: len(SKEWS)]
                for person, wrote_at in some:
                    await stage.send(
                        person, heard_at=wrote_at, priority="transactional", template=SOON
                    )
                found = await codes(some)
                assert [code for code, _ in found if code is not None] == []
                assert {by_template for _, by_template in found} == {True, False}
                if number == 0:
                    await the_control_is_refused(stage, wrong)
    await client.close()


async def the_control_is_refused(stage: Stage, closed: list[tuple[Person, datetime]]) -> None:
    """Told wrongly when they wrote, some get free text that Meta refuses."""
    for person, wrote_at in closed:
        await stage.send(
            person, heard_at=wrote_at + TOO_LATE, priority="transactional", template=SOON
        )
    assert {code for code, _ in await codes(closed)} == {131047}
