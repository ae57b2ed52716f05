"""May this message go to this person now?"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from notifier_house import NOON, outbound, whatsapp_address

from contracts import Priority, Template
from notifier.decisions import (
    Send,
    Settle,
    after_lost_answer,
    backoff_seconds,
    decide,
)
from notifier.ledger import Entry
from notifier.outage import TRIAL_ENDS_SECONDS, TRIAL_SECONDS_MAX, Outage
from notifier.peers import Peer
from runtime.failures import Unavailable

TEMPLATE = Template(name="reminder")


def ago(**time: float) -> datetime:
    return NOON - timedelta(**time)


@pytest.mark.parametrize(
    ("changes", "peer", "expected"),
    [
        ({}, Peer(), Send()),
        ({"expires_at": ago(seconds=-1)}, Peer(), Send()),
        ({"expires_at": NOON}, Peer(), Settle("expired")),
        ({}, Peer(blocked=True), Settle("suppressed", "blocked")),
        # Telegram has no window.
        ({}, Peer(heard_at=ago(days=90)), Send()),
    ],
)
def test_on_telegram(changes: Any, peer: Peer, expected: Send | Settle) -> None:
    assert decide(outbound(**changes), peer, NOON) == expected


@pytest.mark.parametrize(
    ("changes", "heard_at", "expected"),
    [
        ({}, ago(hours=23, minutes=49), Send()),
        ({}, ago(hours=23, minutes=50), Settle("suppressed", "window-closed")),
        ({}, None, Settle("suppressed", "window-closed")),
        ({"template": TEMPLATE}, ago(hours=23), Send()),
        ({"template": TEMPLATE}, ago(hours=24), Send(by_template=True)),
        ({"template": TEMPLATE}, None, Send(by_template=True)),
        ({"template": TEMPLATE, "expires_at": ago(seconds=1)}, None, Settle("expired")),
    ],
)
def test_on_whatsapp_only_a_template_goes_out_after_a_day(
    changes: Any, heard_at: datetime | None, expected: Send | Settle
) -> None:
    message = outbound(address=whatsapp_address(), **changes)
    assert decide(message, Peer(heard_at=heard_at), NOON) == expected


def test_whoever_writes_again_is_not_blocked_any_more() -> None:
    peer = Peer().hear(ago(hours=2)).block()
    assert peer.hear(ago(hours=2)).blocked, "a message from before the block proves nothing"
    assert peer.hear(ago(hours=3)).blocked
    assert peer.hear(ago(hours=3)).heard_at == ago(hours=2), "the latest wins"
    assert not peer.hear(ago(hours=1)).blocked


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        ("reply", None),
        ("transactional", None),
        ("reminder", Settle("unknown", "answer-lost")),
        ("bulk", Settle("unknown", "answer-lost")),
    ],
)
def test_a_lost_answer_by_class(priority: Priority, expected: Settle | None) -> None:
    assert after_lost_answer(priority, Entry(state="attempting")) == expected
    twice = Entry(state="attempting", repeated=True)
    assert after_lost_answer(priority, twice) == Settle("unknown", "answer-lost")


def test_refusals_wait_four_times_longer_each() -> None:
    assert [backoff_seconds(number) for number in range(6)] == [1, 4, 16, 64, 256, 256]


class Stopwatch:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def refused(outage: Outage) -> bool:
    try:
        outage.admit()
    except Unavailable:
        return True
    return False


def test_in_an_outage_one_call_at_a_time_tries() -> None:
    now = Stopwatch()
    outage = Outage("telegram", "123456", now)
    assert not refused(outage)
    outage.begin("telegram-unreachable")
    assert refused(outage)
    with pytest.raises(Unavailable, match=r"telegram \(telegram-unreachable\)"):
        outage.check()
    now.seconds += 1
    assert [refused(outage) for _ in range(3)] == [False, True, True]
    outage.end()
    assert [refused(outage) for _ in range(3)] == [False, False, False]
    assert outage.reason is None


def test_trials_become_rarer_but_never_rare() -> None:
    now = Stopwatch()
    outage = Outage("telegram", "123456", now)
    outage.begin("telegram-500")
    waits = []
    for _ in range(6):
        began = now.seconds
        while refused(outage):
            now.seconds += 0.125
        waits.append(now.seconds - began)
        outage.begin("telegram-500")
    assert waits == [0.5, 1, 2, 4, 5, 5]
    assert max(waits) <= TRIAL_SECONDS_MAX


def test_calls_that_were_under_way_do_not_delay_the_first_trial() -> None:
    now = Stopwatch()
    outage = Outage("telegram", "123456", now)
    for _ in range(25):
        outage.begin("telegram-500")
    now.seconds += 0.5
    assert not refused(outage)


def test_a_trial_that_told_nothing_makes_way_for_the_next() -> None:
    now = Stopwatch()
    outage = Outage("telegram", "123456", now)
    outage.begin("telegram-500")
    now.seconds += 0.5
    assert not refused(outage)
    outage.try_again()
    now.seconds += 0.5
    assert not refused(outage)
    # This one's handler is stopped and says nothing at all.
    now.seconds += TRIAL_ENDS_SECONDS
    assert not refused(outage)
