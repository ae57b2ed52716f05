"""Parts die in mid-dialogue: no answer is lost, and none repeats."""

import asyncio

import pytest

from devstack.house import House
from devstack.mailbox import asks_for_a_code
from tests.e2e.people import (
    CODE_TAKEN,
    PLATFORMS,
    Organiser,
    Person,
    Simulator,
    answered,
    whole_way,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE_SECONDS = 60.0
"""A server that is killed needs to start again before anybody is answered."""
PEOPLE = 4
DIES_BEFORE_STEP = 2


async def goes_the_whole_way(house: House, person: Person, title: str, death: asyncio.Event) -> int:
    """Register, one thing said after the other, and hear each answer.

    Returns:
        How many answers were said twice.
    """
    repeats = 0
    for number, step in enumerate(whole_way(person, title)):
        if number == DIES_BEFORE_STEP:
            await death.wait()
        heard, again = await answered(
            person, step, lambda: house.ready("registry"), PATIENCE_SECONDS
        )
        repeats += again
    if asks_for_a_code(heard.text):
        code = await person.reads_the_code()
        heard, again = await answered(
            person, lambda: person.says(code), lambda: house.ready("registry"), PATIENCE_SECONDS
        )
        repeats += again
        while heard.text in CODE_TAKEN:
            heard = await person.hears(PATIENCE_SECONDS)
    assert heard.document is not None, heard.text
    return repeats


async def all_register_while_a_part_dies(
    house: House, simulator: Simulator, organiser: Organiser, name: str
) -> list[int]:
    """People on both platforms go the whole way; `name` is killed under them."""
    event = await organiser.publishes(f"Kill {name}")
    people = [
        await simulator.person(PLATFORMS[number % 2], name=f"Ann {number}")
        for number in range(PEOPLE)
    ]
    death = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        dialogues = [
            group.create_task(goes_the_whole_way(house, person, event["title"], death))
            for person in people
        ]
        death.set()
        await house.kill(name)
    repeats = [dialogue.result() for dialogue in dialogues]
    await house.ready(name)
    await house.quiet()
    assert (await organiser.event(event["id"]))["confirmed"] == PEOPLE
    for person in people:
        await person.hears_nothing_more()
    return repeats


@pytest.mark.parametrize(
    "name", ["gateway", "conversation", "registry", "scheduler", "nats", "postgres"]
)
async def test_a_part_that_is_killed_in_mid_dialogue_costs_no_answer_and_repeats_none(
    house: House, simulator: Simulator, organiser: Organiser, name: str
) -> None:
    repeats = await all_register_while_a_part_dies(house, simulator, organiser, name)
    assert repeats == [0] * PEOPLE


async def test_a_killed_notifier_repeats_at_most_the_send_whose_outcome_is_unknown(
    house: House, simulator: Simulator, organiser: Organiser
) -> None:
    repeats = await all_register_while_a_part_dies(house, simulator, organiser, "notifier")
    # A kill can fall between one call and the note of its result, once in each chat.
    assert all(count <= 1 for count in repeats)
