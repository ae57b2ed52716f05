"""What comes in through the webhooks, and what does not."""

import asyncio
import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import httpx
import nats
import pytest
import pytest_asyncio

from devstack.house import House
from tests.e2e.people import Simulator

pytestmark = pytest.mark.asyncio(loop_scope="session")

TELEGRAM_SECRET = "demo-telegram-secret"
WHATSAPP_SECRET = b"demo-whatsapp-secret"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SIGNATURE_HEADER = "X-Hub-Signature-256"


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(house: House) -> Any:
    async with httpx.AsyncClient(base_url=house.gateway, timeout=15) as http:
        yield http


def telegram_text(person_id: str, text: str) -> dict[str, Any]:
    person = {"id": int(person_id), "is_bot": False, "first_name": "Ann", "language_code": "en"}
    return {
        "update_id": uuid4().int % 10**9,
        "message": {
            "message_id": 7,
            "from": person,
            "chat": {"id": int(person_id), "type": "private", "first_name": "Ann"},
            "date": 1_800_000_000,
            "text": text,
        },
    }


def signed(body: bytes, secret: bytes = WHATSAPP_SECRET) -> dict[str, str]:
    return {SIGNATURE_HEADER: "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()}


async def last_sequence(house: House, stream: str) -> int:
    client = await nats.connect(house.nats_url)
    try:
        return (await client.jetstream().stream_info(stream)).state.last_seq
    finally:
        await client.close()


async def test_the_same_webhook_three_times_is_answered_once(
    simulator: Simulator, gateway: httpx.AsyncClient
) -> None:
    ann = await simulator.person("telegram", name="Ann")
    await ann.says("/help")
    await ann.hears()
    update = telegram_text(ann.id, "/help")
    answers = await asyncio.gather(
        *(
            gateway.post("/telegram", json=update, headers={SECRET_HEADER: TELEGRAM_SECRET})
            for _ in range(3)
        )
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    await ann.hears()
    await ann.says("/help")
    await ann.hears()
    # Had one of the repetitions been answered, it would have come before this last answer.
    await ann.hears_nothing_more()


@pytest.mark.parametrize(("headers", "status"), [({}, 401), ({SECRET_HEADER: "wrong"}, 403)])
async def test_a_forged_telegram_webhook_is_refused_and_nothing_is_published(
    house: House, gateway: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    before = await last_sequence(house, "INBOUND")
    answer = await gateway.post("/telegram", json=telegram_text("5", "hi"), headers=headers)
    assert answer.status_code == status
    assert await last_sequence(house, "INBOUND") == before


@pytest.mark.parametrize("forged", [False, True])
async def test_a_forged_whatsapp_webhook_is_refused_and_nothing_is_published(
    house: House, gateway: httpx.AsyncClient, *, forged: bool
) -> None:
    before = await last_sequence(house, "INBOUND")
    body = json.dumps({"object": "whatsapp_business_account", "entry": []}).encode()
    headers = signed(body, b"another-secret") if forged else {}
    answer = await gateway.post("/whatsapp", content=body, headers=headers)
    assert answer.status_code == (403 if forged else 401)
    assert await last_sequence(house, "INBOUND") == before


async def test_what_is_authentic_but_unreadable_is_kept_aside(
    house: House, gateway: httpx.AsyncClient
) -> None:
    inbound, dead = await last_sequence(house, "INBOUND"), await last_sequence(house, "DEAD")
    body = b"{not json " + uuid4().hex.encode()
    answers = [
        await gateway.post("/whatsapp", content=body, headers=signed(body)),
        await gateway.post("/telegram", content=body, headers={SECRET_HEADER: TELEGRAM_SECRET}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert await last_sequence(house, "INBOUND") == inbound
    assert await last_sequence(house, "DEAD") == dead + 2
