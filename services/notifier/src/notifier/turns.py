"""Whose turn it is: the most urgent first, and a share for each class, so that none starves."""

from collections.abc import Collection

from contracts import Priority

URGENCY: dict[Priority, int] = {"reply": 0, "transactional": 1, "reminder": 2, "bulk": 3}
SHARES_PERCENT: dict[Priority, int] = {"transactional": 20, "reminder": 12, "bulk": 12}
"""What each gets at least while it waits, however many more urgent ones wait: a tenth is promised
to bulk, and two percent pay for the moments in which none of it is ready."""
WHOLE_PERCENT = 100
CREDIT_PERCENT_MAX = 2 * WHOLE_PERCENT
"""A class that did not wait for long is owed no more than two turns."""


class Turns:
    """Credit by class: every permit adds to each its share, a whole one is a turn."""

    def __init__(self) -> None:
        self._credit = dict.fromkeys(SHARES_PERCENT, 0)

    def next(self, waiting: Collection[Priority]) -> Priority:
        """Which of the classes that wait gets this permit."""
        for priority, share in SHARES_PERCENT.items():
            self._credit[priority] = min(self._credit[priority] + share, CREDIT_PERCENT_MAX)
        owed = [one for one in waiting if self._credit.get(one, 0) >= WHOLE_PERCENT]
        if owed:
            chosen = max(owed, key=lambda one: (self._credit[one], URGENCY[one]))
        else:
            chosen = min(waiting, key=lambda one: URGENCY[one])
        if chosen in self._credit:
            self._credit[chosen] = max(self._credit[chosen] - WHOLE_PERCENT, 0)
        return chosen
