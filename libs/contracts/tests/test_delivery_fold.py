"""What is known of a message does not depend on the order or the number of its reports."""

from collections.abc import Callable, Iterable
from functools import reduce
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.delivery import DeliveryStatus, fold

Fold = Callable[[DeliveryStatus | None, DeliveryStatus], DeliveryStatus]
STATUSES: tuple[DeliveryStatus, ...] = get_args(DeliveryStatus)
LENGTH_MAX = 5


def last_wins(_known: DeliveryStatus | None, told: DeliveryStatus) -> DeliveryStatus:
    """What a careless ledger does."""
    return told


def folded(by: Fold, told: Iterable[DeliveryStatus]) -> DeliveryStatus | None:
    """All reports, one after the other."""
    known: DeliveryStatus | None = None
    return reduce(by, told, known)


def contradictions(by: Fold) -> int:
    """How many sequences end otherwise than another one of the same statuses did."""
    ends: dict[frozenset[DeliveryStatus], DeliveryStatus | None] = {}
    return sum(
        ends.setdefault(frozenset(told), end) != end
        for length in range(1, LENGTH_MAX + 1)
        for told in product(STATUSES, repeat=length)
        for end in [folded(by, told)]
    )


def test_every_order_and_repetition_of_all_statuses_gives_the_same_result() -> None:
    assert contradictions(fold) == 0


def test_a_ledger_that_believes_the_last_report_contradicts_itself() -> None:
    assert contradictions(last_wins) > 0


@given(told=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=40), data=st.data())
def test_long_stories_shuffled_and_repeated_end_alike(
    told: list[DeliveryStatus], data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(told), max_size=20))
    shuffled = data.draw(st.permutations(told + repeated))
    assert folded(fold, shuffled) == folded(fold, told)


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (["sent", "accepted"], "sent"),
        (["delivered", "sent"], "delivered"),  # reordered by the platform
        (["read", "delivered"], "read"),
        (["accepted", "read"], "read"),  # read at once: delivered is left out
        (["accepted", "failed"], "failed"),
        (["failed", "sent"], "failed"),
        (["delivered", "failed"], "delivered"),  # the person has it
        (["failed", "read"], "read"),
        (["unknown", "sent"], "sent"),
        (["failed", "unknown"], "failed"),
        (["set-aside", "accepted"], "accepted"),  # an operator had it sent after all
        (["expired", "set-aside"], "expired"),
        (["unknown", "set-aside"], "set-aside"),
        (["sent", "expired"], "expired"),  # the second half of it came too late
    ],
)
def test_which_of_two_stays(told: list[DeliveryStatus], end: DeliveryStatus) -> None:
    assert folded(fold, told) == end
    assert folded(fold, reversed(told)) == end
