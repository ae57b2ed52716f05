"""Telling Telegram, here the simulator, where the bot's webhook is."""

from collections.abc import Mapping

import httpx

from devstack.ports import Ports
from devstack.process import Failed

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""`my_chat_member` tells of blocking, and is not sent unless asked for (platforms.md A2)."""
SECONDS_MAX = 10.0


async def set_webhook(ports: Ports, environment: Mapping[str, str]) -> None:
    """Register the webhook; doing it again changes nothing.

    Raises:
        Failed: the platform refused.
    """
    # The token is in the path and so never goes into an error.
    method = f"{ports.url('simulator')}/bot{environment['TELEGRAM_TOKEN']}/setWebhook"
    webhook = {
        "url": f"{ports.url('gateway')}/telegram",
        "secret_token": environment["TELEGRAM_SECRET"],
        "allowed_updates": list(ALLOWED_UPDATES),
    }
    try:
        async with httpx.AsyncClient(timeout=SECONDS_MAX, trust_env=False) as client:
            answer = await client.post(method, json=webhook)
    except httpx.HTTPError as error:
        raise Failed(f"Telegram's setWebhook is not answered: {type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise Failed(f"Telegram refuses the webhook with {answer.status_code}: {answer.text[:200]}")
