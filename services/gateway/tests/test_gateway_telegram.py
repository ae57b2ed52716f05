"""Telegram's updates, one by one: what was sent, and what we make of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts import (
    ChatBlocked,
    ChatUnblocked,
    ChoiceTapped,
    ContactShared,
    Content,
    InboundMessage,
    MediaSent,
    MessageEdited,
    OtherSent,
    ReactionSent,
    Sender,
    TextSaid,
    inbound_id,
)
from gateway import telegram
from gateway.reading import Reading

SAMPLES = Path(__file__).parent / "samples"
BOT = "123456"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANN = {"id": 42, "is_bot": False, "first_name": "Ann", "last_name": "Lee", "language_code": "en"}
PRIVATE = {"id": 42, "type": "private", "first_name": "Ann"}
PHOTO = [{"file_id": "small", "width": 90}, {"file_id": "large", "width": 1280}]


def read(update: Any) -> Reading:
    return telegram.read(json.dumps(update).encode(), BOT, NOW)


def message(**fields: Any) -> dict[str, Any]:
    base = {"message_id": 11, "from": ANN, "chat": PRIVATE, "date": 1763800000}
    return {"update_id": 7, "message": base | fields}


def only(reading: Reading) -> InboundMessage:
    assert reading.unreadable == []
    (found,) = reading.messages.values()
    assert isinstance(found, InboundMessage)
    return found


@pytest.mark.parametrize(
    ("sample", "content"),
    [
        ("telegram-start", TextSaid(text="/start ref_7")),
        ("telegram-callback", ChoiceTapped(choice_id="c1:a7:0", label="Yes")),
        ("telegram-blocked", ChatBlocked()),
        ("telegram-contact", ContactShared(phone="15550001111", own=True)),
        ("telegram-edited", MessageEdited(text="fixed")),
    ],
)
def test_each_documented_update_says_what_it_means(sample: str, content: Content) -> None:
    body = (SAMPLES / f"{sample}.json").read_bytes()

    found = only(telegram.read(body, BOT, NOW))

    assert found.content == content
    assert found.address.chat_id == "42"
    assert found.sender.name == "Ann"
    assert found.id == found.correlation_id
    assert found.id == inbound_id("telegram", BOT, str(json.loads(body)["update_id"]))
    assert found.occurred_at == NOW


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"text": "привет 👋"}, TextSaid(text="привет 👋")),
        ({"text": "a" * 9000}, TextSaid(text="a" * 8192)),
        (
            {"photo": PHOTO, "caption": "me"},
            MediaSent(media="photo", file_id="large", caption="me"),
        ),
        ({"voice": {"file_id": "v"}}, MediaSent(media="voice", file_id="v")),
        ({"audio": {"file_id": "a"}}, MediaSent(media="audio", file_id="a")),
        ({"video": {"file_id": "m"}}, MediaSent(media="video", file_id="m")),
        ({"video_note": {"file_id": "n"}}, MediaSent(media="video", file_id="n")),
        ({"document": {"file_id": "d"}}, MediaSent(media="document", file_id="d")),
        (
            {"document": {"file_id": "d"}, "animation": {"file_id": "g"}},
            MediaSent(media="video", file_id="g"),
        ),
        ({"sticker": {"file_id": "s"}}, MediaSent(media="sticker", file_id="s")),
        ({"sticker": {"no": "file"}}, MediaSent(media="sticker")),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, MediaSent(media="location")),
        (
            {"contact": {"phone_number": "+15550002222", "user_id": 43}},
            ContactShared(phone="+15550002222", own=False),
        ),
        ({"contact": {"phone_number": "1"}}, ContactShared(phone="1", own=False)),
        ({"contact": {"phone_number": "1"}, "from": {}}, ContactShared(phone="1", own=False)),
        ({"poll": {"id": "1", "question": "?"}}, OtherSent(type="poll")),
        ({"dice": {"value": 6}}, OtherSent(type="dice")),
        ({"invented_in_2027": {}}, OtherSent(type="unknown")),
        ({"text": 5}, OtherSent(type="unknown")),
    ],
)
def test_each_kind_of_message_becomes_its_content(fields: dict[str, Any], content: Content) -> None:
    assert only(read(message(**fields))).content == content


def test_the_sender_is_what_telegram_says_of_the_person() -> None:
    person = ANN | {"username": "ann"}

    assert only(read(message(text="hi", **{"from": person}))).sender == Sender(
        name="Ann Lee", username="ann", language="en"
    )
    assert only(read(message(text="hi", **{"from": None}))).sender == Sender()


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [
        (1763800000, datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)),
        ("1763800000", datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)),
        (1763800000500, datetime(2025, 11, 22, 8, 26, 40, 500000, tzinfo=UTC)),
        (None, NOW),
        ("soon", NOW),
        (-5, NOW),
        (10**18, NOW),
        (True, NOW),
    ],
)
def test_a_time_is_understood_in_any_form_or_taken_as_now(date: Any, sent_at: datetime) -> None:
    assert only(read(message(text="hi", date=date))).sent_at == sent_at


def test_an_edit_is_told_at_the_time_of_the_edit() -> None:
    edited = {"chat": PRIVATE, "from": ANN, "date": 1, "edit_date": 1763800000, "caption": "new"}

    found = only(read({"update_id": 7, "edited_message": edited}))

    assert found.content == MessageEdited(text="new")
    assert found.sent_at.timestamp() == 1763800000


@pytest.mark.parametrize(
    ("new", "emoji"),
    [([{"type": "emoji", "emoji": "👍"}], "👍"), ([], None), ([{"type": "paid"}], None)],
)
def test_a_reaction_is_its_emoji_or_none_when_taken_back(new: Any, emoji: str | None) -> None:
    reaction = {"chat": PRIVATE, "user": ANN, "date": 1763800000, "new_reaction": new}

    found = only(read({"update_id": 7, "message_reaction": reaction}))

    assert found.content == ReactionSent(emoji=emoji)
    assert found.sender.name == "Ann Lee"


def tap(**fields: Any) -> dict[str, Any]:
    query = {"id": "180", "from": ANN, "message": {"chat": PRIVATE, "date": 0}, "data": "yes"}
    return {"update_id": 7, "callback_query": query | fields}


def test_a_tap_is_answered_and_told_as_of_now() -> None:
    reading = read(tap())

    assert reading.callback_query_id == "180"
    assert only(reading).content == ChoiceTapped(choice_id="yes")
    assert only(reading).sent_at == NOW


@pytest.mark.parametrize(
    "fields",
    [{"data": None, "game_short_name": "chess"}, {"message": None, "inline_message_id": "x"}],
)
def test_a_tap_that_is_none_of_ours_is_counted_and_still_answered(fields: dict[str, Any]) -> None:
    reading = read(tap(**fields))

    assert reading.messages == {}
    assert reading.unused == ["callback_query"]
    assert reading.callback_query_id == "180"


@pytest.mark.parametrize("keyboard", [None, "x", [None], [["x"]], [[{"callback_data": "no"}]]])
def test_an_odd_keyboard_costs_only_the_label(keyboard: Any) -> None:
    markup = {"inline_keyboard": keyboard}

    found = only(read(tap(message={"chat": PRIVATE, "reply_markup": markup})))

    assert found.content == ChoiceTapped(choice_id="yes")


@pytest.mark.parametrize(
    ("status", "content"), [("kicked", ChatBlocked()), ("member", ChatUnblocked())]
)
def test_blocking_and_unblocking_come_in(status: str, content: Content) -> None:
    member = {"chat": PRIVATE, "from": ANN, "date": 1, "new_chat_member": {"status": status}}

    assert only(read({"update_id": 7, "my_chat_member": member})).content == content


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        ({"update_id": 7, "poll": {"id": "1"}}, "poll"),
        ({"update_id": 7, "inline_query": {"id": "1"}}, "inline_query"),
        ({"update_id": 7, "channel_post": {"chat": {"id": -100}}}, "channel_post"),
        ({"update_id": 7, "invented_in_2027": {}}, "unknown"),
        ({"update_id": 7}, "unknown"),
        (message(text="hi all", chat={"id": -1001234567890, "type": "supergroup"}), "group"),
        (
            {"update_id": 7, "my_chat_member": {"new_chat_member": {"status": "administrator"}}},
            "my_chat_member",
        ),
    ],
)
def test_what_has_no_use_is_counted_by_kind(update: dict[str, Any], kind: str) -> None:
    reading = read(update)

    assert (reading.messages, reading.unreadable, reading.unused) == ({}, [], [kind])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"update_id": true}',
        b'{"update_id": null, "message": {"text": "hi"}}',
        b'{"update_id": 7, "message": "hi"}',
        b'{"update_id": 7, "message": {"text": "hi"}}',
        b'{"update_id": 7, "message": {"text": "hi", "chat": {"id": "me"}}}',
        b'{"update_id": 7, "message": {"text": "hi", "chat": {"id": ' + b"9" * 200 + b"}}}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"update_id": ' + b"9" * 10_000 + b"}",
    ],
)
def test_what_cannot_be_read_is_said_without_quoting_it(body: bytes) -> None:
    reading = telegram.read(body, BOT, NOW)

    assert reading.messages == {}
    (reason,) = reading.unreadable
    assert "hi" not in reason.split()
    assert len(reason) < 80


def test_half_an_emoji_costs_one_character() -> None:
    body = json.dumps(message(text="cut")).replace("cut", r"cut \ud83d").encode()

    assert only(telegram.read(body, BOT, NOW)).content == TextSaid(text="cut ?")
