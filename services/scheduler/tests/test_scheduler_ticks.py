"""When a tick is due, and what it says."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from contracts import SendDueReminders
from scheduler.ticks import TICKS

REMINDERS = TICKS[0]
TIMES = st.floats(1.6e9, 4.1e9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(TIMES)
def test_a_tick_is_due_at_whole_periods_and_never_in_the_future(now: datetime) -> None:
    due_at = REMINDERS.due_at(now)

    assert timedelta(0) <= now - due_at < timedelta(seconds=5)
    assert due_at.timestamp() % 5 == 0
    assert REMINDERS.due_at(due_at) == due_at


@given(TIMES)
def test_whoever_says_a_tick_says_the_same(now: datetime) -> None:
    due_at = REMINDERS.due_at(now)
    elsewhere = REMINDERS.due_at(now.astimezone(timezone(timedelta(hours=5, minutes=30))))

    said = REMINDERS.command(due_at)

    assert isinstance(said, SendDueReminders)
    assert said == REMINDERS.command(elsewhere)
    assert said.id == said.correlation_id
    assert said.due_at == due_at
    assert said.id != REMINDERS.command(due_at + timedelta(seconds=5)).id


def test_every_tick_has_a_name_of_its_own_and_says_it() -> None:
    names = [tick.name for tick in TICKS]
    assert len(set(names)) == len(names)
    for tick in TICKS:
        command = tick.command(tick.due_at(datetime(2026, 3, 1, tzinfo=UTC)))
        assert command.subject == f"command.{tick.name}.tick"
