"""How many recipients are handed over next, and when a message stops by itself: pure arithmetic.

What is handed over waits in the streams until the notifier sends it. At most a minute of sending
waits there, so that pause and cancel act at once. A small part of each platform's recipients goes
first; the rest follows when that part went well.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from contracts import Platform
from contracts.model import Value
from contracts.topology import PERMITS_PER_SECOND

OUTSTANDING_SECONDS_MAX = 60
"""How much sending may wait in the streams."""
RECIPIENTS_PER_TICK_MAX = 500
"""An outcome holds at most 500 messages (design § 3.3)."""
RATE_WINDOW = timedelta(seconds=30)
"""Results of this time make the rate."""
RATE_SHARE_MIN = 0.1
"""Of the platform's usual rate: with less, what was stopped for a while would never begin again."""

CANARY_SHARE = 0.01
CANARY_PEOPLE_MIN = 5
"""Fewer say nothing."""
CANARY_SETTLED_SHARE_MIN = 0.8
"""Of the first part, when the others' results are not waited for longer than `CANARY_WAIT`: one
chat may have to wait for hours."""
CANARY_WAIT = timedelta(seconds=60)
CANARY_SETTLING = timedelta(seconds=5)
"""WhatsApp accepts first and refuses some moments later."""
ERROR_SHARE_MAX = 0.2
"""More than this share of errors stops a message. Whoever has blocked us is no error."""
RECENT_RESULTS = 200
"""The newest results that the share of errors is taken of, per platform."""
RECENT_RESULTS_MIN = 50


class Stop(Value):
    """Why a message stopped by itself."""

    because: str
    """`canary`: of the first part; `errors`: of the newest results."""
    platform: Platform
    errors: int
    of: int
    """Results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What some recipients' messages became."""

    settled: int = 0
    errors: int = 0
    newest_at: datetime | None = None
    """When the last of them became known."""

    @property
    def too_many_errors(self) -> bool:
        """Whether one should look before more people are written to."""
        return self.errors > self.settled * ERROR_SHARE_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One running message on one platform."""

    message_id: UUID
    platform: Platform
    total: int
    """Recipients there."""
    handed_over: int
    cleared: bool
    """The first part went well, or an organiser said to go on."""
    outstanding: int
    """Handed over, and no result yet."""
    oldest_outstanding_at: datetime | None = None
    newest_handed_over_at: datetime | None = None
    canary: Results = Results()
    """Of the first part."""
    recent: Results = Results()
    """The newest ones, since it began or was resumed."""
    settled_in_window: int = 0

    @property
    def canary_size(self) -> int:
        """How many go first."""
        return canary_size(self.total)

    @property
    def left(self) -> int:
        """How many were not handed over."""
        return self.total - self.handed_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now."""

    stops: Mapping[UUID, Stop]
    cleared: Collection[tuple[UUID, Platform]]
    pages: Sequence[tuple[Lane, int]]
    """How many more recipients of each lane."""
    done: Collection[UUID]
    """Messages whose every recipient has a result."""


def canary_size(total: int) -> int:
    """How many of a platform's recipients go first."""
    return min(total, max(CANARY_PEOPLE_MIN, ceil(total * CANARY_SHARE)))


def plan(
    lanes: Sequence[Lane], now: datetime, waiting_elsewhere: Mapping[Platform, int] | None = None
) -> Plan:
    """Decide for all running messages at once, because they share the platforms' rates.

    Args:
        lanes: the running messages.
        now: business time.
        waiting_elsewhere: what messages that do not run any more have outstanding.
    """
    by_message: dict[UUID, list[Lane]] = defaultdict(list)
    for lane in lanes:
        by_message[lane.message_id].append(lane)
    stops = {
        message_id: stop
        for message_id, its in by_message.items()
        if (stop := next((stop for lane in its if (stop := _stop(lane, now))), None))
    }
    cleared = {
        (lane.message_id, lane.platform)
        for lane in lanes
        if lane.message_id not in stops and not lane.cleared and canary_is_over(lane, now)
    }
    going_on = [lane for lane in lanes if lane.message_id not in stops]
    return Plan(
        stops=stops,
        cleared=cleared,
        pages=_pages(going_on, _room(lanes, waiting_elsewhere or {}, now), cleared),
        done={
            message_id
            for message_id, its in by_message.items()
            if message_id not in stops and all(not lane.left + lane.outstanding for lane in its)
        },
    )


