"""Whether anybody can learn who is registered here: by what the bot says, and by how fast."""

import random
import re
import statistics
import time
from collections.abc import Sequence

import pytest

from devstack.house import House
from tests.e2e.attacks.victim import Victim, registered
from tests.e2e.people import Heard, Organiser, Person, Simulator, own_address
from tests.e2e.proving import asks_to_link

pytestmark = pytest.mark.asyncio(loop_scope="session")

TIMES = 4
ROUNDS = 15
"""Of two known addresses and two unknown ones, each in a chat of its own."""
SHUFFLES = 2_000
CHANCE_MAX = 0.001
"""A difference that so few of all random divisions exceed is one: an honest run fails as rarely."""


async def everything_said(
    house: House, simulator: Simulator, email: str
) -> list[tuple[str, list[str]]]:
    """What a stranger hears who claims an address and does not know the code."""
    thief = await simulator.person("telegram", name="Mallory")
    heard = [await asks_to_link(thief, email)]
    await house.quiet()
    heard += [await _says(thief, guess * 6) for guess in "012345"]
    heard += [await _says(thief, word) for word in ("my registrations", "ticket")]
    return [as_said(one, email) for one in heard]


def as_said(heard: Heard, email: str) -> tuple[str, list[str]]:
    """A message without what differs by whom it is about and when it was said."""
    return re.sub(r"\d?\d:\d\d", "…", heard.text.replace(email, "…")), heard.labels


async def _says(person: Person, text: str) -> Heard:
    await person.says(text)
    return await person.hears()


async def everything_said_at_registering(
    house: House, simulator: Simulator, title: str, email: str
) -> list[tuple[str, list[str]]]:
    """What a stranger hears who registers with an address and does not know the code."""
    thief = await simulator.person("telegram", name="Mallory")
    await thief.opens_event(title)
    await thief.taps("Register")
    heard = [await thief.hears()]
    heard += [await _says(thief, answer) for answer in ("Mallory", email, "yes")]
    await house.quiet()
    heard += [await _says(thief, guess) for guess in ("000000", "111111")]
    return [as_said(one, email) for one in heard]


async def test_the_bot_says_the_same_about_known_and_unknown_addresses(
    house: House, simulator: Simulator, victim: Victim
) -> None:
    # More often than codes are sent to an address: that the victim has just had one, and strangers
    # the rest, shows nowhere either.
    known = [await everything_said(house, simulator, victim.email) for _ in range(TIMES)]
    nobodys = own_address()
    assert known == [await everything_said(house, simulator, nobodys) for _ in range(TIMES)]
    assert victim.person.name not in str(known)


async def test_and_so_it_does_to_whoever_registers_with_one(
    house: House, simulator: Simulator, organiser: Organiser, victim: Victim
) -> None:
    # A tenth of the seats may be held: enough for both.
    await organiser.publishes(title := f"Bait {victim.title}", seats=100)
    known = await everything_said_at_registering(house, simulator, title, victim.email)
    unknown = await everything_said_at_registering(house, simulator, title, own_address())
    assert known == unknown
    await house.quiet()
    assert await victim.own_rows() == victim.rows


def spread(times: Sequence[float], known: Sequence[bool]) -> float:
    """How far apart the medians of the two kinds are, in seconds."""
    kinds = [
        [seconds for seconds, is_known in zip(times, known, strict=True) if is_known is kind]
        for kind in (True, False)
    ]
    return abs(statistics.median(kinds[0]) - statistics.median(kinds[1]))


def chance_of(times: Sequence[float], known: Sequence[bool], seed: int) -> float:
    """Which part of random divisions of the same times is at least as far apart."""
    chance, shuffled, seen = random.Random(seed), list(known), spread(times, known)
    further = 0
    for _ in range(SHUFFLES):
        chance.shuffle(shuffled)
        further += spread(times, shuffled) >= seen
    return further / SHUFFLES


async def test_the_bot_answers_as_fast_about_known_and_unknown_addresses(
    house: House, simulator: Simulator, organiser: Organiser, victim: Victim
) -> None:
    other = await registered(house, simulator, organiser)
    times: list[float] = []
    known: list[bool] = []
    chance = random.Random(3)
    for _ in range(ROUNDS):
        round_of = [(victim.email, True), (other.email, True)]
        round_of += [(own_address(), False), (own_address(), False)]
        chance.shuffle(round_of)
        for email, is_known in round_of:
            times.append(await seconds_to_the_answer(simulator, email))
            known.append(is_known)
    told = f"{spread(times, known) * 1000:.1f} ms apart of {statistics.median(times) * 1000:.1f} ms"
    assert chance_of(times, known, seed=4) > CHANCE_MAX, told
    # The control: were known addresses slower by twice what the middle half of all answers differ
    # by anyway, this would have seen it.
    quarter, _, three_quarters = statistics.quantiles(times, n=4)
    slower = [
        seconds + 2 * (three_quarters - quarter) * is_known
        for seconds, is_known in zip(times, known, strict=True)
    ]
    assert chance_of(slower, known, seed=4) <= CHANCE_MAX, told


async def seconds_to_the_answer(simulator: Simulator, email: str) -> float:
    """From the address to what the chat says to it."""
    thief = await simulator.person("telegram", name="Mallory")
    await thief.says("/start")
    await thief.hears()
    await thief.taps("Already registered")
    await thief.hears()
    began = time.perf_counter()
    await thief.says(email)
    await thief.hears()
    return time.perf_counter() - began
