"""Not now, but after a time of our own choosing: a little later at random."""

import random

from runtime.failures import Retry

JITTER_SHARE_MAX = 0.2
"""Of the time itself, so much is added at most. What failed together does not come again together;
no platform's advice is undercut."""


class Again(Retry):
    """Deliver this message again after `chosen_seconds`, and up to a fifth more.

    Not for times that a platform names: the first call comes right after those.
    """

    def __init__(self, reason: str, chosen_seconds: float) -> None:
        super().__init__(reason, with_jitter(chosen_seconds))
        self.chosen_seconds = chosen_seconds


def with_jitter(seconds: float) -> float:
    """At least so long, and up to a fifth longer."""
    return seconds * random.uniform(1, 1 + JITTER_SHARE_MAX)  # noqa: S311 - spreads, hides nothing
