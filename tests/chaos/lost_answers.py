"""Messages of every class while platforms drop answers; what people saw against what was said.

The gateway runs along, because WhatsApp's statuses come by it. What a person saw is read from the
phone, what was said of it from DELIVERY, how many answers were dropped from the simulator.
"""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, get_args
from uuid import UUID, uuid4

import httpx
import nats
from nats.js import JetStreamContext

from contracts import Address, DeliveryReported, OutboundMessage, Platform, Priority
from devstack.installation import DEMO_VALUES
from devstack.notifier_rig import NotifierRig
from tests.chaos.judge import stream

PLATFORMS: tuple[Platform, ...] = ("telegram", "whatsapp")
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
ACCOUNTS: dict[Platform, str] = {
    "telegram": DEMO_VALUES["TELEGRAM_TOKEN"].partition(":")[0],
    "whatsapp": DEMO_VALUES["WHATSAPP_PHONE_ID"],
}
ONCE_MORE: tuple[Priority, ...] = ("reply", "transactional")
POLL_SECONDS = 0.1
UNKNOWN = re.compile(r'(?m)^turnout_sends_unknown_total\{.*outcome="([a-z-]+)".*\} (\S+)$')


class LostRig(NotifierRig):
    """Notifiers, with a gateway for what platforms tell later."""

    def __init__(self, *, replicas: int, environment: Mapping[str, str]) -> None:
        super().__init__(replicas=replicas, environment=environment)
        self._gateway = self._replica("gateway", 1, self._ports.of("gateway"))

    async def _introduce(self) -> None:
        await super()._introduce()
        await self._start(self._gateway)

    async def stop(self) -> None:
        await self._gateway.stop()
        await super().stop()


@dataclass
class Verdict:
    """By platform and class; all but `said` and `told` must be empty."""

    said: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """How the messages ended, for the report."""
    lost: Counter[str] = field(default_factory=Counter)
    """Seen by nobody, although that was not admitted."""
    doubled: Counter[str] = field(default_factory=Counter)
    """Seen more often than their class allows, or without a word about it."""
    untold: Counter[str] = field(default_factory=Counter)
    """Without a result, or with more than one."""
    admitted: int = 0
    """Unknown, or sent once more: said so, so no fault."""
    repeated: Counter[str] = field(default_factory=Counter)
    """Seen twice, and said so."""

    @property
    def faults(self) -> dict[str, Counter[str]]:
        """Every count that is not empty and should be."""
        counts = {"lost": self.lost, "doubled": self.doubled, "untold": self.untold}
        return {name: count for name, count in counts.items() if count}


