"""WhatsApp's window and its templates, decided before the call."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from notifier_house import NOON, outbound, whatsapp_address

from contracts import Address, Recipient, Template
from notifier.decisions import WINDOW, Send, Settle, decide, stale, tier_full, window_open
from notifier.peers import Peer
from notifier.templates.catalogue import Language, catalogue
from notifier.templates.standing import KNOWN_FOR, Account, Approval, Approvals

SKEW = timedelta(minutes=5)
"""How far our clock and Meta's may be apart, in either direction."""
HELD = timedelta(minutes=4)
"""How long a decided message may take to reach Meta."""
MAIL = Recipient(
    address=Address(platform="email", account="mail", chat_id="7"), email_to="ann@example.org"
)
META_WINDOW = timedelta(hours=24)
AGES = 100_000


def refused(window: timedelta, seed: int) -> tuple[int, int]:
    """How many of the random ages Meta would answer with 131047, and how many went as free text."""
    random_ = random.Random(seed)
    refusals = free = 0
    for _ in range(AGES):
        # Half of them around the edge, where it matters.
        hours = random_.choice((random_.uniform(0, 48), random_.uniform(23.6, 24.2)))
        heard_at = NOON - timedelta(hours=hours)
        skew = SKEW * random_.uniform(-1, 1)
        held = HELD * random_.random()
        # Meta tells whole seconds, of its own clock.
        peer = Peer(heard_at=heard_at.replace(microsecond=0))
        if window_open(peer, NOON + skew, window):
            free += 1
            refusals += NOON + held - heard_at >= META_WINDOW
    return refusals, free


def test_of_a_hundred_thousand_windows_none_is_closed_when_meta_looks() -> None:
    refusals, free = refused(WINDOW, 1)
    assert refusals == 0
    assert free > AGES / 4, "most of what may go as free text does"


def test_without_a_margin_some_would_be_closed() -> None:
    refusals, _ = refused(META_WINDOW, 1)
    assert refusals > 100


def told(now: datetime = NOON, **statuses: str | None) -> Approvals:
    """An account that Meta has told of; its templates are approved unless told otherwise."""
    approvals = {
        f"{name}/{code}": Approval(status=status, category=one.category)
        for name, one in catalogue().items()
        for code in ("en_US", "ru")
        if (status := statuses.get(name, "approved")) is not None
    }
    return Approvals.as_of(Account(synced_at=now, approvals=approvals), NOON)


def a_reminder(**changes: Any) -> Any:
    template = Template(name="event_soon", parameters=("PyCon", "now", "here"))
    return outbound(address=whatsapp_address(), template=template, **changes)


LONG_AGO = Peer(heard_at=NOON - timedelta(days=3))


@pytest.mark.parametrize(
    ("approvals", "expected"),
    [
        (Approvals(), Send(by_template=True)),
        (told(), Send(by_template=True)),
        (told(event_soon="paused"), Settle("suppressed", "template-not-approved")),
        (told(event_soon="pending"), Settle("suppressed", "template-not-approved")),
        (told(event_changed="paused"), Send(by_template=True)),
        (told(event_soon=None), Settle("suppressed", "template-not-approved")),
        # What Meta said long ago keeps nothing from anybody.
        (told(NOON - KNOWN_FOR * 2, event_soon="paused"), Send(by_template=True)),
    ],
)
def test_a_template_is_sent_unless_meta_says_that_it_may_not(
    approvals: Approvals, expected: Send | Settle
) -> None:
    assert decide(a_reminder(), LONG_AGO, NOON, approvals) == expected


def test_inside_the_window_no_template_is_asked_for() -> None:
    peer = Peer(heard_at=NOON - timedelta(hours=1))
    assert decide(a_reminder(), peer, NOON, told(event_soon="paused")) == Send()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_organiser_s_long_words_reach_nobody_by_template(language: Language) -> None:
    def asked(text: str) -> Send | Settle:
        template = Template(name="organiser_message", parameters=("PyCon", text))
        message = outbound(
            address=whatsapp_address(), template=template, language=language, marketing=True
        )
        return decide(message, LONG_AGO, NOON, told())

    assert asked("Bring a pen.") == Send(by_template=True)
    assert asked("Bring a pen. " * 100) == Settle("suppressed", "text-unfit-for-template")


@pytest.mark.parametrize(
    ("marketing", "name", "heard_ago", "stops"),
    [
        (True, "organiser_message", timedelta(days=2), True),
        (True, "organiser_message", timedelta(hours=1), True),
        # A template of the category counts, whatever the message says of itself.
        (False, "organiser_message", timedelta(days=2), True),
        (False, "event_soon", timedelta(days=2), False),
        (False, "event_soon", timedelta(hours=1), False),
    ],
)
def test_who_stopped_marketing_gets_none(
    marketing: bool, name: str, heard_ago: timedelta, stops: bool
) -> None:
    parameters = catalogue()[name].en.examples
    message = outbound(
        address=whatsapp_address(),
        template=Template(name=name, parameters=parameters),
        marketing=marketing,
    )
    peer = Peer(heard_at=NOON - heard_ago, marketing_stopped=True)
    plan = decide(message, peer, NOON, told())
    assert (plan == Settle("suppressed", "marketing-stopped")) == stops


@pytest.mark.parametrize(
    ("changes", "waits"),
    [
        ({"priority": "bulk"}, False),
        ({"priority": "reminder"}, True),
        ({"priority": "transactional"}, True),
        ({"priority": "transactional", "alternatives": (MAIL,)}, False),
    ],
)
def test_where_nobody_new_may_be_written_to_today_news_and_what_has_another_way_do_not_wait(
    changes: dict[str, Any], waits: bool
) -> None:
    settle = tier_full(a_reminder(**changes))
    assert settle == (None if waits else Settle("suppressed", "tier-limit"))


def test_what_has_waited_until_the_window_is_over_is_decided_again() -> None:
    message, peer = a_reminder(), Peer(heard_at=NOON - WINDOW)
    assert not stale(Send(), message, peer, NOON - timedelta(seconds=1))
    assert stale(Send(), message, peer, NOON)
    assert not stale(Send(by_template=True), message, peer, NOON)
    assert not stale(Send(), outbound(), Peer(), NOON), "only WhatsApp has windows"


def test_metas_word_for_a_category_counts_more_than_ours() -> None:
    approval = Approval(status="approved", category="marketing")
    account = Account(synced_at=NOON, approvals={"event_soon/en_US": approval})
    peer = LONG_AGO.model_copy(update={"marketing_stopped": True})
    plan = decide(a_reminder(), peer, NOON, Approvals.as_of(account, NOON))
    assert plan == Settle("suppressed", "marketing-stopped")
