"""The doors over real HTTP in front of a real broker."""

import asyncio
import json

import pytest
from conftest import APP_SECRET, BOT, PHONE_ID, TELEGRAM_SECRET, VERIFY_TOKEN, Gateway, signed

pytestmark = pytest.mark.asyncio

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
HELLO = {
    "update_id": 100001,
    "message": {
        "message_id": 11,
        "from": {"id": 42, "is_bot": False, "first_name": "Ann"},
        "chat": {"id": 42, "type": "private"},
        "date": 1763800000,
        "text": "hello",
    },
}


async def test_an_authentic_update_is_in_the_stream_before_telegram_is_told(
    gateway: Gateway,
) -> None:
    response = await gateway.telegram(HELLO)

    assert response.status_code == 200
    (message,) = await gateway.stored("INBOUND")
    assert message["content"] == {"kind": "text", "text": "hello"}
    assert message["address"] == {"platform": "telegram", "account": BOT, "chat_id": "42"}
