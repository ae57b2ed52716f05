"""Claims by the thousand, encoded in advance, and what the registry makes of them."""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import nats
from nats.aio.msg import Msg

from contracts import Address, ClaimSeat, Query, Sender

ANSWERS_SECONDS_MAX = 60.0
"""A round that takes longer is no measurement any more."""
ANSWERS_POLL_SECONDS = 0.01
ACCOUNT = "123456"

_chats = itertools.count(5_000_000)


def claim(event_id: UUID) -> ClaimSeat:
    """Somebody who was never seen before wants a seat."""
    return ClaimSeat(
        id=uuid4(),
        occurred_at=datetime.now(UTC),
        correlation_id=uuid4(),
        event_id=event_id,
        address=Address(platform="telegram", account=ACCOUNT, chat_id=str(next(_chats))),
        sender=Sender(name="Ann Lee", language="en"),
        name="Ann Lee",
        email_claimed="ann@example.org",
        language="en",
        registered_via="telegram",
    )


def claims(events: Sequence[UUID], count: int) -> list[ClaimSeat]:
    """So many claims, the events taking turns."""
    return [claim(event_id) for event_id in itertools.islice(itertools.cycle(events), count)]


class Load:
    """A client of the broker that sends claims and sees their outcomes arrive in the stream."""

    def __init__(self, nats_url: str) -> None:
        self._url = nats_url

    async def __aenter__(self) -> Self:
        # Room for a whole round: the sender must not be what is measured.
        self._client = await nats.connect(self._url, pending_size=64 * 1024 * 1024)
        self._jetstream = self._client.jetstream()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def _answers(self) -> int:
        """How many outcomes the stream has ever stored: nothing else comes in here."""
        return (await self._jetstream.stream_info("INBOUND")).state.last_seq

    async def _send(self, subject: str, body: bytes, message_id: str) -> None:
        # Without waiting for the stream's acknowledgement: the outcomes are waited for.
        await self._client.publish(subject, body, headers={"Nats-Msg-Id": message_id})

    async def rate(self, wanted: Sequence[ClaimSeat]) -> float:
        """Claims per second, from the first one sent to the last outcome in the stream.

        Raises:
            TimeoutError: some outcomes do not come.
        """
        encoded = [(one.route(), one.model_dump_json().encode(), str(one.id)) for one in wanted]
        expected = await self._answers() + len(wanted)
        started = time.perf_counter()
        for one in encoded:
            await self._send(*one)
        await self._client.flush()
        async with asyncio.timeout(ANSWERS_SECONDS_MAX):
            while await self._answers() < expected:
                await asyncio.sleep(ANSWERS_POLL_SECONDS)
        return len(wanted) / (time.perf_counter() - started)

    async def p99_seconds(self, wanted: Sequence[ClaimSeat], per_second: float) -> float:
        """99 of 100 claims have their outcome within this time, when so many come per second.

        Raises:
            TimeoutError: some outcomes do not come.
        """
        sent: dict[str, float] = {}
        taken: list[float] = []
        answered = asyncio.Event()

        async def hear(message: Msg) -> None:
            command_id = json.loads(message.data)["command_id"]
            taken.append(time.perf_counter() - sent[command_id])
            if len(taken) == len(wanted):
                answered.set()

        subscription = await self._client.subscribe("in.*.*", cb=hear)
        await self._client.flush()
        begun = time.perf_counter()
        for number, one in enumerate(wanted):
            await asyncio.sleep(begun + number / per_second - time.perf_counter())
            sent[str(one.id)] = time.perf_counter()
            await self._send(one.route(), one.model_dump_json().encode(), str(one.id))
        async with asyncio.timeout(ANSWERS_SECONDS_MAX):
            await answered.wait()
        await subscription.unsubscribe()
        return statistics.quantiles(taken, n=100)[98]

    async def ask(self, query: Query) -> bytes:
        """A service's answer, as it came."""
        body = query.model_dump_json().encode()
        return (await self._client.request(query.subject, body, timeout=5)).data
