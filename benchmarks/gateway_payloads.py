"""Webhooks as the platforms send them, each a message of its own, so that none is a duplicate."""

import hmac
import json
import time

SECRET = "demo-telegram-secret"  # noqa: S105 - the demo's, known to everybody
APP_SECRET = "demo-whatsapp-secret"  # noqa: S105 - as above
PHONE_ID = "106540352242922"
PEOPLE = 5_000
"""So many that nobody says more than a chat may."""

ENVIRONMENT = {
    "TELEGRAM_TOKEN": "123456:demo-telegram-token",
    "TELEGRAM_SECRET": SECRET,
    "WHATSAPP_PHONE_ID": PHONE_ID,
    "WHATSAPP_APP_SECRET": APP_SECRET,
    "WHATSAPP_VERIFY_TOKEN": "demo-verify-token",
}


def update(number: int) -> bytes:
    """A text on Telegram."""
    person = {
        "id": number % PEOPLE + 1,
        "is_bot": False,
        "first_name": "Ann",
        "language_code": "en",
    }
    return json.dumps(
        {
            "update_id": time.time_ns() % 10**12 + number,
            "message": {
                "message_id": number,
                "from": person,
                "chat": {"id": person["id"], "type": "private", "first_name": "Ann"},
                "date": 1_800_000_000,
                "text": "1",
            },
        }
    ).encode()


def update_request(number: int) -> bytes:
    """The same as the server receives it."""
    body = update(number)
    head = (
        "POST /telegram HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def notification(number: int, items: int) -> bytes:
    """A batch of texts on WhatsApp, as it comes after an outage: many people, one business."""
    first = time.time_ns() % 10**12
    people = [(number * items + item) % PEOPLE for item in range(items)]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": PHONE_ID},
        "contacts": [
            {
                "profile": {"name": "Ann"},
                "wa_id": f"1650{person:07}",
                "user_id": f"US.{10**16 + person}",
            }
            for person in people
        ],
        "messages": [
            {
                "from": f"1650{person:07}",
                "from_user_id": f"US.{10**16 + person}",
                "id": f"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQz{first}-{item}",
                "timestamp": "1800000000",
                "type": "text",
                "text": {"body": "1"},
            }
            for item, person in enumerate(people)
        ],
    }
    change = {"field": "messages", "value": value}
    return json.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": [change]}],
        }
    ).encode()


def notification_request(number: int, items: int) -> bytes:
    """The same, signed, as the server receives it."""
    body = notification(number, items)
    signature = hmac.digest(APP_SECRET.encode(), body, "sha256").hex()
    head = (
        "POST /whatsapp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
