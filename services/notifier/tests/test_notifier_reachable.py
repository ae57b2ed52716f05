"""Counting beforehand whom a message would reach."""

from datetime import timedelta
from itertools import product

from notifier_house import NOON, outbound, telegram_address, whatsapp_address

from contracts import CountReachable, Template
from notifier.decisions import Send, Settle, decide
from notifier.peers import Peer
from notifier.reachable import reach_of
from notifier.templates.catalogue import catalogue
from notifier.templates.standing import Account, Approval, Approvals

BY_REASON = {
    "blocked": "blocked",
    "marketing-stopped": "blocked",
    "window-closed": "window_closed",
    "text-unfit-for-template": "window_closed",
    "template-not-approved": "no_template",
}


def test_whoever_is_counted_as_reachable_is_sent_to_and_nobody_else() -> None:
    approved = Approvals.as_of(
        Account(
            synced_at=NOON,
            approvals={
                "organiser_message/en_US": Approval(status="approved", category="marketing")
            },
        ),
        NOON,
    )
    paused = Approvals.as_of(
        Account(
            synced_at=NOON,
            approvals={"organiser_message/en_US": Approval(status="paused", category="marketing")},
        ),
        NOON,
    )
    parameters = catalogue()["organiser_message"].en.examples
    too_long = ("PyCon", "words " * 300)
    seen = set()
    for address, heard_ago, blocked, stopped, marketing, template, approvals in product(
        (telegram_address(), whatsapp_address()),
        (None, timedelta(hours=1), timedelta(days=2)),
        (False, True),
        (False, True),
        (False, True),
        (None, parameters, too_long),
        (Approvals(), approved, paused),
    ):
        peer = Peer(
            heard_at=NOON - heard_ago if heard_ago else None,
            blocked=blocked,
            marketing_stopped=stopped,
        )
        message = outbound(
            address=address,
            marketing=marketing,
            template=Template(name="organiser_message", parameters=template) if template else None,
        )
        query = CountReachable(
            addresses=(address,),
            template="organiser_message" if template else None,
            parameters=template or (),
            marketing=marketing,
        )
        plan = decide(message, peer, NOON, approvals)
        found = reach_of(query, address, peer, approvals, NOON)
        seen.add(found)
        match plan:
            case Send():
                assert found == "reachable"
            case Settle(reason=reason):
                assert reason is not None
                assert found == BY_REASON[reason]
    assert seen == {"reachable", *BY_REASON.values()}
