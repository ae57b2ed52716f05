"""A stage for stories: a real broker, the simulator, and notifiers in this process or others."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from nats.aio.client import Client
from notifier_house import BOT, PHONE_ID, WABA_ID, outbound
from pydantic import SecretStr

from contracts import Address, DeliveryReported, OutboundMessage
from notifier.main import create_app
from notifier.settings import Settings
from notifier.templates.catalogue import LANGUAGES, catalogue
from notifier.templates.graph import TemplateApi
from runtime.testing import free_port

WAIT_SECONDS_MAX = 45.0
"""aiogram's import alone takes seconds on a busy machine."""
POLL_SECONDS = 0.02


SMTP_PORT = free_port()
"""Of the simulator that the stage has."""


@contextmanager
def simulator(
    environment: Mapping[str, str] | None = None, *, smtp_port: int | None = None
) -> Iterator[str]:
    """A simulator of both platforms in a process of its own; its address."""
    port, smtp_port = free_port(), smtp_port or free_port()
    command = [sys.executable, "-m", "simulator", f"--port={port}", f"--smtp-port={smtp_port}"]
    with subprocess.Popen(command, env={**os.environ, **(environment or {})}) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@dataclass
class Person:
    """Somebody in the simulator."""

    address: Address
    http: httpx.AsyncClient
    path: str

    async def does(self, act: str, **body: Any) -> None:
        """Say something, block, unblock."""
        (await self.http.post(f"{self.path}/{act}", json=body)).raise_for_status()

    async def hears(self, count: int = 1) -> list[dict[str, Any]]:
        """What the bot has said, once it has said so much."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while len(heard := await self.heard()) < count:
                await asyncio.sleep(POLL_SECONDS)
        return heard

    async def heard(self) -> list[dict[str, Any]]:
        """What the bot has said so far."""
        chat = (await self.http.get(f"{self.path}/chat")).json()
        return [entry for entry in chat if entry["from"] == "bot"]


@dataclass
class Stage:
    """What a story can do and see."""

    nats_url: str
    client: Client
    platforms: httpx.AsyncClient
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def person(self, platform: str) -> Person:
        """Somebody who has written to us."""
        answer = await self.platforms.post("/sim/people", json={"platform": platform})
        answer.raise_for_status()
        account = BOT if platform == "telegram" else PHONE_ID
        address = Address.model_validate(
            {"platform": platform, "account": account, "chat_id": answer.json()["id"]}
        )
        person = Person(address, self.platforms, f"/sim/people/{platform}/{address.chat_id}")
        await person.does("say", text="/start")
        return person

    async def send(self, person: Person, **changes: Any) -> OutboundMessage:
        """Publish a message as the conversation does."""
        changes = {"heard_at": datetime.now(UTC)} | changes
        message = outbound(address=person.address, **changes)
        await self.client.jetstream().publish(
            message.route(),
            message.model_dump_json().encode(),
            headers={"Nats-Msg-Id": str(message.id)},
        )
        return message

    async def result(self, message: OutboundMessage) -> DeliveryReported:
        """The message's one result, when its stream has let go of it, parked or not."""
        stream = "OUTBOUND" if message.priority in ("reply", "transactional") else "BULK"
        subject = f"delivery.{message.address.platform}.{message.id}"
        jetstream = self.client.jetstream()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while (await jetstream.stream_info(stream)).state.messages:
                await asyncio.sleep(POLL_SECONDS)
            while not (
                info := await jetstream.stream_info("DELIVERY", subjects_filter=subject)
            ).state.subjects:
                await asyncio.sleep(POLL_SECONDS)
        assert (info.state.subjects or {}).get(subject) == 1, "every message has one result"
        last = await jetstream.get_last_msg("DELIVERY", subject)
        assert last.data is not None
        return DeliveryReported.model_validate_json(last.data)

    async def outcome(self, message: OutboundMessage) -> tuple[str, str | None, bool]:
        """Status, reason, and whether it was sent once more."""
        result = await self.result(message)
        return result.status, result.reason, result.repeated

    async def until_parked(self, count: int) -> None:
        """Wait until so many messages are parked, and nothing is left in the lanes."""
        jetstream = self.client.jetstream()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            for name, wanted in (("PARKED", count), ("OUTBOUND", 0), ("BULK", 0)):
                while (await jetstream.stream_info(name)).state.messages != wanted:
                    await asyncio.sleep(POLL_SECONDS)

    async def until_quiet(self) -> None:
        """Wait until nothing is on its way, parked or to be woken."""
        jetstream = self.client.jetstream()
        async with asyncio.timeout(2 * WAIT_SECONDS_MAX):
            for name in ("OUTBOUND", "BULK", "PARKED", "WAKE"):
                while (await jetstream.stream_info(name)).state.messages:
                    await asyncio.sleep(POLL_SECONDS)

    async def mails(self, count: int = 1) -> list[dict[str, Any]]:
        """The mails that the server has taken, once there are so many."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while len(found := (await self.platforms.get("/sim/mail")).json()) < count:
                await asyncio.sleep(POLL_SECONDS)
        return list(found)

    async def fault(self, kind: str, platform: str = "telegram", **details: Any) -> None:
        """Make a platform misbehave."""
        body = {"platform": platform, "kind": kind, **details}
        (await self.platforms.post("/sim/faults", json=body)).raise_for_status()

    async def calls(self, **matching: Any) -> list[dict[str, Any]]:
        """The calls that the platforms received, in order."""
        lines = (await self.platforms.get("/sim/ledger?direction=call")).text.splitlines()
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if matching.items() <= call.items()]

    async def stats(self, platform: str) -> dict[str, Any]:
        """The platform's own counts."""
        stats: dict[str, Any] = (await self.platforms.get("/sim/stats")).json()[platform]
        return stats

    async def process(self, **environment: str) -> subprocess.Popen[bytes]:
        """A notifier in a process of its own; returns when it is ready."""
        process, port = self.start(**environment)
        async with httpx.AsyncClient() as http:
            await eventually(http, f"http://127.0.0.1:{port}/health/ready")
        return process

    def start(self, **environment: str) -> tuple[subprocess.Popen[bytes], int]:
        """A notifier in a process of its own, and its port."""
        port = free_port()
        values = {
            "NATS_URL": self.nats_url,
            "HTTP_PORT": str(port),
            "TELEGRAM_API_URL": str(self.platforms.base_url),
            "TELEGRAM_TOKEN": f"{BOT}:demo-telegram-token",
            "WHATSAPP_API_URL": str(self.platforms.base_url),
            "WHATSAPP_TOKEN": "demo-whatsapp-token",
            "WHATSAPP_PHONE_ID": PHONE_ID,
            "WHATSAPP_WABA_ID": WABA_ID,
            "TURNOUT_TEST": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "notifier"], env=os.environ | values | environment
        )
        self.processes.append(process)
        return process, port

    def end(self) -> None:
        """Stop what was started."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


async def submit_templates(platforms: httpx.AsyncClient) -> None:
    """Have ours approved, once for a simulator: it keeps them over a reset."""
    if len((await platforms.get("/sim/templates")).json()) > 1:
        return
    token = SecretStr("demo-whatsapp-token")
    api = TemplateApi(platforms, str(platforms.base_url), WABA_ID, token)
    for template in catalogue().values():
        for language in LANGUAGES:
            await api.create(template, language)


async def eventually(http: httpx.AsyncClient, url: str) -> None:
    """Wait until the address answers 200."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while True:
            with suppress(httpx.TransportError):
                if (await http.get(url)).status_code == 200:
                    return
            await asyncio.sleep(POLL_SECONDS)


async def counted(notifier: httpx.AsyncClient, series: str) -> float:
    """What a series shows now; it counts on from test to test, for they share this process."""
    lines = (await notifier.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} "))


async def until(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not fact():
            await asyncio.sleep(POLL_SECONDS)


def settings(stage: Stage, **changes: Any) -> Settings:
    """Settings of a notifier in this process."""
    values: dict[str, Any] = {
        "nats_url": stage.nats_url,
        "telegram_api_url": str(stage.platforms.base_url),
        "telegram_token": f"{BOT}:demo-telegram-token",
        "whatsapp_api_url": str(stage.platforms.base_url),
        "whatsapp_token": "demo-whatsapp-token",
        "whatsapp_phone_id": PHONE_ID,
        "whatsapp_waba_id": WABA_ID,
        "turnout_test": True,
        # Else stories of lost tokens take half a minute.
        "account_probe_seconds": 0.5,
    }
    return Settings(**(values | changes))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The real application behind a real HTTP server, when it is ready."""
    config = uvicorn.Config(create_app(settings), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await eventually(http, "/health/ready")
            yield http
    finally:
        server.should_exit = True
        await serving
