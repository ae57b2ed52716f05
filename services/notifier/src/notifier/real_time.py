"""Real time: what the platforms limit passes in it, whatever a demo's clock says (design § 5).

Permits, pauses, the pace of a chat and the time of a wake are all kept in it; business time is
`service.clock`.
"""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def after(seconds: float) -> datetime:
    """The moment that is so far away."""
    return now() + timedelta(seconds=seconds)
