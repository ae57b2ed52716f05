"""When a message takes another way to the person, and that it is said once."""

from typing import Any

import pytest
from notifier_house import outbound, telegram_address, whatsapp_address

from contracts import Address, Recipient, Template
from notifier.ledger import Entry
from notifier.passing_on import passed_on

MAIL = Recipient(
    address=Address(platform="email", account="mail", chat_id="7"), email_to="ann@example.org"
)
WHATSAPP = Recipient(address=whatsapp_address())
LOST = Entry(state="settled", status="suppressed", reason="blocked")


def anywhere(_address: Address) -> bool:
    return True


def a_notice(**changes: Any) -> Any:
    return outbound(**({"priority": "transactional", "alternatives": (WHATSAPP, MAIL)} | changes))


def test_the_next_way_has_its_own_address_and_an_id_that_follows() -> None:
    message = a_notice(heard_at="2026-11-23T12:00:00Z", in_reply_to="5")
    second = passed_on(message, LOST, serves=anywhere)
    assert second is not None
    assert (second.address, second.alternatives) == (WHATSAPP.address, (MAIL,))
    assert second == passed_on(message, LOST, serves=anywhere), "the same again"
    assert (second.heard_at, second.in_reply_to) == (None, None)
    third = passed_on(second, LOST, serves=anywhere)
    assert third is not None
    assert (third.email_to, third.alternatives) == ("ann@example.org", ())
    assert len({message.id, second.id, third.id}) == 3
    assert third.text == message.text
    assert passed_on(third, LOST, serves=anywhere) is None


def test_a_way_that_nobody_serves_is_left_out() -> None:
    second = passed_on(a_notice(), LOST, serves=lambda address: address.platform == "email")
    assert second is not None
    assert second.address == MAIL.address
    assert passed_on(a_notice(), LOST, serves=lambda _address: False) is None


def test_nobody_is_sent_the_same_to_the_same_address() -> None:
    message = a_notice(alternatives=(Recipient(address=telegram_address()), MAIL))
    second = passed_on(message, LOST, serves=anywhere)
    assert second is not None
    assert second.address == MAIL.address


@pytest.mark.parametrize(
    ("priority", "goes_on"),
    [("reply", False), ("transactional", True), ("reminder", True), ("bulk", True)],
)
def test_the_class_says_whether_another_way_is_taken(priority: str, goes_on: bool) -> None:
    found = passed_on(a_notice(priority=priority), LOST, serves=anywhere)
    assert (found is not None) == goes_on


def test_a_code_goes_on_to_where_it_proves_the_same() -> None:
    message = a_notice(template=Template(name="code", parameters=("123456",)))
    assert passed_on(message, LOST, serves=anywhere) is not None
    assert passed_on(message.model_copy(update={"alternatives": ()}), LOST, serves=anywhere) is None


@pytest.mark.parametrize(
    ("entry", "goes_on"),
    [
        ({"status": "suppressed", "reason": "window-closed"}, True),
        ({"status": "suppressed", "reason": "template-not-approved"}, True),
        ({"status": "suppressed", "reason": "text-unfit-for-template"}, True),
        ({"status": "suppressed", "reason": "tier-limit"}, True),
        ({"status": "suppressed", "reason": "code-to-scoped-id"}, True),
        ({"status": "failed", "reason": "whatsapp-131062"}, True),
        ({"status": "failed", "reason": "telegram-403"}, True),
        # A wish of the person, which another way would circumvent.
        ({"status": "suppressed", "reason": "marketing-stopped"}, False),
        ({"status": "failed", "reason": "whatsapp-131050"}, False),
        # The words themselves are not true any more.
        ({"status": "suppressed", "reason": "newer-notice"}, False),
        ({"status": "suppressed", "reason": "forgotten"}, False),
        ({"status": "expired"}, False),
        # A human may still have it sent.
        ({"status": "set-aside", "reason": "bug"}, False),
        # The person may have it, or a part of it.
        ({"status": "unknown", "reason": "answer-lost"}, False),
        ({"status": "failed", "reason": "telegram-403", "repeated": True}, False),
        ({"status": "failed", "reason": "telegram-403", "parts": 2, "parts_accepted": 1}, False),
        ({"status": "accepted", "parts_accepted": 1}, False),
        ({"state": "attempting", "status": None}, False),
    ],
)
def test_only_what_certainly_does_not_reach_the_person_goes_on(
    entry: dict[str, Any], goes_on: bool
) -> None:
    found = passed_on(a_notice(), Entry(**({"state": "settled"} | entry)), serves=anywhere)
    assert (found is not None) == goes_on
