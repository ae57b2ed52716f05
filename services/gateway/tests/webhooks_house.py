"""Both platforms as a process of their own, and our command that looks at them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from gateway_house import PHONE_ID, SECRETS, WAIT_SECONDS_MAX, private_in

from gateway.settings import Settings
from gateway.webhooks.asking import client
from gateway.webhooks.every import webhooks_of
from gateway.webhooks.findings import Report, Webhook
from runtime.accounts import read_accounts
from runtime.clock import Clock
from runtime.testing import free_port

WHATSAPP_TOKEN = "demo-whatsapp-token"
WABA_ID = "102290129340398"
APP_ID = "670843887433847"
ACCOUNTS = SECRETS | {"WHATSAPP_TOKEN": WHATSAPP_TOKEN, "WHATSAPP_WABA_ID": WABA_ID}
"""What an operator has to give."""
NOBODY = "http://127.0.0.1:9"
"""Where nobody listens."""


@dataclass
class Platforms:
    """A running simulator, driven over HTTP."""

    url: str
    http: httpx.AsyncClient

    async def bot(self, method: str, **parameters: Any) -> Any:
        """Call the Bot API as somebody else who has the token; setWebhook when its turn comes."""
        path = f"/bot{ACCOUNTS['TELEGRAM_TOKEN']}/{method}"
        while (answer := await self.http.post(path, json=parameters)).status_code == 429:
            await asyncio.sleep(0.05)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def graph(self, method: str, path: str, body: Any = None) -> Any:
        """Call the Graph API as somebody else who has the token."""
        headers = {"Authorization": f"Bearer {WHATSAPP_TOKEN}"}
        answer = await self.http.request(method, f"/v23.0/{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def control(self, path: str, body: Any) -> None:
        """Do something to this world."""
        answer = await self.http.post(f"/sim/{path}", json=body)
        assert answer.is_success, answer.text

    async def fault(self, platform: str, endpoint: str, kind: str, **more: Any) -> None:
        """Let an endpoint misbehave."""
        fault = {"platform": platform, "endpoint": endpoint, "kind": kind, **more}
        await self.control("faults", fault)

    async def hears(self, person: str, text: str, *, platform: str = "telegram") -> None:
        """Let somebody say something."""
        await self.control("people", {"platform": platform, "id": person})
        await self.control(f"people/{platform}/{person}/say", {"text": text})

    async def as_new(self) -> None:
        """No webhook at Telegram, the app subscribed and nothing set at WhatsApp, nobody there."""
        await self.http.delete("/sim/faults")
        await self.control("reset", {})
        await self.bot("deleteWebhook", drop_pending_updates=True)
        await self.graph("POST", f"{WABA_ID}/subscribed_apps")
        await self.graph("POST", PHONE_ID, {"webhook_configuration": {"override_callback_uri": ""}})
        await self.control("whatsapp/callback", {"fields": ["messages"]})

    def settings(self, public_url: str, **changes: Any) -> Settings:
        """Settings of a command or gateway that looks at them."""
        values: dict[str, Any] = {name.lower(): value for name, value in ACCOUNTS.items()}
        values |= {
            "telegram_api_url": self.url,
            "whatsapp_api_url": self.url,
            "public_url": public_url,
            "turnout_test": True,
        }
        return Settings(**(values | changes))

    @asynccontextmanager
    async def webhook(
        self, platform: str, public_url: str, *, shakes_hands: bool = False, **changes: Any
    ) -> AsyncIterator[Webhook]:
        """Our only webhook at a platform."""
        settings = self.settings(public_url, **changes)
        book = read_accounts(settings).value
        async with client() as http:
            webhooks, _ = webhooks_of(
                book, settings, http, Clock(), public_url=public_url, shakes_hands=shakes_hands
            )
            [found] = [webhook for webhook in webhooks if webhook.platform == platform]
            yield found


@contextmanager
def simulator() -> Iterator[str]:
    """A simulator process; gives its URL."""
    port, smtp_port = free_port(), free_port()
    command = [sys.executable, "-m", "simulator"]
    command += ["--port", str(port), "--smtp-port", str(smtp_port)]
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    child = subprocess.Popen(command, env=kept)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(int(WAIT_SECONDS_MAX * 10)):
            try:
                httpx.get(f"{url}/sim/stats", timeout=1).raise_for_status()
                break
            except httpx.HTTPError:
                assert child.poll() is None, "the simulator has ended"
        yield url
    finally:
        child.terminate()
        child.wait(WAIT_SECONDS_MAX)


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    text: str


async def command(*arguments: str, **environment: str) -> Said:
    """Run `./task webhooks`; nothing secret may be in what it prints, whatever happens."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.webhooks", *arguments),
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await child.communicate()
    text = output.decode()
    assert secrets_in(text) == []
    assert "Traceback" not in text
    assert child.returncode is not None
    return Said(child.returncode, text)


def secrets_in(text: str) -> list[str]:
    """What no output may hold, and this one does."""
    return private_in(text, private=[WHATSAPP_TOKEN])


def names(report: Report) -> list[str]:
    """The findings."""
    return [finding.name for finding in report.findings]
