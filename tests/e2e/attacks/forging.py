"""Webhooks as a platform sends them for somebody who uses a program of their own."""

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import httpx

from devstack.house import House
from devstack.installation import DEMO_VALUES
from tests.e2e.people import Person

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SIGNATURE_HEADER = "X-Hub-Signature-256"
MESSAGE_ID = 1
WRITTEN_AT = 1_800_000_000


async def taps_anything(house: House, person: Person, choice_id: str) -> None:
    """Tap a choice that no message has ever offered to this person."""
    if person.platform == "telegram":
        await _telegram(house, person, choice_id)
    else:
        await _whatsapp(house, person, choice_id)


async def _telegram(house: House, person: Person, choice_id: str) -> None:
    user = {"id": int(person.id), "is_bot": False, "first_name": "Ann", "language_code": "en"}
    chat = {"id": int(person.id), "type": "private", "first_name": "Ann"}
    bot = {"id": 123456, "is_bot": True, "first_name": "Bot", "username": "turnout_demo_bot"}
    pressed = {"message_id": MESSAGE_ID, "from": bot, "chat": chat, "date": WRITTEN_AT, "text": "?"}
    query = {
        "id": str(uuid4().int % 10**18),
        "from": user,
        "message": pressed,
        "chat_instance": "1",
        "data": choice_id,
    }
    update = {"update_id": uuid4().int % 10**9, "callback_query": query}
    headers = {SECRET_HEADER: DEMO_VALUES["TELEGRAM_SECRET"]}
    await _post(f"{house.gateway}/telegram", json.dumps(update).encode(), headers)


async def _whatsapp(house: House, person: Person, choice_id: str) -> None:
    message = {
        "from": person.id,
        "id": f"wamid.{uuid4().hex}",
        "timestamp": str(WRITTEN_AT),
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": choice_id, "title": "?"}},
    }
    metadata = {
        "display_phone_number": "15550783881",
        "phone_number_id": DEMO_VALUES["WHATSAPP_PHONE_ID"],
    }
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": metadata,
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": person.id}],
        "messages": [message],
    }
    entry = {
        "id": DEMO_VALUES["WHATSAPP_WABA_ID"],
        "changes": [{"field": "messages", "value": value}],
    }
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    secret = DEMO_VALUES["WHATSAPP_APP_SECRET"].encode()
    signature = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    await _post(f"{house.gateway}/whatsapp", body, {SIGNATURE_HEADER: signature})


async def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(timeout=15) as http:
        answer = await http.post(
            url, content=body, headers={**headers, "Content-Type": "application/json"}
        )
    answer.raise_for_status()
