"""A simulator on a free port, an app that receives its webhooks, and a client to drive it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from simulator.app import create_app
from simulator.settings import Settings, TelegramSettings, WhatsAppSettings
from simulator.whatsapp.templates import Template
from simulator.world import World, create_world

DEADLINE_SECONDS = 8.0
POLL_SECONDS = 0.01

TOKEN = TelegramSettings.token
WA = WhatsAppSettings()

Json = dict[str, Any]

TEMPLATES = (
    ("event_reminder", "en_US", "Reminder: {{1}} starts {{2}}, {{3}}."),
    ("event_reminder", "ru", "Напоминание: {{1}} начнётся {{2}}, {{3}}."),
    ("seat_offer", "en_US", "A seat is free: {{1}}, {{2}}. Answer before {{3}} to take it."),
)
"""What the app of these tests has submitted."""


class _Server(uvicorn.Server):
    """A server inside the test's own loop; signals stay pytest's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an ASGI app on a free port; gives its base URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = _Server(
        uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


async def until(holds: Callable[[], Any], seconds_max: float = DEADLINE_SECONDS) -> Any:
    """Wait until `holds()` is true, and return it; fails after the deadline."""
    deadline = asyncio.get_running_loop().time() + seconds_max
    while not (found := holds()):
        assert asyncio.get_running_loop().time() < deadline, "what was waited for did not happen"
        await asyncio.sleep(POLL_SECONDS)
    return found


@dataclass
class Hook:
    """One POST that the app received; `at` is the loop's time."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def value(self) -> Json:
        """The only value of a WhatsApp notification."""
        [entry] = self.json["entry"]
        [change] = entry["changes"]
        found: Json = change["value"]
        return found


@dataclass
class App:
    """The bot's side: it records what comes, and answers as the test wants."""

    hooks: list[Hook] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    answer: Callable[[Hook], Awaitable[Response]] | None = None
    url: str = ""

    async def receive(self, request: Request) -> Response:
        if request.method == "GET":
            known = request.query_params.get("hub.verify_token") == WA.verify_token
            challenge = request.query_params.get("hub.challenge", "")
            return Response(challenge, 200 if known else 403)
        now = asyncio.get_running_loop().time()
        hook = Hook(request.url.path, dict(request.headers), await request.body(), now)
        self.hooks.append(hook)
        if self.answers:
            return self.answers.pop(0)
        return await self.answer(hook) if self.answer else Response()

    def of(self, path: str) -> list[Hook]:
        return [hook for hook in self.hooks if hook.path == path]

    @property
    def updates(self) -> list[Json]:
        return [hook.json for hook in self.of("/telegram")]

    @property
    def messages(self) -> list[Json]:
        return [m for hook in self.of("/whatsapp") for m in parts(hook, "messages")]

    @property
    def statuses(self) -> list[Json]:
        return [s for hook in self.of("/whatsapp") for s in parts(hook, "statuses")]


def parts(hook: Hook, name: str) -> list[Json]:
    return [
        part
        for entry in hook.json["entry"]
        for change in entry["changes"]
        for part in change["value"].get(name, [])
    ]


@dataclass
class Driver:
    """Drives a simulator over HTTP only."""

    http: httpx.AsyncClient
    world: World

    async def bot(self, method: str, **params: Any) -> httpx.Response:
        return await self.http.post(f"/bot{TOKEN}/{method}", json=params)

    async def graph(self, path: str, body: Json | None = None, **options: Any) -> httpx.Response:
        method = "GET" if body is None else "POST"
        headers = {"Authorization": f"Bearer {WA.token}"}
        return await self.http.request(
            method, f"/v23.0/{path}", json=body, headers=headers, **options
        )

    async def send(self, to: str, **body: Any) -> httpx.Response:
        return await self.graph(
            f"{WA.phone_id}/messages", {"messaging_product": "whatsapp", "to": to, **body}
        )

    async def text(self, to: str, text: str = "hello", **more: Any) -> httpx.Response:
        return await self.send(to, type="text", text={"body": text}, **more)

    async def person(self, platform: str, *, says: str | None = "/start", **more: Any) -> str:
        answer = await self.http.post("/sim/people", json={"platform": platform, **more})
        assert answer.status_code in (200, 201), answer.text
        found = str(answer.json()["id"])
        if says is not None:
            await self.act(platform, found, "say", text=says)
        return found

    async def act(self, platform: str, person: str, what: str, **body: Any) -> Json:
        answer = await self.http.post(f"/sim/people/{platform}/{person}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def chat(self, platform: str, person: str) -> list[Json]:
        found: list[Json] = (await self.http.get(f"/sim/people/{platform}/{person}/chat")).json()
        return found

    async def fault(self, platform: str, kind: str, **more: Any) -> str:
        answer = await self.http.post(
            "/sim/faults", json={"platform": platform, "kind": kind, **more}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def stats(self, platform: str) -> Json:
        found: Json = (await self.http.get("/sim/stats")).json()[platform]
        return found

    async def ledger(self, **query: Any) -> list[Json]:
        lines = (await self.http.get("/sim/ledger", params=query)).text.splitlines()
        return [json.loads(line) for line in lines]

    async def listen(self, app: App) -> None:
        """Let the app receive both platforms' webhooks."""
        answer = await self.bot("setWebhook", url=f"{app.url}/telegram", secret_token="s3cret")
        assert answer.json()["ok"]
        answer = await self.http.post("/sim/whatsapp/callback", json={"url": f"{app.url}/whatsapp"})
        assert answer.status_code == 200, answer.text


SETTINGS = Settings(
    telegram=TelegramSettings(webhook_answer_seconds_max=2.0),
    whatsapp=WhatsAppSettings(status_delay_seconds=(0.01, 0.02)),
    seed=7,
)


def _world(settings: Settings) -> World:
    world = create_world(settings)
    for name, language, body in TEMPLATES:
        world.business.templates.put(Template(name, language, body))
    return world


@contextlib.asynccontextmanager
async def simulating(settings: Settings = SETTINGS) -> AsyncIterator[Driver]:
    """A running simulator with its own world."""
    world = _world(settings)
    async with (
        serving(create_app(world)) as url,
        httpx.AsyncClient(base_url=url, timeout=20.0, trust_env=False) as http,
    ):
        yield Driver(http, world)


@contextlib.asynccontextmanager
async def calling(settings: Settings = SETTINGS) -> AsyncIterator[Driver]:
    """A world called without a socket: quicker, for all that is not about connections."""
    world = _world(settings)
    transport = httpx.ASGITransport(app=create_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as http:
        yield Driver(http, world)
    await world.close()


@pytest.fixture
async def sim() -> AsyncIterator[Driver]:
    async with calling() as driver:
        yield driver


@pytest.fixture
async def served() -> AsyncIterator[Driver]:
    async with simulating() as driver:
        yield driver


@pytest.fixture
async def app() -> AsyncIterator[App]:
    found = App()
    routes = [Route("/{path:path}", found.receive, methods=["GET", "POST"])]
    async with serving(Starlette(routes=routes)) as url:
        found.url = url
        yield found


def with_whatsapp(**changes: Any) -> Settings:
    return replace(SETTINGS, whatsapp=replace(SETTINGS.whatsapp, **changes))


def with_telegram(**changes: Any) -> Settings:
    return replace(SETTINGS, telegram=replace(SETTINGS.telegram, **changes))
