"""A gateway to test: the real application behind real HTTP, in front of a real broker."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nats
import uvicorn
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from gateway.connections import BoundedProtocol
from gateway.main import create_app
from gateway.settings import Settings
from runtime.testing import free_port

BOT = "123456"
PHONE_ID = "106540352242922"
TELEGRAM_SECRET = "demo-telegram-secret"
APP_SECRET = "demo-whatsapp-secret"
VERIFY_TOKEN = "demo-verify-token"
WAIT_SECONDS_MAX = 15.0
HOLD_SECONDS = 1.0
"""How long webhooks wait for the broker here: those of us who wait for their end are many."""

SECRETS = {
    "TELEGRAM_TOKEN": f"{BOT}:demo-telegram-token",
    "TELEGRAM_SECRET": TELEGRAM_SECRET,
    "WHATSAPP_PHONE_ID": PHONE_ID,
    "WHATSAPP_APP_SECRET": APP_SECRET,
    "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
}
"""As a process is told them."""


def settings(nats_url: str, **changes: Any) -> Settings:
    """Settings as the demo has them."""
    values: dict[str, Any] = {
        "nats_url": nats_url,
        "telegram_token": f"{BOT}:demo-telegram-token",
        "telegram_secret": TELEGRAM_SECRET,
        "whatsapp_phone_id": PHONE_ID,
        "whatsapp_app_secret": APP_SECRET,
        "whatsapp_verify_token": VERIFY_TOKEN,
        "log_format": "json",
        "webhook_hold_seconds": HOLD_SECONDS,
    }
    return Settings(**(values | changes))


def signed(body: bytes, secret: str = APP_SECRET) -> dict[str, str]:
    """The header that proves a body to be WhatsApp's."""
    return {
        "X-Hub-Signature-256": "sha256="
        + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    }


@dataclass
class Gateway:
    """A running gateway, and a look into the streams behind it."""

    http: httpx.AsyncClient
    client: Client

    @classmethod
    async def reached(cls, http: httpx.AsyncClient, nats_url: str) -> "Gateway":
        """The gateway, as soon as it is ready."""
        gateway = cls(http, await nats.connect(nats_url, max_reconnect_attempts=-1))
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await gateway.ready()
        return gateway

    async def close(self) -> None:
        """Close our own connection to the broker."""
        await self.client.close()

    @property
    def jetstream(self) -> JetStreamContext:
        """The streams."""
        return self.client.jetstream()

    async def telegram(self, update: Any, **headers: str) -> httpx.Response:
        """Post an update as Telegram does."""
        headers = headers or {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
        return await self.http.post("/telegram", content=json.dumps(update), headers=headers)

    async def whatsapp(self, notification: Any) -> httpx.Response:
        """Post a notification as WhatsApp does."""
        body = json.dumps(notification).encode()
        return await self.http.post("/whatsapp", content=body, headers=signed(body))

    async def stored(self, stream: str) -> list[dict[str, Any]]:
        """The bodies in a stream, in its order."""
        return [json.loads(message.data) for message in await self.raw(stream)]

    async def raw(self, stream: str) -> list[Any]:
        """The messages of a stream, in its order."""
        state = (await self.jetstream.stream_info(stream)).state
        found = []
        for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
            try:
                found.append(await self.jetstream.get_msg(stream, sequence))
            except NotFoundError:
                continue
        return found

    async def ready(self) -> None:
        """Wait until the gateway would take a webhook.

        Raises:
            TimeoutError: it did not become ready.
        """
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while (await self.http.get("/health/ready")).status_code != 200:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The real application behind a real HTTP server on a free port."""
    config = uvicorn.Config(
        create_app(settings), port=0, http=BoundedProtocol, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            yield http
    finally:
        server.should_exit = True
        await serving


def environment(**changes: str) -> dict[str, str]:
    """What a gateway of its own is told; nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return kept | SECRETS | changes


@dataclass
class Process:
    """A gateway in a process of its own."""

    house: Gateway
    port: int
    pid: int
    log: Path

    def told(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8")


@asynccontextmanager
async def process(nats_url: str, **changes: str) -> AsyncIterator[Process]:
    """A gateway process that is ready; ended at the end, however it ended."""
    port = free_port()
    env = environment(NATS_URL=nats_url, HTTP_PORT=str(port), LOG_FORMAT="json", **changes)
    with tempfile.NamedTemporaryFile(prefix="turnout-gateway-", suffix=".log") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", env=env, stdout=log, stderr=log
        )
        try:
            async with asyncio.timeout(WAIT_SECONDS_MAX):
                while True:
                    try:
                        socket.create_connection(("127.0.0.1", port), 0.2).close()
                        break
                    except OSError:
                        await asyncio.sleep(0.05)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
                house = await Gateway.reached(http, nats_url)
                yield Process(house, port, child.pid, Path(log.name))
                await house.close()
        finally:
            if child.returncode is None:
                child.send_signal(signal.SIGTERM)
            await asyncio.wait_for(child.wait(), WAIT_SECONDS_MAX)


def private_in(told: str, *, private: Iterable[str] = ()) -> list[str]:
    """What no log, metric or error may hold, and this one does.

    Args:
        told: everything that was printed or shown.
        private: phone numbers, names, texts and chat ids of this run, long enough to be found by
            nothing but themselves.
    """
    secrets = [*SECRETS.values(), SECRETS["TELEGRAM_TOKEN"].partition(":")[2]]
    # The number's id is no secret, and names the account in subjects.
    secrets.remove(PHONE_ID)
    return [each for each in (*secrets, *private) if each in told]
