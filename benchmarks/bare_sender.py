"""The yardstick of a send: aiogram and pywa alone, without limits, ledger or streams."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

import httpx
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from pywa_async import WhatsApp

WARM_UP = 20
PAUSE_SECONDS = 0.04
"""Between two calls, so that the simulator's limits are kept without a limiter."""


async def main(simulator_url: str, telegram_token: str, phone_id: str, token: str) -> None:
    """Send to the people named on stdin, and say how much processor time each message took."""
    people: dict[str, list[str]] = json.load(sys.stdin)
    seconds: dict[str, float] = {}
    session = AiohttpSession(api=TelegramAPIServer.from_base(simulator_url))
    async with Bot(telegram_token, session=session) as bot:

        async def by_telegram(chat_id: str) -> None:
            await bot.send_message(int(chat_id), "bare")

        seconds["telegram"] = await _measured(by_telegram, people["telegram"])
    async with httpx.AsyncClient(trust_env=False) as http:
        whatsapp = WhatsApp(phone_id=phone_id, token=token, session=http)
        http.base_url = httpx.URL(f"{simulator_url}/v23.0")

        async def by_whatsapp(chat_id: str) -> None:
            await whatsapp.send_message(chat_id, "bare")

        seconds["whatsapp"] = await _measured(by_whatsapp, people["whatsapp"])
    sys.stdout.write(json.dumps(seconds))


async def _measured(send: Callable[[str], Awaitable[None]], people: list[str]) -> float:
    for person in people[:WARM_UP]:
        await asyncio.sleep(PAUSE_SECONDS)
        await send(person)
    measured = people[WARM_UP:]
    started = time.process_time()
    for person in measured:
        await asyncio.sleep(PAUSE_SECONDS)
        await send(person)
    return (time.process_time() - started) / len(measured)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
