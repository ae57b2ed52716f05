"""WhatsApp's batches where more than an example is to be said; see test_gateway_conformance."""

import json
from typing import Any

import pytest
from gateway_cases import METADATA, NOW, OUTBOUND, PHONE_ID

from contracts import DeliveryReported, FormSent, InboundMessage, MarketingPreferred, TextSaid
from contracts.delivery import handle
from gateway import whatsapp
from gateway.reading import Reading

ANN = {"profile": {"name": "Ann"}, "wa_id": "16505551234", "user_id": "US.77"}
BOB = {"profile": {"name": "Bob"}, "wa_id": "1777777", "user_id": "US.7"}


def read(**value: Any) -> Reading:
    change = {"field": "messages", "value": {"metadata": METADATA} | value}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
    return whatsapp.read(json.dumps(body).encode(), {PHONE_ID}, NOW)


def message(wamid: str = "wamid.A", /, **fields: Any) -> dict[str, Any]:
    by_ann = {"from": "16505551234", "from_user_id": "US.77"}
    return {"id": wamid, "type": "text", "text": {"body": "hi"}} | by_ann | fields


def status(name: str) -> dict[str, Any]:
    return {"id": "wamid.O", "status": name, "biz_opaque_callback_data": str(OUTBOUND)}


def heard(reading: Reading) -> list[InboundMessage]:
    return [each for each in reading.messages.values() if isinstance(each, InboundMessage)]


def test_two_people_in_one_batch_keep_their_own_names() -> None:
    bobs = message("wamid.B", **{"from": "1777777", "from_user_id": "US.7"})

    reading = read(messages=[message(), bobs], contacts=[BOB, ANN])

    assert [each.sender.name for each in heard(reading)] == ["Ann", "Bob"]


def test_of_two_messages_nobody_is_taken_for_the_only_contact() -> None:
    nobodys = message("wamid.B", **{"from": None, "from_user_id": None})

    reading = read(messages=[message(), nobodys], contacts=[ANN])

    assert [each.provider_id for each in heard(reading)] == ["wamid.A"]
    assert reading.unreadable == ["a message has no sender"]


def test_each_status_of_a_message_has_an_id_of_its_own_and_always_the_same() -> None:
    names = ["sent", "delivered", "read", "failed"]

    reading, again = (read(statuses=[status(n) for n in [*names, "sent"]]) for _ in range(2))

    reports = [each for each in reading.messages.values() if isinstance(each, DeliveryReported)]
    assert [each.status for each in reports] == names
    assert list(again.messages) == list(reading.messages)


def test_statuses_of_a_message_in_two_requests_are_told_apart() -> None:
    second = status("sent") | {"biz_opaque_callback_data": handle(OUTBOUND, 1)}

    reading = read(statuses=[status("sent"), second, second])

    reports = [each for each in reading.messages.values() if isinstance(each, DeliveryReported)]
    assert [(each.outbound_id, each.part) for each in reports] == [(OUTBOUND, 0), (OUTBOUND, 1)]


@pytest.mark.parametrize("foreign", [f"{OUTBOUND}.x", f"{OUTBOUND}.9999", "campaign.1", ".1"])
def test_a_handle_that_is_not_ours_is_no_status_of_ours(foreign: str) -> None:
    reading = read(statuses=[status("sent") | {"biz_opaque_callback_data": foreign}])

    assert reading.messages == {}
    assert reading.unused == ["status-not-ours"]


def test_what_is_longer_than_the_contract_is_cut() -> None:
    form = {"name": "n" * 900, "response_json": json.dumps({"k" * 900: "v" * 9000})}
    filled = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": form}}

    long, cut = heard(
        read(messages=[message(text={"body": "a" * 65_000}), message("wamid.B", **filled)])
    )

    assert long.content == TextSaid(text="a" * 8192)
    assert cut.content == FormSent(name="n" * 256, fields={"k" * 256: "v" * 8192})


def test_a_form_with_a_thousand_fields_keeps_the_first() -> None:
    form = {"response_json": json.dumps({f"field {n}": n for n in range(1000)})}
    filled = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": form}}

    (found,) = heard(read(messages=[message(**filled)]))

    assert isinstance(found.content, FormSent)
    assert list(found.content.fields) == [f"field {n}" for n in range(64)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"entry": {}}',
        b'{"entry": ["x"]}',
        b'{"entry": [{"changes": [{"field": "messages"}]}]}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_said_without_quoting_it(body: bytes) -> None:
    reading = whatsapp.read(body, {PHONE_ID}, NOW)

    assert reading.messages == {}
    (reason,) = reading.unreadable
    assert len(reason) < 80


@pytest.mark.parametrize(
    "bad",
    [
        "x",
        None,
        message(id=None),
        message(id="w" * 600),
        message(**{"from": None, "from_user_id": None}),
        message(text={"body": ""}),
        message(text="x"),
        message(type="interactive", interactive={"type": "button_reply", "button_reply": {}}),
        message(type="button", button={}),
        message(**{"from": "1" * 40, "from_user_id": "US." + "9" * 138}),
    ],
)
def test_one_bad_item_costs_neither_its_neighbours_nor_itself(bad: Any) -> None:
    bob = message("wamid.B", **{"from": "17775550000", "from_user_id": None})

    reading = read(messages=[bad, bob])

    assert len(reading.unreadable) == 1
    assert [each.address.chat_id for each in heard(reading)] == ["17775550000"]


def test_a_message_that_stands_twice_in_a_batch_is_one_as_it_was_told_first() -> None:
    (found,) = heard(read(messages=[message(), message(text={"body": "other"})]))

    assert found.content == TextSaid(text="hi")


STOP = {
    "wa_id": "16505551234",
    "detail": "User requested to stop marketing messages",
    "category": "marketing_messages",
    "value": "stop",
    "timestamp": 1731705721,
}


@pytest.mark.parametrize(("word", "stopped"), [("stop", True), ("resume", False)])
@pytest.mark.parametrize("field", ["user_preferences", "messages"])
def test_a_marketing_stop_is_heard(word: str, field: str, *, stopped: bool) -> None:
    value = {"metadata": METADATA, "contacts": [ANN], "user_preferences": [STOP | {"value": word}]}
    body = {"entry": [{"changes": [{"field": field, "value": value}]}]}
    readings = [whatsapp.read(json.dumps(body).encode(), {PHONE_ID}, NOW) for _ in range(2)]
    (told,) = heard(readings[0])
    assert told.content == MarketingPreferred(stopped=stopped)
    assert (told.address.chat_id, told.sender.phone) == ("US.77", "16505551234")
    assert told.sent_at.timestamp() == 1731705721
    assert heard(readings[1]) == [told]


def test_a_stop_after_a_resume_is_another_word() -> None:
    later = STOP | {"timestamp": 1731705999}
    back = STOP | {"value": "resume", "timestamp": 1731705800}
    reading = read(user_preferences=[STOP, back, later, STOP])
    assert len(heard(reading)) == 3
    assert {each.address.chat_id for each in heard(reading)} == {"16505551234"}


def test_a_preference_that_says_nothing_known_is_counted() -> None:
    reading = read(
        user_preferences=[
            STOP | {"value": "perhaps"},
            STOP | {"category": "colours"},
            STOP | {"wa_id": None},
            7,
        ]
    )
    assert heard(reading) == []
    assert reading.unused == ["preference-other"] * 2
    assert reading.unreadable == [
        "a preference is nobody's",
        "an item of user_preferences is not an object",
    ]
