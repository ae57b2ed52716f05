"""Attacks on the code that proves an address; none has any success, and the honest way works."""

import asyncio
import random

import asyncpg
import pytest

from devstack.house import House
from tests.e2e.attacks.victim import Victim, stranger, user_of
from tests.e2e.people import PLATFORMS, Heard, Organiser, Person, Simulator, own_address
from tests.e2e.proving import asks_to_link, links, mine

pytestmark = pytest.mark.asyncio(loop_scope="session")

CODES = 10**6
TRIES_MAX = 5
CODES_AN_HOUR_MAX = 3
GUESSERS = 6
GUESSES = 12
HOUR_SECONDS = 3600
CODE_SECONDS = 600


def other_than(code: str, chance: random.Random) -> str:
    """A code that is wrong."""
    while (guess := f"{chance.randrange(CODES):06d}") == code:
        pass
    return guess


async def tries(house: House, email: str) -> list[int]:
    """How often each code for this address was guessed at."""
    connection = await asyncpg.connect(house.database_url)
    try:
        rows = await connection.fetch("SELECT tries FROM email_proofs WHERE email = $1", email)
    finally:
        await connection.close()
    return sorted(row["tries"] for row in rows)


async def types(person: Person, code: str) -> Heard:
    await person.says(code)
    return await person.hears()


async def test_the_owner_of_the_mailbox_is_let_in(simulator: Simulator, victim: Victim) -> None:
    """The control of all attacks: with the code of this chat it works, after wrong ones too."""
    chance = random.Random(1)
    phone = await stranger(simulator)
    await asks_to_link(phone, victim.email)
    code = await victim.person.reads_the_code()
    for _ in range(TRIES_MAX - 1):
        refused = await types(phone, other_than(code, chance))
        assert victim.person.name not in refused.text
    await types(phone, code)
    assert await user_of(victim.house, phone) == await victim.user()
    assert victim.title in await mine(phone)


async def test_codes_are_guessed_at_from_many_chats_at_once(
    house: House, simulator: Simulator, victim: Victim
) -> None:
    await simulator.advance(HOUR_SECONDS)
    guessers = [await stranger(simulator, PLATFORMS[number % 2]) for number in range(GUESSERS)]
    await asyncio.gather(*(asks_to_link(one, victim.email) for one in guessers))
    await house.quiet()
    # The code of one of the chats is among the guesses of all the others, and of that one itself
    # after as many wrong ones as are allowed: where nobody counted, some would be let in.
    code = await victim.person.reads_the_code()

    async def guesses(person: Person, seed: int) -> None:
        chance = random.Random(seed)
        for number in range(GUESSES):
            guess = code if number >= TRIES_MAX else other_than(code, chance)
            await person.says(guess)

    await asyncio.gather(*(guesses(one, seed) for seed, one in enumerate(guessers)))
    await house.quiet()
    for one in guessers:
        await one.catches_up()
    # The victim's own, an hour ago, and those that were guessed at; half of them nobody was sent.
    assert await tries(house, victim.email) == [0] + [TRIES_MAX] * GUESSERS
    await victim.lost_nothing(*guessers)


async def test_a_code_is_worth_nothing_in_another_chat(
    simulator: Simulator, victim: Victim
) -> None:
    phone, thief = await stranger(simulator), await stranger(simulator, "telegram")
    await asks_to_link(phone, victim.email)
    code = await victim.person.reads_the_code()
    await asks_to_link(thief, own_address())
    await types(thief, code)
    await victim.lost_nothing(thief)
    await types(phone, code)
    assert await user_of(victim.house, phone) == await victim.user()


async def test_a_code_counts_once(simulator: Simulator, victim: Victim) -> None:
    phone = await stranger(simulator)
    await asks_to_link(phone, victim.email)
    code = await victim.person.reads_the_code()
    await types(phone, code)
    await victim.house.quiet()
    owner = await victim.user()
    assert await user_of(victim.house, phone) == owner
    await phone.says("/unlink")
    await phone.hears()
    await phone.taps("yes")
    await phone.hears()
    assert await user_of(victim.house, phone) is None
    # Now the phone is somebody else's, who scrolls up and finds the code.
    await phone.says(code)
    await phone.hears()
    assert await user_of(victim.house, phone) != owner
    await victim.house.quiet()
    await phone.catches_up()
    await phone.says("/link")
    await phone.hears()
    await phone.says(victim.email)
    await phone.hears()
    await types(phone, code)
    assert await user_of(victim.house, phone) != owner
    assert victim.title not in await mine(phone)


async def test_an_old_code_is_worth_nothing(simulator: Simulator, victim: Victim) -> None:
    phone = await stranger(simulator, "telegram")
    await asks_to_link(phone, victim.email)
    code = await victim.person.reads_the_code()
    await simulator.advance(CODE_SECONDS + 1)
    await types(phone, code)
    await victim.lost_nothing(phone)


async def test_a_mailbox_is_not_flooded_from_many_chats(
    house: House, simulator: Simulator, victim: Victim
) -> None:
    await simulator.advance(HOUR_SECONDS)
    before = victim.person.read_up_to
    strangers = [await stranger(simulator, PLATFORMS[number % 2]) for number in range(GUESSERS)]
    await asyncio.gather(*(asks_to_link(one, victim.email) for one in strangers))
    await house.quiet()
    came = await simulator.mails(victim.email)
    assert len([mail for mail in came if mail["n"] > before]) == CODES_AN_HOUR_MAX
    victim.person.read_up_to = came[-1]["n"]
    await victim.lost_nothing(*strangers)
    await simulator.advance(HOUR_SECONDS)
    await links(phone := await stranger(simulator), victim.person)
    assert await user_of(house, phone) == await victim.user()


async def test_registering_with_somebody_elses_address_shows_and_changes_nothing(
    house: House, simulator: Simulator, organiser: Organiser, victim: Victim
) -> None:
    thief = await stranger(simulator, "telegram")
    await organiser.publishes(title := f"Bait {victim.title}")
    await thief.opens_event(title)
    await thief.taps("Register")
    await thief.hears()
    await thief.says(thief.name)
    await thief.hears()
    await thief.says(victim.email)
    await thief.hears()
    await thief.taps("Confirm")
    asked = await thief.hears()
    assert asked.document is None
    await house.quiet()
    await types(thief, other_than(await victim.person.reads_the_code(), random.Random(2)))
    await victim.lost_nothing(thief)
    # With an address of one's own it goes on.
    await thief.says(thief.email)
    assert thief.email in (await thief.hears()).text
    ticket = await thief.proves()
    assert title in ticket.text
    assert ticket.document is not None