def _stop(lane: Lane, now: datetime) -> Stop | None:
    if not lane.left:
        return None
    if not lane.cleared:
        judged, because = lane.canary, "canary"
        ready = canary_is_over(lane, now)
    else:
        judged, because = lane.recent, "errors"
        ready = judged.settled >= RECENT_RESULTS_MIN
    if not (ready and judged.too_many_errors):
        return None
    return Stop(because=because, platform=lane.platform, errors=judged.errors, of=judged.settled)


def canary_is_over(lane: Lane, now: datetime) -> bool:
    """Whether the first part has shown what it can."""
    size, told = lane.canary_size, lane.canary
    if lane.handed_over < size or told.newest_at is None:
        return False
    if now - told.newest_at < CANARY_SETTLING:
        return False
    waited = lane.newest_handed_over_at is None or now - lane.newest_handed_over_at >= CANARY_WAIT
    return told.settled >= size or (waited and told.settled >= size * CANARY_SETTLED_SHARE_MIN)


def rate_per_second(platform: Platform, lanes: Sequence[Lane], now: datetime) -> float:
    """How fast this platform's recipients get their results.

    The platform's usual rate until there is more to go by: results count only as a rate while
    something has waited for the whole window.
    """
    usual = float(PERMITS_PER_SECOND[platform])
    its = [lane for lane in lanes if lane.platform == platform]
    measured = sum(lane.settled_in_window for lane in its) / RATE_WINDOW.total_seconds()
    waits_since = min(
        (lane.oldest_outstanding_at for lane in its if lane.oldest_outstanding_at), default=now
    )
    slow = now - waits_since >= RATE_WINDOW
    return max(measured, usual * RATE_SHARE_MIN if slow else usual)


def seconds_left(lanes: Sequence[Lane], of: Sequence[Lane], now: datetime) -> float:
    """How long until every recipient of `of` has a result, while `lanes` share the platforms."""
    waiting: dict[Platform, int] = defaultdict(int)
    for lane in of:
        waiting[lane.platform] += lane.left + lane.outstanding
    return max(
        (
            people / rate_per_second(platform, lanes, now)
            for platform, people in waiting.items()
            if people
        ),
        default=0.0,
    )


def _room(
    lanes: Sequence[Lane], waiting_elsewhere: Mapping[Platform, int], now: datetime
) -> dict[Platform, int]:
    """How many more each platform's minute holds."""
    room = {}
    for platform in {lane.platform for lane in lanes}:
        waiting = sum(lane.outstanding for lane in lanes if lane.platform == platform)
        waiting += waiting_elsewhere.get(platform, 0)
        minute = int(OUTSTANDING_SECONDS_MAX * rate_per_second(platform, lanes, now))
        room[platform] = max(0, minute - waiting)
    return room


def _pages(
    lanes: Sequence[Lane], room: dict[Platform, int], cleared: Collection[tuple[UUID, Platform]]
) -> list[tuple[Lane, int]]:
    """Fill each platform's minute, whoever has least waiting first."""
    pages: list[tuple[Lane, int]] = []
    left = RECIPIENTS_PER_TICK_MAX
    ordered = sorted(lanes, key=lambda lane: (lane.outstanding, lane.message_id, lane.platform))
    for place, lane in enumerate(ordered):
        may_go = lane.cleared or (lane.message_id, lane.platform) in cleared
        end = lane.total if may_go else lane.canary_size
        sharing = sum(other.platform == lane.platform for other in ordered[place:])
        count = min(
            end - lane.handed_over,
            ceil(room[lane.platform] / sharing),
            ceil(left / (len(ordered) - place)),
        )
        if count > 0:
            pages.append((lane, count))
            room[lane.platform] -= count
            left -= count
    return pages
