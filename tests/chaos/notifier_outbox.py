"""People of the simulator, messages for them, and what the platforms saw of those."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx
import nats

from contracts import Address, DeliveryReported, OutboundMessage, Platform, Priority
from devstack.installation import DEMO_VALUES

ACCOUNTS: dict[Platform, str] = {
    "telegram": DEMO_VALUES["TELEGRAM_TOKEN"].partition(":")[0],
    "whatsapp": DEMO_VALUES["WHATSAPP_PHONE_ID"],
}
PEOPLE_AT_ONCE = 32
SAID_AT_ONCE = 500
POLL_SECONDS = 0.1
RESULT_SECONDS_MAX = 10.0
WAITING_IN = ("OUTBOUND", "BULK", "PARKED", "WAKE")
THROUGHPUT_WINDOW_SECONDS = 1.1


@dataclass(frozen=True, slots=True)
class Call:
    """One message that a platform was asked to deliver."""

    platform: str
    at: float
    """Unix seconds."""
    accepted: bool
    text: str


class Outbox:
    """A client of the broker, and of the simulator's control."""

    def __init__(self, nats_url: str, simulator_url: str) -> None:
        self._nats_url = nats_url
        self._http = httpx.AsyncClient(base_url=simulator_url, timeout=60, trust_env=False)

    async def __aenter__(self) -> Self:
        self._nats = await nats.connect(self._nats_url, pending_size=64 * 1024 * 1024)
        self.jetstream = self._nats.jetstream(publish_async_max_pending=1000)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._nats.close()
        await self._http.aclose()

    async def begin(self) -> None:
        """Forget everybody, and all that the platforms counted."""
        (await self._http.post("/sim/reset")).raise_for_status()

    async def people(self, platform: Platform, count: int) -> list[Address]:
        """So many new people, who have all written to us just now."""
        gate = asyncio.Semaphore(PEOPLE_AT_ONCE)

        async def one() -> str:
            async with gate:
                answer = await self._http.post("/sim/people", json={"platform": platform})
                return str(answer.raise_for_status().json()["id"])

        ids = await asyncio.gather(*(one() for _ in range(count)))
        for start in range(0, count, SAID_AT_ONCE):
            said = [
                {"platform": platform, "id": each, "text": "/start"}
                for each in ids[start : start + SAID_AT_ONCE]
            ]
            (await self._http.post("/sim/people/say", json={"said": said})).raise_for_status()
        # WhatsApp counts what people write as well, and no gateway told that here.
        await asyncio.sleep(THROUGHPUT_WINDOW_SECONDS)
        return [
            Address(platform=platform, account=ACCOUNTS[platform], chat_id=each) for each in ids
        ]

    async def put(
        self, people: Sequence[Address], count: int, priority: Priority, text: str = "bulk"
    ) -> None:
        """So many messages, to one after the other, each with its number behind the text; returns
        when the stream has them.
        """
        acks = [
            await self._publish(message(people[number % len(people)], priority, f"{text} {number}"))
            for number in range(count)
        ]
        await asyncio.gather(*acks)

    async def say(self, person: Address, priority: Priority, text: str) -> None:
        """One message; returns when the stream has it."""
        await (await self._publish(message(person, priority, text)))

    async def _publish(self, one: OutboundMessage) -> "asyncio.Future[Any]":
        return await self.jetstream.publish_async(
            one.route(), one.model_dump_json().encode(), headers={"Nats-Msg-Id": str(one.id)}
        )

    async def waiting(self) -> int:
        """Messages that have no result yet, and wakes of chats that wait."""
        infos = await asyncio.gather(*(self.jetstream.stream_info(name) for name in WAITING_IN))
        return sum(info.state.messages for info in infos)

    async def empty(self, seconds_max: float) -> None:
        """Wait until every message has its result.

        Raises:
            TimeoutError: some have none.
        """
        async with asyncio.timeout(seconds_max):
            while await self.waiting():
                await asyncio.sleep(POLL_SECONDS)

    async def calls(self) -> list[Call]:
        """What the platforms were asked to deliver, in order."""
        lines = (await self._http.get("/sim/ledger?direction=call")).text.splitlines()
        entries: Iterable[dict[str, Any]] = (json.loads(line) for line in lines)
        return [
            Call(one["platform"], one["real"], one["outcome"] == "accepted", one["text"] or "")
            for one in entries
            if one["method"] in ("sendMessage", "text", "messages")
        ]

    async def results(self) -> list[DeliveryReported]:
        """What the notifiers said became of the messages, in order."""
        reports: list[DeliveryReported] = []
        state = (await self.jetstream.stream_info("DELIVERY")).state
        if state.messages:
            told = await self.jetstream.subscribe(
                "delivery.*.*", ordered_consumer=True, pending_msgs_limit=-1
            )
            left = 1
            while left:
                raw = await told.next_msg(timeout=RESULT_SECONDS_MAX)
                reports.append(DeliveryReported.model_validate_json(raw.data))
                left = raw.metadata.num_pending
            await told.unsubscribe()
        return [report for report in reports if report.source == "notifier"]

    async def stats(self) -> dict[str, Any]:
        """The platforms' own counts."""
        found: dict[str, Any] = (await self._http.get("/sim/stats")).json()
        return found


def message(person: Address, priority: Priority, text: str) -> OutboundMessage:
    """As the conversation makes it for somebody who wrote just now."""
    now = datetime.now(UTC)
    return OutboundMessage(
        id=uuid4(),
        occurred_at=now,
        correlation_id=uuid4(),
        address=person,
        priority=priority,
        language="en",
        text=text,
        heard_at=now,
    )
