"""Who gets the next permit: the most urgent, but nobody starves."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import Priority
from notifier.turns import SHARES_PERCENT, URGENCY, Turns

ALL: tuple[Priority, ...] = tuple(URGENCY)
GRANTS = 1000


def served(*waiting: Priority, grants: int = GRANTS) -> Counter[Priority]:
    """Who got how many of so many permits, while all of these wait all the time."""
    turns = Turns()
    return Counter(turns.next(waiting) for _ in range(grants))


def test_the_first_permit_is_for_the_most_urgent() -> None:
    assert Turns().next(ALL) == "reply"
    assert Turns().next(("bulk", "reminder")) == "reminder"


def test_in_a_flood_of_replies_every_class_goes_on_and_replies_get_most() -> None:
    counts = served(*ALL)
    for priority, share in SHARES_PERCENT.items():
        assert counts[priority] >= GRANTS * (share - 1) / 100
    assert counts["bulk"] >= GRANTS / 10
    assert counts["reply"] >= GRANTS / 2


@pytest.mark.parametrize(("flood", "other"), [("reminder", "bulk"), ("reply", "bulk")])
def test_bulk_keeps_its_tenth_under_any_flood(flood: Priority, other: Priority) -> None:
    counts = served(flood, other)
    assert counts[other] >= GRANTS / 10
    assert counts[flood] >= GRANTS * 8 / 10


def test_a_share_is_not_more_than_a_share_when_there_is_nobody_to_starve() -> None:
    assert served("reply", "transactional")["transactional"] <= GRANTS * 21 / 100


def test_without_shares_bulk_would_starve() -> None:
    """The negative control of the tests before: what urgency alone does."""
    by_urgency = Counter(min(ALL, key=lambda one: URGENCY[one]) for _ in range(GRANTS))
    assert by_urgency["bulk"] == 0


@given(st.integers(0, 2**32))
def test_bulk_that_is_ready_now_and_then_gets_a_tenth_of_those_permits(seed: int) -> None:
    """Its messages are few at a time per process, and each takes a while."""
    rng, turns = random.Random(seed), Turns()
    ready = got = 0
    for _ in range(GRANTS):
        waiting = [one for one in ALL if one != "bulk" or rng.random() < 0.5]
        ready += "bulk" in waiting
        got += turns.next(waiting) == "bulk"
    assert got >= ready / 10
