"""WhatsApp's notifications: what was sent, and what we make of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import (
    ChoiceTapped,
    ContactShared,
    Content,
    DeliveryReported,
    InboundMessage,
    MediaSent,
    MessageEdited,
    MessageRevoked,
    OtherSent,
    ReactionSent,
    Sender,
    TextSaid,
    inbound_id,
)
from gateway import whatsapp
from gateway.reading import Reading

SAMPLES = Path(__file__).parent / "samples"
PHONE_ID = "106540352242922"
ANNS_PHONE = "16505551234"
ANNS_ID = "US.13491208655302741918"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OUTBOUND = UUID("11111111-2222-5333-8444-555555555555")
ANN = {"profile": {"name": "Ann"}, "wa_id": ANNS_PHONE, "user_id": ANNS_ID}


def read(notification: Any) -> Reading:
    return whatsapp.read(json.dumps(notification).encode(), {PHONE_ID}, NOW)


def change(field: str = "messages", /, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": PHONE_ID}
    return {"field": field, "value": {"metadata": metadata} | value}


def notification(*changes: Any) -> dict[str, Any]:
    entry = {"id": "102290129340398", "changes": list(changes)}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def message(kind: str = "text", detail: Any = None, /, **fields: Any) -> dict[str, Any]:
    detail = {"body": "hi"} if kind == "text" and detail is None else detail
    base = {
        "from": ANNS_PHONE,
        "from_user_id": ANNS_ID,
        "id": "wamid.A",
        "timestamp": "1763800000",
        "type": kind,
        kind: detail,
    }
    return base | fields


def status(name: str = "delivered", /, **fields: Any) -> dict[str, Any]:
    return {"id": "wamid.O", "status": name, "biz_opaque_callback_data": str(OUTBOUND)} | fields


def said(*messages: Any, contacts: Any = (ANN,)) -> Reading:
    return read(notification(change(messages=messages, contacts=contacts)))


def only(reading: Reading) -> InboundMessage:
    assert reading.unreadable == []
    (found,) = reading.messages.values()
    assert isinstance(found, InboundMessage)
    return found


@pytest.mark.parametrize(
    ("sample", "chat_id", "content"),
    [
        ("whatsapp-text", ANNS_ID, TextSaid(text="hi")),
        ("whatsapp-button-reply", ANNS_ID, ChoiceTapped(choice_id="c1:a7:0", label="Yes")),
        ("whatsapp-list-reply", ANNS_ID, ChoiceTapped(choice_id="c1:a7:4", label="Row 5")),
        ("whatsapp-system-number", ANNS_PHONE, OtherSent(type="user_changed_number")),
        ("whatsapp-unsupported", ANNS_ID, OtherSent(type="unsupported")),
    ],
)
def test_each_documented_message_says_what_it_means(
    sample: str, chat_id: str, content: Content
) -> None:
    body = (SAMPLES / f"{sample}.json").read_bytes()

    found = only(whatsapp.read(body, {PHONE_ID}, NOW))

    assert found.content == content
    assert (found.address.account, found.address.chat_id) == (PHONE_ID, chat_id)
    assert found.id == found.correlation_id
    sent = json.loads(body)["entry"][0]["changes"][0]["value"]["messages"][0]
    assert found.id == inbound_id("whatsapp", PHONE_ID, sent["id"])
    assert found.sent_at.timestamp() == int(sent["timestamp"])
    assert found.occurred_at == NOW


@pytest.mark.parametrize(
    ("sample", "ours", "name", "reason"),
    [
        ("whatsapp-status-delivered", "ob_01J", "delivered", None),
        ("whatsapp-status-failed", "ob_01K", "failed", "whatsapp-131047"),
    ],
)
def test_each_documented_status_is_reported_when_the_message_was_ours(
    sample: str, ours: str, name: str, reason: str | None
) -> None:
    body = (SAMPLES / f"{sample}.json").read_bytes()

    assert whatsapp.read(body, {PHONE_ID}, NOW).unused == ["status-not-ours"]

    reading = whatsapp.read(body.replace(ours.encode(), str(OUTBOUND).encode()), {PHONE_ID}, NOW)
    (found,) = reading.messages.values()
    assert isinstance(found, DeliveryReported)
    assert (found.outbound_id, found.status, found.reason) == (OUTBOUND, name, reason)
    assert found.source == "platform"


def reply(kind: str, **detail: Any) -> dict[str, Any]:
    return message("interactive", {"type": kind, kind: detail})


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        (message("text", {"body": "привет 👋"}), TextSaid(text="привет 👋")),
        (message("text", {"body": "a" * 65_000}), TextSaid(text="a" * 8192)),
        (
            message("image", {"id": "1", "caption": "me"}),
            MediaSent(media="photo", file_id="1", caption="me"),
        ),
        (message("image", {"id": 1, "url": "x"}), MediaSent(media="photo")),
        (message("video", {"id": "1"}), MediaSent(media="video", file_id="1")),
        (message("audio", {"id": "1"}), MediaSent(media="audio", file_id="1")),
        (message("audio", {"id": "1", "voice": True}), MediaSent(media="voice", file_id="1")),
        (message("voice", {"id": "1"}), MediaSent(media="voice", file_id="1")),
        (message("document", {"id": "1"}), MediaSent(media="document", file_id="1")),
        (message("sticker", {"id": "1"}), MediaSent(media="sticker", file_id="1")),
        (message("location", {"latitude": 1.5}), MediaSent(media="location")),
        (reply("button_reply", id="yes", title="Yes"), ChoiceTapped(choice_id="yes", label="Yes")),
        (reply("list_reply", id="row"), ChoiceTapped(choice_id="row")),
        (reply("nfm_reply", response_json="{not json"), OtherSent(type="nfm_reply")),
        (message("interactive"), OtherSent(type="interactive")),
        (
            message("button", {"payload": "p", "text": "OK"}),
            ChoiceTapped(choice_id="p", label="OK"),
        ),
        (message("button", {"text": "OK"}), ChoiceTapped(choice_id="OK", label="OK")),
        (message("reaction", {"message_id": "w", "emoji": "👍"}), ReactionSent(emoji="👍")),
        (message("reaction", {"message_id": "w", "emoji": ""}), ReactionSent()),
        (message("reaction", {"message_id": "w"}), ReactionSent()),
        (
            message("edit", {"original_message_id": "w", "message": {"text": {"body": "new"}}}),
            MessageEdited(text="new"),
        ),
        (message("edit", {"original_message_id": "w"}), MessageEdited()),
        (message("revoke", {"original_message_id": "w"}), MessageRevoked()),
        (
            message("system", {"type": "user_changed_user_id"}),
            OtherSent(type="user_changed_user_id"),
        ),
        (message("order", {"catalog_id": "1"}), OtherSent(type="order")),
        (message("invented_in_2027", 5), OtherSent(type="invented_in_2027")),
        (message("x" * 500), OtherSent(type="x" * 64)),
        (message(type=None), OtherSent(type="unknown")),
        (
            message("contacts", [{"phones": [{"phone": "+1 650", "wa_id": ANNS_PHONE}]}]),
            ContactShared(phone=ANNS_PHONE, own=True),
        ),
        (
            message("contacts", [{"phones": [{"phone": "+1 777", "wa_id": "1777"}]}]),
            ContactShared(phone="1777", own=False),
        ),
        (
            message("contacts", [{"phones": [{"phone": "+1 650"}]}]),
            ContactShared(phone="+1 650", own=False),
        ),
        (
            message("contacts", [{"phones": [{"phone": "+1"}], "origin": "contact_request"}]),
            ContactShared(phone="+1", own=True),
        ),
        (message("contacts", [{"name": {}}]), OtherSent(type="contacts")),
        (message("contacts", "no list"), OtherSent(type="contacts")),
        (
            message(context={"id": "w", "from": "1"}, referral={"x": 1}, errors=[{"code": 1}]),
            TextSaid(text="hi"),
        ),
    ],
)
def test_each_kind_of_message_becomes_its_content(sent: dict[str, Any], content: Content) -> None:
    assert only(said(sent)).content == content


@pytest.mark.parametrize(
    ("sent_by", "contacts", "chat_id", "sender"),
    [
        # both ids, and the same person before business-scoped ids were there
        ({}, [ANN], ANNS_ID, Sender(name="Ann", phone=ANNS_PHONE)),
        (
            {"from_user_id": None},
            [{"profile": {"name": "Ann"}, "wa_id": ANNS_PHONE}],
            ANNS_PHONE,
            Sender(name="Ann", phone=ANNS_PHONE),
        ),
        # a person with a username: no number anywhere
        (
            {"from": None},
            [{"profile": {"name": "Ann", "username": "ann.b"}, "user_id": ANNS_ID}],
            ANNS_ID,
            Sender(name="Ann", username="ann.b"),
        ),
        # the scoped id where a number should be
        ({"from": ANNS_ID, "from_user_id": None}, [], ANNS_ID, Sender()),
        # letters in a scoped id, and a parent's
        ({"from_user_id": "BR.aB9z"}, [], "BR.aB9z", Sender(phone=ANNS_PHONE)),
        # only the contact knows the scoped id
        ({"from_user_id": None}, [ANN], ANNS_ID, Sender(name="Ann", phone=ANNS_PHONE)),
        # only the contact knows anything
        (
            {"from": None, "from_user_id": None},
            [ANN],
            ANNS_ID,
            Sender(name="Ann", phone=ANNS_PHONE),
        ),
        # no contacts, contacts that are no list, and somebody else's
        ({}, None, ANNS_ID, Sender(phone=ANNS_PHONE)),
        ({}, "none", ANNS_ID, Sender(phone=ANNS_PHONE)),
        ({}, [{"wa_id": "1777", "user_id": "US.7"}], ANNS_ID, Sender(phone=ANNS_PHONE)),
        # a plus sign is no other person
        ({"from": "+" + ANNS_PHONE}, [], ANNS_ID, Sender(phone=ANNS_PHONE)),
        # fields of other types than documented
        ({}, [ANN | {"profile": "Ann"}], ANNS_ID, Sender(phone=ANNS_PHONE)),
    ],
)
def test_a_person_is_known_by_the_scoped_id_first(
    sent_by: dict[str, Any], contacts: Any, chat_id: str, sender: Sender
) -> None:
    found = only(said(message(**sent_by), contacts=contacts))

    assert found.address.chat_id == chat_id
    assert found.sender == sender


def test_two_people_in_one_batch_keep_their_own_names() -> None:
    bob = {"profile": {"name": "Bob"}, "wa_id": "1777", "user_id": "US.7"}
    bobs = message(id="wamid.B", **{"from": "1777", "from_user_id": "US.7"})

    reading = said(message(), bobs, contacts=[bob, ANN])

    names = [each.sender.name for each in reading.messages.values() if hasattr(each, "sender")]
    assert names == ["Ann", "Bob"]


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        ("1763800000", 1763800000.0),
        (1763800000, 1763800000.0),
        ("1763800000500", 1763800000.5),
        (1763800000.0, 1763800000.0),
        ("", NOW.timestamp()),
        ("²", NOW.timestamp()),
        ("9" * 400, NOW.timestamp()),
        ([], NOW.timestamp()),
    ],
)
def test_a_time_is_understood_in_any_form_or_taken_as_now(timestamp: Any, seconds: float) -> None:
    assert only(said(message(timestamp=timestamp))).sent_at.timestamp() == seconds


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ([{"code": 131047, "error_data": "a string"}], "whatsapp-131047"),
        ([{"code": "131026"}], "whatsapp-131026"),
        ([{"title": "no code"}, {"code": 1}], "whatsapp-1"),
        ([], "whatsapp-unknown"),
        (None, "whatsapp-unknown"),
        ("odd", "whatsapp-unknown"),
    ],
)
def test_a_failure_is_told_by_its_code_alone(errors: Any, reason: str) -> None:
    reading = read(notification(change(statuses=[status("failed", errors=errors)])))

    (found,) = reading.messages.values()
    assert isinstance(found, DeliveryReported)
    assert found.reason == reason


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (status("played"), "status-other"),
        (status("deleted"), "status-other"),
        (status(["odd"]), "status-other"),  # type: ignore[arg-type]
        (status(biz_opaque_callback_data=None), "status-not-ours"),
        (status(biz_opaque_callback_data="order-7"), "status-not-ours"),
    ],
)
def test_a_status_that_is_not_ours_is_only_counted(sent: dict[str, Any], kind: str) -> None:
    reading = read(notification(change(statuses=[sent])))

    assert (reading.messages, reading.unreadable, reading.unused) == ({}, [], [kind])


def test_each_status_of_a_message_has_an_id_of_its_own_and_always_the_same() -> None:
    names = ["sent", "delivered", "read", "failed"]
    reports = notification(change(statuses=[status(name) for name in [*names, "sent"]]))

    reading = read(reports)

    assert [found.status for found in reading.messages.values()] == names  # type: ignore[union-attr]
    assert list(read(reports).messages) == list(reading.messages)


@pytest.mark.parametrize(
    ("sent", "kinds"),
    [
        (
            change("message_template_status_update", event="APPROVED"),
            ["message_template_status_update"],
        ),
        (change("user_id_update", user_id={"previous": "US.1"}), ["user_id_update"]),
        ({"value": {}}, ["unknown"]),
        (change(metadata={"phone_number_id": "999"}, messages=[message()]), ["unknown-account"]),
        (change(messages=[message(group_id="G")]), ["group"]),
        (change(errors=[{"code": 1}, {"code": 2}]), ["errors", "errors"]),
        (change(user_actions=[{"type": "x"}]), ["user_actions"]),
        (change(), []),
    ],
)
def test_what_has_no_use_is_counted_by_kind(sent: Any, kinds: list[str]) -> None:
    reading = read(notification(sent))

    assert (reading.messages, reading.unreadable, reading.unused) == ({}, [], kinds)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"entry": {}}',
        b'{"entry": ["x"]}',
        b'{"entry": [{"changes": "x"}]}',
        b'{"entry": [{"changes": [5]}]}',
        b'{"entry": [{"changes": [{"field": "messages"}]}]}',
        b'{"entry": [{"changes": [{"field": "messages", "value": {"metadata": []}}]}]}',
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
        message(**{"from": None, "from_user_id": None}),
        message(**{"from": "Ann Lee", "from_user_id": "x"}),
        message("text", {"body": ""}),
        message("text", "x"),
        reply("button_reply", title="Yes"),
        message("button", {}),
        message(**{"from": "1" * 40, "from_user_id": "US." + "9" * 138}),
    ],
)
def test_one_bad_item_costs_neither_its_neighbours_nor_itself(bad: Any) -> None:
    bob = message(id="wamid.B", **{"from": "17775550000", "from_user_id": None})

    reading = said(bad, bob, contacts=[])

    assert len(reading.unreadable) == 1
    (found,) = reading.messages.values()
    assert isinstance(found, InboundMessage)
    assert found.address.chat_id == "17775550000"


def test_a_message_that_stands_twice_in_a_batch_is_one() -> None:
    only(said(message(), message()))


items = st.lists(
    st.one_of(
        st.builds(lambda n: ("messages", message(id=f"wamid.{n}")), st.integers(0, 10**9)),
        st.builds(lambda _: ("statuses", status(biz_opaque_callback_data=str(uuid4()))), st.none()),
    ),
    min_size=1,
    max_size=200,
)


@given(items, st.data())
def test_of_a_batch_none_is_lost_or_doubled(
    batch: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    entries: list[dict[str, Any]] = []
    rest = batch
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        value: dict[str, list[Any]] = {"messages": [], "statuses": []}
        for list_name, item in part:
            value[list_name].append(item)
        entries += notification(change(contacts=[ANN], **value))["entry"]

    reading = read({"object": "whatsapp_business_account", "entry": entries})

    sent = {
        inbound_id("whatsapp", PHONE_ID, item["id"])
        if list_name == "messages"
        else UUID(item["biz_opaque_callback_data"])
        for list_name, item in batch
    }
    got = [
        found.outbound_id if isinstance(found, DeliveryReported) else found.id
        for found in reading.messages.values()
    ]
    assert sorted(got) == sorted(sent)
    assert (reading.unused, reading.unreadable) == ([], [])
