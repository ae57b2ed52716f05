"""Telegram's updates where one more than an example is to be said; see test_gateway_conformance."""

import json
from typing import Any

import pytest
from gateway_cases import BOT, NOW

from contracts import ChoiceTapped, InboundMessage, TextSaid, inbound_id
from gateway import telegram

PRIVATE = {"id": 42, "type": "private"}


def update(**message: Any) -> bytes:
    return json.dumps({"update_id": 7, "message": {"chat": PRIVATE} | message}).encode()


def only(body: bytes) -> InboundMessage:
    reading = telegram.read(body, BOT, NOW)
    assert reading.unreadable == []
    (found,) = reading.messages.values()
    assert isinstance(found, InboundMessage)
    return found


def test_a_text_is_cut_where_the_contract_ends() -> None:
    assert only(update(text="a" * 9000)).content == TextSaid(text="a" * 8192)


def test_a_name_is_cut_and_an_id_that_is_too_long_is_none() -> None:
    sender = {"id": 42, "first_name": "A" * 1000}

    found = only(update(**{"from": sender}, sticker={"file_id": "x" * 1000}))

    assert found.sender.name == "A" * 256
    assert found.content.model_dump()["file_id"] is None


def test_the_same_update_of_another_bot_is_another_message() -> None:
    ids = {next(iter(telegram.read(update(text="x"), bot, NOW).messages)) for bot in ("1", "2")}

    assert ids == {inbound_id("telegram", "1", "7"), inbound_id("telegram", "2", "7")}


@pytest.mark.parametrize("keyboard", [None, "x", [None], [["x"]], [[{"callback_data": "no"}]]])
def test_an_odd_keyboard_costs_only_the_label(keyboard: Any) -> None:
    message = {"chat": PRIVATE, "reply_markup": {"inline_keyboard": keyboard}}
    query = {"id": "180", "message": message, "data": "yes"}

    found = only(json.dumps({"update_id": 7, "callback_query": query}).encode())

    assert found.content == ChoiceTapped(choice_id="yes")


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
