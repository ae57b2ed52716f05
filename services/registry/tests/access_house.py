"""What the tests of tokens and webhooks share: replicas, and a receiver that is told things."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic import SecretStr
from registry_house import MovableClock

from registry.main import create_app
from registry.settings import Settings
from runtime.service import Service
from runtime.testing import eventually

ADMIN_TOKEN = "admin-token-for-tests"
TICKET_KEY = "a key for tests"
TIMESTAMP_TOLERANCE_SECONDS = 300


def make_app(database_url: str, nats_url: str, clock: MovableClock, replica: int = 1) -> FastAPI:
    """A registry process as it would be started."""
    return create_app(
        Settings(
            nats_url=nats_url,
            database_url=SecretStr(database_url),
            admin_token=SecretStr(ADMIN_TOKEN),
            ticket_key=SecretStr(TICKET_KEY),
            turnout_replica=replica,
            turnout_test=True,
            turnout_clock_file=clock.file,
        )
    )


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[AsyncClient]:
    """The service, and an organiser's client to it."""
    service: Service = app.state.service
    async with (
        app.router.lifespan_context(app),
        AsyncClient(
            transport=ASGITransport(app),
            base_url="http://registry",
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        ) as client,
    ):
        await eventually(lambda: service.health.started)
        yield client


@dataclass(frozen=True)
class Heard:
    """One request that a receiver got."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


Answering = Callable[[Heard], Awaitable[bytes]]


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Receiver:
    """A real HTTP server on a free port that keeps what it hears and answers as it is told."""

    heard: list[Heard] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """For the next requests; when they are used up, all is well."""
    before_answering: asyncio.Event | None = None
    at_once_max: int = 0
    port: int = 0
    _at_once: int = 0

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._at_once += 1
        self.at_once_max = max(self.at_once_max, self._at_once)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = [line.split(": ", 1) for line in head[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers["content-length"]))
            self.heard.append(Heard(head[0], headers, body))
            if self.before_answering is not None:
                await self.before_answering.wait()
            writer.write(self.answers.pop(0) if self.answers else answer(204))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._at_once -= 1
            writer.close()


def is_genuine(heard: Heard, secret: str) -> bool:
    """The verification of the Standard Webhooks specification 1.0.0, written from its text.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    if not secret.startswith("whsec_"):
        return False
    key = base64.b64decode(secret[len("whsec_") :], validate=True)
    if not 24 <= len(key) <= 64:
        return False
    timestamp = heard.headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TIMESTAMP_TOLERANCE_SECONDS:
        return False
    signed = heard.headers["webhook-id"] + "." + timestamp + "." + heard.body.decode()
    expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    return any(
        version == "v1" and hmac.compare_digest(signature, expected)
        for version, _, signature in (
            one.partition(",") for one in heard.headers["webhook-signature"].split(" ")
        )
    )
