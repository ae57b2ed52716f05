"""Chats that are told to wait beside others that are not: what each person saw, in which order."""

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Self
from uuid import UUID

import httpx

from contracts import Address, DeliveryReported, OutboundMessage, Platform, Priority
from devstack.notifier_rig import NotifierRig
from tests.chaos.notifier_outbox import Outbox, message

CLASSES: tuple[tuple[Priority, ...], ...] = (("reply", "transactional"), ("reminder",), ("bulk",))
"""What keeps one order within a chat: replies and confirmations share theirs."""
STREAMS = ("OUTBOUND", "BULK", "PARKED", "WAKE")
POLL_SECONDS = 0.2


@dataclass
class Verdict:
    """What was found; everything but `said`, `told` and `parked` must be empty."""

    said: int = 0
    parked: int = 0
    told: Counter[str] = field(default_factory=Counter)
    inverted: int = 0
    """Seen before something of its class that was said earlier."""
    lost: int = 0
    """Neither seen nor admitted to be of unknown outcome, nor expired after its deadline."""
    doubled: int = 0
    """Seen twice without a word about it."""
    untold: int = 0
    """Without a result, or with more than one."""

    @property
    def faults(self) -> dict[str, int]:
        """Every count that is not zero and should be."""
        counts = ("inverted", "lost", "doubled", "untold")
        return {name: count for name in counts if (count := getattr(self, name))}


class Chats:
    """Some people, and numbered messages to them."""

    def __init__(self, rig: NotifierRig, outbox: Outbox, phones: httpx.AsyncClient) -> None:
        self.rig = rig
        self._outbox = outbox
        self._phones = phones
        self.people: list[Address] = []
        self.said: list[tuple[OutboundMessage, int]] = []
        """Each with the number of its order."""

    @classmethod
    @asynccontextmanager
    async def on(
        cls, rig: NotifierRig, platforms: Sequence[Platform], count: int
    ) -> AsyncIterator[Self]:
        """So many people on each platform, who all have written."""
        async with (
            Outbox(rig.nats_url, rig.simulator_url) as outbox,
            httpx.AsyncClient(base_url=rig.simulator_url, timeout=60, trust_env=False) as phones,
        ):
            chats = cls(rig, outbox, phones)
            for platform in platforms:
                chats.people += await outbox.people(platform, count)
            yield chats

    async def fault(self, kind: str, platform: str = "telegram", **details: Any) -> None:
        """Make a platform misbehave."""
        body = {"platform": platform, "kind": kind, **details}
        (await self._phones.post("/sim/faults", json=body)).raise_for_status()

    async def well(self) -> None:
        """The platforms work again."""
        (await self._phones.delete("/sim/faults")).raise_for_status()

    async def say(
        self, person: Address, priority: Priority, *, useful_seconds: float | None = None
    ) -> None:
        """One message; returns when the stream has it."""
        number = len(self.said)
        one = message(person, priority, f"{priority} {number}")
        if useful_seconds is not None:
            expires_at = datetime.now(UTC) + timedelta(seconds=useful_seconds)
            one = one.model_copy(update={"expires_at": expires_at})
        order = next(place for place, kinds in enumerate(CLASSES) if priority in kinds)
        self.said.append((one, order))
        await self._outbox.jetstream.publish(
            one.route(), one.model_dump_json().encode(), headers={"Nats-Msg-Id": str(one.id)}
        )

    async def say_all(self, rounds: int, chance: random.Random, gap_seconds: float) -> None:
        """To everybody one message of each class per round, the people in any order."""
        for _ in range(rounds):
            for person in chance.sample(self.people, len(self.people)):
                for kinds in CLASSES:
                    await self.say(person, chance.choice(kinds))
            await asyncio.sleep(gap_seconds)

    async def parked(self) -> int:
        """How many messages were parked so far."""
        return (await self._outbox.jetstream.stream_info("PARKED")).state.last_seq

    async def calls(self) -> list[dict[str, Any]]:
        """The messages that Telegram was asked to deliver, in order."""
        text = (await self._phones.get("/sim/ledger?direction=call")).text
        lines = [json.loads(line) for line in text.splitlines()]
        return [line for line in lines if line["method"] == "sendMessage"]

    async def quiet(self, seconds_max: float) -> None:
        """Wait until nothing is on its way, parked or to be woken.

        Raises:
            TimeoutError: something still is.
        """
        async with asyncio.timeout(seconds_max):
            for name in STREAMS:
                while (await self._outbox.jetstream.stream_info(name)).state.messages:
                    await asyncio.sleep(POLL_SECONDS)

    async def judge(self) -> Verdict:
        """Compare what people saw with what was said, and with what was told of it."""
        results: dict[UUID, list[DeliveryReported]] = defaultdict(list)
        for report in await self._outbox.results():
            results[report.outbound_id].append(report)
        verdict = Verdict(said=len(self.said), parked=await self.parked())
        seen = {person.chat_id: await self._texts(person) for person in self.people}
        orders: dict[tuple[str, int], list[str]] = defaultdict(list)
        for one, order in self.said:
            orders[one.address.chat_id, order].append(one.text)
            reports = results[one.id]
            if len(reports) != 1:
                verdict.untold += 1
                continue
            times = seen[one.address.chat_id].count(one.text)
            verdict.told[f"{reports[0].status}{' repeated' if reports[0].repeated else ''}"] += 1
            verdict.lost += times == 0 and reports[0].status not in ("unknown", "expired")
            verdict.doubled += times > (2 if reports[0].repeated else 1)
        for (chat_id, _), texts in orders.items():
            place = {text: number for number, text in enumerate(texts)}
            places = [place[text] for text in seen[chat_id] if text in place]
            verdict.inverted += sum(a > b for a, b in pairwise(places))
        return verdict

    async def _texts(self, person: Address) -> list[str]:
        path = f"/sim/people/{person.platform}/{person.chat_id}/chat"
        chat: list[dict[str, Any]] = (await self._phones.get(path)).raise_for_status().json()
        return [entry["text"] for entry in chat if entry["from"] == "bot"]