class Scene:
    """People, messages to them, and the faults of the platforms."""

    def __init__(
        self, rig: LostRig, phones: httpx.AsyncClient, jetstream: JetStreamContext
    ) -> None:
        self.rig = rig
        self._phones = phones
        self._jetstream = jetstream
        self._people: list[Address] = []
        self._said: list[OutboundMessage] = []
        self._counted: Counter[str] = Counter()
        """What processes that were killed had counted."""

    @classmethod
    @asynccontextmanager
    async def on(cls, rig: LostRig, people: int) -> AsyncIterator[Self]:
        """So many people on each platform, who all have written."""
        async with httpx.AsyncClient(base_url=rig.simulator_url, timeout=60) as phones:
            client = await nats.connect(rig.nats_url)
            try:
                scene = cls(rig, phones, client.jetstream())
                for platform in PLATFORMS:
                    for _ in range(people):
                        scene._people.append(await scene._person(platform))
                yield scene
            finally:
                await client.close()

    async def _person(self, platform: Platform) -> Address:
        answer = await self._phones.post("/sim/people", json={"platform": platform})
        one = str(answer.raise_for_status().json()["id"])
        said = await self._phones.post(f"/sim/people/{platform}/{one}/say", json={"text": "/start"})
        said.raise_for_status()
        return Address(platform=platform, account=ACCOUNTS[platform], chat_id=one)

    async def drop_answers(self, share: float) -> None:
        """From now on both platforms take messages and sometimes do not say so."""
        for platform in PLATFORMS:
            rule = {"platform": platform, "kind": "drop_response", "share": share}
            (await self._phones.post("/sim/faults", json=rule)).raise_for_status()

    async def dropped(self) -> int:
        """How many answers were dropped so far."""
        rules: list[dict[str, Any]] = (await self._phones.get("/sim/faults")).json()
        return sum(rule["hits"] for rule in rules if rule["kind"] == "drop_response")

    async def say(self, rounds: int, chance: random.Random) -> None:
        """To everybody one message of each class per round, in any order."""
        plan = [
            (person, priority)
            for person in self._people
            for priority in PRIORITIES
            for _ in range(rounds)
        ]
        chance.shuffle(plan)
        for person, priority in plan:
            await self._say(person, priority)

    async def _say(self, person: Address, priority: Priority) -> None:
        now = datetime.now(UTC)
        message = OutboundMessage(
            id=(own := uuid4()),
            occurred_at=now,
            correlation_id=own,
            address=person,
            priority=priority,
            language="en",
            text=f"message {own}",
            heard_at=now,
        )
        self._said.append(message)
        await self._jetstream.publish(
            message.route(), message.model_dump_json().encode(), headers={"Nats-Msg-Id": str(own)}
        )

    async def kill(self, number: int) -> None:
        """SIGKILL to one notifier; what it counted is noted before."""
        self._counted += await self._unknown_of(self.rig.urls[number - 1])
        await self.rig.kill(number)

    async def unknown(self) -> Counter[str]:
        """`turnout_sends_unknown_total` of all notifiers, also the dead, by outcome."""
        living = [await self._unknown_of(url) for url in self.rig.urls]
        return sum(living, self._counted)

    async def _unknown_of(self, url: str) -> Counter[str]:
        text = (await self._phones.get(f"{url}/metrics")).raise_for_status().text
        found: Counter[str] = Counter()
        for outcome, count in UNKNOWN.findall(text):
            found[outcome] += int(float(count))
        return found

    async def quiet(self, seconds_max: float) -> None:
        """Wait until nothing waits to be sent.

        Raises:
            TimeoutError: something still does.
        """
        ends = time.monotonic() + seconds_max
        streams = ("OUTBOUND", "BULK", "PARKED")
        while waiting := {
            name: count
            for name in streams
            if (count := (await self._jetstream.stream_info(name)).state.messages)
        }:
            if time.monotonic() > ends:
                raise TimeoutError(f"still waiting: {waiting}")
            await asyncio.sleep(POLL_SECONDS)

    async def judge(self) -> Verdict:
        """Compare what people saw with what was said of it."""
        results: dict[UUID, list[DeliveryReported]] = {}
        for body in await stream(self.rig.nats_url, "DELIVERY"):
            report = DeliveryReported.model_validate(body)
            if report.source == "notifier":
                results.setdefault(report.outbound_id, []).append(report)
        seen = Counter([text async for text in self._texts()])
        verdict = Verdict()
        for message in self._said:
            kind = f"{message.address.platform} {message.priority}"
            verdict.said[kind] += 1
            reports = results.get(message.id, [])
            if len(reports) != 1:
                verdict.untold[kind] += 1
                continue
            _weigh(verdict, message, kind, reports[0], seen[message.text])
        return verdict

    async def _texts(self) -> AsyncIterator[str]:
        for person in self._people:
            path = f"/sim/people/{person.platform}/{person.chat_id}/chat"
            for entry in (await self._phones.get(path)).raise_for_status().json():
                if entry["from"] == "bot":
                    yield entry["text"]


def _weigh(
    verdict: Verdict, message: OutboundMessage, kind: str, report: DeliveryReported, seen: int
) -> None:
    verdict.told[f"{kind} {report.status}{' repeated' if report.repeated else ''}"] += 1
    may_repeat = message.priority in ONCE_MORE
    is_unknown = report.status == "unknown"
    verdict.admitted += report.repeated or is_unknown
    # Killed before the call: nobody can know, and what is no reply is not sent again.
    if seen == 0 and (may_repeat or not is_unknown):
        verdict.lost[kind] += 1
    if seen > (2 if may_repeat and report.repeated else 1):
        verdict.doubled[kind] += 1
    elif seen == 2:
        verdict.repeated[kind] += 1


def each_in_turn(replicas: int) -> Iterator[int]:
    """Numbers of replicas, without end."""
    while True:
        yield from range(1, replicas + 1)
