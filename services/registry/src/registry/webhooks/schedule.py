"""When a delivery that went wrong is tried again, and when no more."""

from datetime import datetime, timedelta

RETRY_SECONDS_MIN = 5.0
RETRY_SECONDS_MAX = 6 * 3600.0
RETRY_DOUBLINGS_MAX = 13
"""5 s doubled this often is more than the maximum; a bound, so that no number grows without end."""
GIVE_UP_AFTER = timedelta(days=3)
JITTER_SHARE = 0.25
"""A wait is shorter by up to this share: a receiver that comes back is not met by all at once."""


def next_attempt(
    *,
    failures: int,
    pending_since: datetime,
    now: datetime,
    chance: float,
    retry_after_seconds: float = 0.0,
) -> datetime | None:
    """When to try again; None when the three days are over.

    Args:
        failures: attempts that went wrong since `pending_since`, at least 1.
        pending_since: when the delivery was taken in, or was last asked for again.
        now: when the last attempt ended.
        chance: from 0 to 1; how much of the jitter is used.
        retry_after_seconds: the least that the receiver wants us to wait.
    """
    last_at = pending_since + GIVE_UP_AFTER
    if now >= last_at:
        return None
    doubled = RETRY_SECONDS_MIN * 2 ** min(failures - 1, RETRY_DOUBLINGS_MAX)
    wait_seconds = min(doubled, RETRY_SECONDS_MAX) * (1 - JITTER_SHARE * chance)
    wait_seconds = max(wait_seconds, min(retry_after_seconds, RETRY_SECONDS_MAX))
    return min(now + timedelta(seconds=wait_seconds), last_at)
