"""How long an offered seat is kept: shorter as the event nears, and longer through a night."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

OFFER_HOURS_MAX = 12
"""Far from the event: somebody who looks into the messenger once a day still gets the seat."""
OFFER_MINUTES_MIN = 15
"""Close to the event: time to read and to tap."""
OFFER_SHARE = 8
"""In between, an eighth of what is left: 9 hours three days before, 3 hours one day before."""
QUIET_FROM, QUIET_TO = time(22), time(8)
"""People sleep, in the event's zone; this time does not count against them."""


def offer_expires_at(now: datetime, starts_at: datetime, timezone: str) -> datetime:
    """Until when an offer made now is kept.

    Args:
        now: business time.
        starts_at: of the event; the offer never lasts beyond it.
        timezone: IANA name of the event's zone.

    Returns:
        An instant in UTC or in the zone of `now`; compare it, don't show it.
    """
    left = starts_at - now
    shortest = timedelta(minutes=OFFER_MINUTES_MIN)
    wanted = max(shortest, min(timedelta(hours=OFFER_HOURS_MAX), left / OFFER_SHARE))
    awake = _after_waking(now, wanted, ZoneInfo(timezone))
    # Whoever sleeps until an hour before the event cannot keep the seat from those who do not.
    latest = max(now + shortest, now + left / 2)
    return min(awake, latest, starts_at)


def _after_waking(now: datetime, wanted: timedelta, zone: ZoneInfo) -> datetime:
    """`wanted` later, not counting quiet hours."""
    at = now.astimezone(UTC)
    while True:
        local = at.astimezone(zone)
        if local.time() >= QUIET_FROM or local.time() < QUIET_TO:
            at = _next(local, QUIET_TO, zone)
            continue
        quiet = _next(local, QUIET_FROM, zone)
        if at + wanted <= quiet:
            return at + wanted
        wanted -= quiet - at
        at = quiet


def _next(local: datetime, clock: time, zone: ZoneInfo) -> datetime:
    """The next time that clocks in `zone` show `clock`, as an instant.

    Instants are compared and subtracted in UTC: within one zone Python would ignore that clocks
    are turned in the night between.
    """
    day = local.date() if local.time() < clock else local.date() + timedelta(days=1)
    return datetime.combine(day, clock, zone).astimezone(UTC)
