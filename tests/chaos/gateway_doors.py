"""Signed webhooks made by hand, posted to several gateways at the very same time."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from contracts.address import Platform
from tests.chaos.gateway_storm import SECRET_WORD, SURNAME

POST_SECONDS_MAX = 20.0
TELEGRAM_ID_FROM = 5_000_000
PHONE_FROM = 15_550_200_000


@dataclass(frozen=True, slots=True)
class Webhook:
    """One body as a platform posts it."""

    platform: Platform
    body: bytes
    headers: Mapping[str, str]


def telegram_webhook(values: Mapping[str, str], n: int) -> Webhook:
    """An update with message number `n`, of its own person."""
    person = {"id": TELEGRAM_ID_FROM + n, "first_name": SURNAME, "is_bot": False}
    chat = {"id": person["id"], "first_name": SURNAME, "type": "private"}
    message = {
        "message_id": 1,
        "from": person,
        "chat": chat,
        "date": int(time.time()),
        "text": f"{SECRET_WORD} {n}",
    }
    body = json.dumps({"update_id": n + 1, "message": message}).encode()
    return Webhook("telegram", body, {"X-Telegram-Bot-Api-Secret-Token": values["TELEGRAM_SECRET"]})


def whatsapp_webhook(values: Mapping[str, str], numbers: Sequence[int]) -> Webhook:
    """A batch with these messages, each of its own person."""
    messages = [
        {
            "from": str(PHONE_FROM + n),
            "id": f"wamid.storm{n}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": f"{SECRET_WORD} {n}"},
        }
        for n in numbers
    ]
    contacts = [{"profile": {"name": SURNAME}, "wa_id": message["from"]} for message in messages]
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": "15550783881",
            "phone_number_id": values["WHATSAPP_PHONE_ID"],
        },
        "contacts": contacts,
        "messages": messages,
    }
    change = {"value": value, "field": "messages"}
    entry = {"id": values["WHATSAPP_WABA_ID"], "changes": [change]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    digest = hmac.new(values["WHATSAPP_APP_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    return Webhook("whatsapp", body, {"X-Hub-Signature-256": f"sha256={digest}"})


class Doors:
    """Clients of all gateways; `async with Doors(rig.urls) as doors`."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._clients = [
            httpx.AsyncClient(base_url=url, timeout=POST_SECONDS_MAX, trust_env=False, verify=False)
            for url in urls
        ]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients))

    async def post_everywhere(self, webhooks: Sequence[Webhook], *, copies: int = 1) -> list[int]:
        """Each webhook so often to every gateway, all of them in flight together; the answers."""
        posts = [
            client.post(f"/{one.platform}", content=one.body, headers=dict(one.headers))
            for one in webhooks
            for client in self._clients
            for _ in range(copies)
        ]
        return [answer.status_code for answer in await asyncio.gather(*posts)]
