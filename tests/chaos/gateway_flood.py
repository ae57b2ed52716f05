"""One chat floods the door, and the others come in at their pace: how long they wait."""

import asyncio
import itertools
import random
import statistics
from types import TracebackType
from typing import Self

import httpx

from contracts.topology import PLATFORMS
from devstack.gateway_rig import GatewayRig
from tests.chaos.gateway_doors import (
    PHONE_FROM,
    TELEGRAM_ID_FROM,
    Webhook,
    telegram_webhook,
    whatsapp_webhook,
)
from tests.chaos.gateway_storm import SECRET_WORD, SURNAME

OTHERS_PER_SECOND = 200.0
CONNECTIONS = 16
FLOOD_MESSAGES = 1_000
PHASE_SECONDS = 1.0
"""About as long as a flood lasts; both phases are of this length."""
POLL_SECONDS = 0.05
FLOOD_SECONDS_MAX = 30.0
TOO_MANY = 429


class Crossing:
    """Posts for the others, and lets one person after the other flood; `async with Crossing(rig)`.

    The flood comes from the simulator, as each platform sends one chat's messages: the next one
    when the one before is answered, and that at once. It goes to the others' gateway, the first,
    or to the second: then the machine is as busy, and what differs is only the shared door.
    """

    def __init__(self, rig: GatewayRig) -> None:
        self._rig = rig
        self._port = int(rig.urls[0].rpartition(":")[2])
        self._numbers = itertools.count()
        self._platforms = itertools.cycle(PLATFORMS)
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self.floods: list[str] = []
        """Whoever flooded the others' gateway, by the chat's id in INBOUND."""

    @property
    def others(self) -> list[str]:
        """Whoever else wrote once, by the chat's id in INBOUND."""
        return [
            str((TELEGRAM_ID_FROM if n % 2 else PHONE_FROM) + n) for n in range(next(self._numbers))
        ]

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(
            base_url=self._rig.simulator_url, timeout=FLOOD_SECONDS_MAX, trust_env=False
        )
        self._idle = asyncio.Queue()
        for _ in range(CONNECTIONS):
            connection = await asyncio.open_connection("127.0.0.1", self._port)
            self._idle.put_nowait(connection)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()
        while not self._idle.empty():
            self._idle.get_nowait()[1].close()

    async def phase(self, *, flooded: int | None) -> list[float]:
        """Seconds that each of the others waited for the answer, while somebody floods this
        gateway, counted from 1, or none.
        """
        if flooded is not None:
            await self._aim(self._rig.urls[flooded - 1])
            chat = await self._flood()
            if flooded == 1:
                self.floods.append(chat)
        loop = asyncio.get_running_loop()
        began, due, posts = loop.time(), 0.0, []
        while due < PHASE_SECONDS:
            await asyncio.sleep(max(0.0, began + due - loop.time()))
            posts.append(asyncio.create_task(self._post(self._webhook(), began + due)))
            due += random.expovariate(OTHERS_PER_SECOND)
        waits = list(await asyncio.gather(*posts))
        await self._calm()
        return waits

    async def _aim(self, gateway: str) -> None:
        """Let both platforms post there."""
        telegram = {
            "url": f"{gateway}/telegram",
            "secret_token": self._rig.values["TELEGRAM_SECRET"],
        }
        method = f"/bot{self._rig.values['TELEGRAM_TOKEN']}/setWebhook"
        while (answer := await self._http.post(method, json=telegram)).status_code == TOO_MANY:
            await asyncio.sleep(POLL_SECONDS)  # one in a second is allowed
        answer.raise_for_status()
        url = {"url": f"{gateway}/whatsapp"}
        (await self._http.post("/sim/whatsapp/callback", json=url)).raise_for_status()

    async def _flood(self) -> str:
        platform = next(self._platforms)
        answer = await self._http.post("/sim/people", json={"platform": platform, "name": SURNAME})
        person = answer.raise_for_status().json()
        texts = [f"{SECRET_WORD} -1" for _ in range(FLOOD_MESSAGES)]
        said = [{"platform": platform, "id": str(person["id"]), "text": one} for one in texts]
        (await self._http.post("/sim/people/say", json={"said": said})).raise_for_status()
        return str(person.get("user_id") or person["id"])

    async def _calm(self) -> None:
        async with asyncio.timeout(FLOOD_SECONDS_MAX):
            while True:
                stats = (await self._http.get("/sim/stats")).json()
                if not any(stats[platform]["webhooks"]["pending"] for platform in PLATFORMS):
                    return
                await asyncio.sleep(POLL_SECONDS)

    def _webhook(self) -> Webhook:
        n = next(self._numbers)
        if n % 2:
            return telegram_webhook(self._rig.values, n)
        return whatsapp_webhook(self._rig.values, [n])

    async def _post(self, webhook: Webhook, due: float) -> float:
        headers = [f"{name}: {value}" for name, value in webhook.headers.items()]
        head = [
            f"POST /{webhook.platform} HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(webhook.body)}",
            *headers,
        ]
        reader, writer = await self._idle.get()
        writer.write("\r\n".join([*head, "", ""]).encode() + webhook.body)
        answer = await reader.readuntil(b"\r\n\r\n")
        self._idle.put_nowait((reader, writer))
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return asyncio.get_running_loop().time() - due


def p99(waits: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(waits, n=100)[98]
