"""Many histories, one after the other, each made by Hypothesis."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, Phase, given, note, seed, settings
from people_histories import HISTORIES, History
from people_histories_house import Houses
from people_histories_life import live


def live_many(database_url: str, count: int, beginning: int) -> tuple[int, Counter[str]]:
    """Live `count` histories, the same for the same `beginning`.

    Returns:
        How many there were in the end, and what was answered how often.

    Raises:
        AssertionError: something is not in order; with the history, as short as it can be.
    """
    lived, answers = 0, Counter[str]()
    with asyncio.Runner() as runner:
        houses = Houses(database_url)

        @seed(beginning)
        @settings(
            deadline=None,
            max_examples=count,
            database=None,
            # To shorten a failing history takes minutes: only where there is time for it.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(HISTORIES)
        def hold(history: History) -> None:
            nonlocal lived
            note(describe(history))
            answers.update(runner.run(live(houses, history)))
            lived += 1

        try:
            hold()
        finally:
            runner.run(houses.close())
    return lived, answers


def describe(history: History) -> str:
    """A history as it can be written into a test."""
    steps = "".join(f"    {step},\n" for step in history.steps)
    head = f"{history.capacities}, {history.chats}, {history.proof_by_email}"
    return f"History({head}, (\n{steps}))"
