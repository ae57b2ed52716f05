"""Whatever people with several chats do in whatever order: seats, lines, audit and counters, and
who is who, stay in order. `./task proof -- people_histories` lives ten thousand histories.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from uuid import UUID

import asyncpg
import pytest
from people_histories import START, Author, History, Step, parts
from people_histories_house import Houses
from people_histories_life import Life, live
from people_histories_many import live_many
from sqlalchemy.engine import make_url

from contracts import TendEvents, derived_id
from registry.audit_replay import BrokenHistory

HISTORIES_IN_TESTS = 120
HISTORIES_IN_PROOF = 10_000
HISTORIES_AT_ONCE = 200
"""With a database of their own, so that what was rolled back piles up nowhere."""

OFTEN = (
    *("ClaimSeat seat-claimed", "ClaimSeat seat-held", "ClaimSeat waiting-listed"),
    *("CancelRegistration registration-released", "OfferTransfer transfer-offered"),
    *("ProveEmail email-proven", "ProveEmail code-refused wrong", "DisownLink link-disowned"),
    *("ForgetPerson person-forgotten", "PassOnSeats seats-passed-on", "TendPeople people-tended"),
    *("a merge that freed a seat", "a seat that was held until the proof"),
)
SELDOM = (
    *("ClaimSeat claim-refused proof-first", "AcceptOffer seat-claimed", "AcceptOffer seat-held"),
    *("AcceptTransfer seat-transferred", "DropTransfer transfer-dropped"),
    *("ProveEmail code-refused too-many", "ProveEmail code-refused expired"),
    *("ProveEmail code-refused barred", "Unlink unlinked", "Unlink unlink-refused only-way"),
    *("MoveIdentity identity-moved", "CheckIn checked-in", "CancelEvent event-written"),
)
"""What histories have to come to, or they show nothing."""


def test_no_history_of_people_breaks_a_promise(database_url: str) -> None:
    lived, answers = live_many(database_url, HISTORIES_IN_TESTS, beginning=7)
    assert lived == HISTORIES_IN_TESTS
    assert {wanted for wanted in OFTEN if not answers[wanted]} == set()


FOUND = {
    "somebody who is inside before the start wishes to be forgotten": History(
        (2, 1),
        6,
        False,
        (
            Step("claim", 0, pick=0, amount=0),
            Step("check-in", pick=0),
            Step("forget", 0, amount=0),
        ),
    ),
}
"""Histories that were not in order once."""


@pytest.mark.parametrize("found", FOUND)
def test_what_was_found_once_stays_in_order(database_url: str, found: str) -> None:
    asyncio.run(_live_alone(database_url, FOUND[found]))


async def _live_alone(database_url: str, history: History) -> None:
    houses = Houses(database_url)
    try:
        await live(houses, history)
    finally:
        await houses.close()


# A full event with a line, two people with two chats each, and one who was forgotten.
SMALL_WORLD = History(
    (1, 3),
    6,
    False,
    (
        *(Step("claim", who, pick=0, amount=0) for who in range(3)),
        *(Step("claim", who, pick=1, amount=1) for who in (3, 4)),
        Step("link-by-messenger", 3, pick=0, amount=1),
        Step("forget", 4, amount=0),
    ),
)
PLANTED = {
    "a counter off by one": (
        "UPDATE events SET waiting = waiting + 1 WHERE waiting > 0",
        "waiting",
    ),
    "one seat too many": (
        """UPDATE event_registrations SET status = 'confirmed', ticket = 'T'
        WHERE status = 'waiting' AND queue_number = 1""",
        "taken",
    ),
    "two who changed places in line": (
        """UPDATE event_registrations SET queue_number = 3 - queue_number
        WHERE status = 'waiting'""",
        "another place in line",
    ),
    "a seat in other hands": (
        """UPDATE event_registrations AS r SET user_id = (
            SELECT id FROM users AS u WHERE u.id <> r.user_id AND forgotten_at IS NULL
            ORDER BY created_at LIMIT 1)
        FROM events AS e WHERE e.id = r.event_id AND e.max_participants = 3
            AND r.status = 'confirmed'""",
        "one person in two parts",
    ),
    "a chat that speaks for somebody else": (
        """UPDATE identities SET user_id = (SELECT user_id FROM identities
            WHERE chat_id = '50001117770') WHERE chat_id = '50001117772'""",
        "one person in two parts",
    ),
    "an address that nobody has proven": (
        "UPDATE users SET email = 'box1@example.org' WHERE telegram_id = 50001117770",
        "another proven address",
    ),
    "a ticket of somebody who waits": (
        "UPDATE event_registrations SET ticket = 'T' WHERE status = 'waiting'",
        "ticket",
    ),
    "a line of the audit that is missing": (
        "DELETE FROM audit WHERE action = 'registration-queued'",
        "another waiting by the audit",
    ),
    "a change that the audit does not tell of": (
        """UPDATE audit SET after = jsonb_set(after, '{status}', '"held"')
        WHERE action = 'seat-claimed'""",
        "by the audit|event ",
    ),
    "a name of who was forgotten": (
        "UPDATE audit SET reason = 'Zoe-4-said' WHERE action = 'seat-claimed'",
        "Zoe-4-said",
    ),
    "a seat that is gone": (
        """DELETE FROM event_registrations WHERE status = 'waiting' AND queue_number = 2""",
        "nobody|KeyError|",
    ),
}
"""What is written past the registry, and how the checks name it."""


@pytest.mark.parametrize("planted", [None, *PLANTED])
def test_the_checks_see_what_was_planted(database_url: str, planted: str | None) -> None:
    """The negative controls; without anything planted the same history is in order."""
    sql, seen = PLANTED[planted] if planted else ("", "")
    if planted is None:
        asyncio.run(_live_small_world(database_url, sql))
        return
    with pytest.raises((AssertionError, BrokenHistory, KeyError), match=seen):
        asyncio.run(_live_small_world(database_url, sql))


async def _live_small_world(database_url: str, planted: str) -> None:
    houses = Houses(database_url)
    try:
        async with houses.house(START, proof_by_email=SMALL_WORLD.proof_by_email) as house:
            life = Life(house, Author(house, SMALL_WORLD))
            for command in life.author.opening():
                await life.go_on(command)
            for step in SMALL_WORLD.steps:
                for say in parts(step):
                    if (said := life.author.command(step, say)) is not None:
                        await life.go_on(said)
            if planted:
                changed = await house.driver.execute(planted)
                assert not changed.endswith(" 0"), "planted nowhere"
            await life.go_on(
                TendEvents(
                    id=derived_id(UUID(int=9), "tick"),
                    occurred_at=house.now,
                    correlation_id=UUID(int=9),
                    due_at=house.now,
                )
            )
            await life.end()
    finally:
        await houses.close()


@pytest.mark.long
def test_ten_thousand_histories(database_url: str) -> None:
    beginnings = range(HISTORIES_IN_PROOF // HISTORIES_AT_ONCE)
    began, lived, answers = time.monotonic(), 0, Counter[str]()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_live_in_own_database, database_url, number) for number in beginnings]
        try:
            for job in as_completed(jobs):
                count, seen = job.result()
                lived += count
                answers += seen
                took = time.monotonic() - began
                _say(f"{lived} histories in {took:.0f} s, {lived / took:.1f} a second")
        finally:
            pool.shutdown(cancel_futures=True)
    for answer, times in sorted(answers.items()):
        _say(f"{times:8} {answer}")
    assert lived == HISTORIES_IN_PROOF
    assert {wanted for wanted in (*OFTEN, *SELDOM) if not answers[wanted]} == set()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _live_in_own_database(empty: str, beginning: int) -> tuple[int, Counter[str]]:
    """Many histories in a copy of an empty database."""
    template = make_url(empty).database
    name = f"{template}_{beginning}"
    asyncio.run(_execute(empty, f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        return live_many(_other(empty, name), HISTORIES_AT_ONCE, beginning)
    except Exception as error:  # noqa: BLE001 - raised again
        # Notes do not travel between processes.
        story = "\n".join([repr(error), *getattr(error, "__notes__", ())])
        raise AssertionError(f"beginning {beginning}: {story}") from None
    finally:
        asyncio.run(_execute(empty, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(_other(database_url, "postgres"))
    try:
        # Two copies at once would be refused: whoever copies is connected to the template.
        await connection.execute("SELECT pg_advisory_lock(1)")
        await connection.execute(statement)
    finally:
        await connection.close()


def _other(database_url: str, name: str) -> str:
    return make_url(database_url).set(database=name).render_as_string(hide_password=False)
