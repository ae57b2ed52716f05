"""When people are told things: pure planning. `notices.py` keeps the plan."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts import NoticeKind

DAY_LEAD = timedelta(hours=24)
HOUR_LEAD = timedelta(hours=1)
DAY_REMINDER_LATE_MAX = timedelta(minutes=30)
"""A 24-hour reminder that is later than this says something untrue, so it is dropped."""
CANCELLED_USEFUL_AFTER_START = timedelta(hours=1)
"""Somebody who is late on the way to a cancelled event still wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One thing to be said to one person."""

    kind: NoticeKind
    due_at: datetime
    expires_at: datetime


def plan_reminders(starts_at: datetime, now: datetime) -> tuple[Plan, ...]:
    """The reminders that still lie ahead; who registers after one was due does not get it."""
    day_before = starts_at - DAY_LEAD
    plans = (
        Plan(
            kind="reminder-24h",
            due_at=day_before,
            expires_at=day_before + DAY_REMINDER_LATE_MAX,
        ),
        Plan(kind="reminder-1h", due_at=starts_at - HOUR_LEAD, expires_at=starts_at),
    )
    return tuple(plan for plan in plans if plan.due_at > now)


def plan_cancelled_notice(starts_at: datetime, now: datetime) -> Plan:
    """What everybody with a seat is told when an event is called off: now."""
    return Plan(
        kind="event-cancelled",
        due_at=now,
        expires_at=starts_at + CANCELLED_USEFUL_AFTER_START,
    )
