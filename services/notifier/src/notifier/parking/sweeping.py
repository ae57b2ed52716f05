"""Every parked chat has a wake: looked at now and then, with how much is parked."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, cast

import structlog
from nats.js.errors import APIError, NotFoundError

from contracts import Address, Platform
from contracts.topology import PARKED, WAKE
from notifier import measures, real_time
from notifier.parking.wakes import Wakes
from runtime.broker import UNREACHABLE, Broker
from runtime.failures import Unavailable

ANSWER_SECONDS_MAX = 5.0

log = structlog.get_logger()

Chat = tuple[str, str]
"""A platform, and a chat key there."""
Account = tuple[str, str]
"""A platform, and an account's token in subjects."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is parked of one account."""

    messages: int
    chats: int
    reason: str
    oldest_at: datetime


class Sweep:
    """Every replica looks by itself; a wake too many is harmless.

    A chat without a wake should not be. It could be after an operator has purged WAKE, or after it
    was full, so a chat that is found so twice in a row is woken.
    """

    def __init__(
        self, broker: Broker, every_seconds: float, reason_of: Callable[[str, str], str]
    ) -> None:
        """Prepare.

        Args:
            broker: where the streams are.
            every_seconds: between two looks; twice that is how long a chat could be forgotten.
            reason_of: (platform, account) → why it waits, in a word.
        """
        self._broker = broker
        self._every_seconds = every_seconds
        self._reason_of = reason_of
        self._suspects: set[Chat] = set()
        self._standing: dict[Account, Standing] = {}
        self._measured: set[tuple[str, str, str]] = set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._wakes = Wakes(self._broker)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def show(self) -> object:
        """What is parked, by account, as of the last look; for `/health`."""
        now = real_time.now()
        return {
            f"{platform} {account}": {
                "messages": standing.messages,
                "chats": standing.chats,
                "reason": standing.reason,
                "oldest_seconds": round((now - standing.oldest_at).total_seconds(), 1),
            }
            for (platform, account), standing in sorted(self._standing.items())
        }

    async def _run(self) -> None:
        while True:
            with suppress(Unavailable):
                await self.look()
            await asyncio.sleep(self._every_seconds)

    async def look(self) -> None:
        """Count what is parked, and wake whom nobody else will.

        Raises:
            Unavailable: the broker does not answer.
        """
        parked = await self._subjects(PARKED.name)
        await self._count(parked)
        if not parked:
            self._suspects = set()
            return
        awake = {_chat(subject) for subject in await self._subjects(WAKE.name)}
        asleep = {_chat(subject) for subject in parked} - awake
        for platform, key in asleep & self._suspects:
            log.error("parked chat had no wake", platform=platform)
            measures.parked_forgotten.labels(platform=platform).inc()
            await self._wakes.at(Address.from_key(cast(Platform, platform), key), None)
        self._suspects = asleep

    async def _count(self, parked: dict[str, int]) -> None:
        messages: dict[Account, list[int]] = defaultdict(list)
        for subject, count in parked.items():
            _, platform, account, _ = subject.split(".")
            messages[platform, account].append(count)
        standing: dict[Account, Standing] = {}
        for (platform, account), counts in messages.items():
            oldest_at = await self._oldest(platform, account)
            if oldest_at is not None:
                reason = self._reason_of(platform, account)
                standing[platform, account] = Standing(sum(counts), len(counts), reason, oldest_at)
        self._standing = standing
        self._measure()

    def _measure(self) -> None:
        now = real_time.now()
        # What is not there any more is shown as nothing, not as what it was.
        shown = dict.fromkeys(self._measured, (0, 0, 0.0))
        for (platform, account), standing in self._standing.items():
            shown[platform, account, standing.reason] = (
                standing.messages,
                standing.chats,
                (now - standing.oldest_at).total_seconds(),
            )
        for (platform, account, reason), (messages, chats, oldest_seconds) in shown.items():
            labels = {"platform": platform, "account": account, "reason": reason}
            measures.parked_messages.labels(**labels).set(messages)
            measures.parked_chats.labels(**labels).set(chats)
            measures.parked_oldest.labels(**labels).set(oldest_seconds)
        self._measured = set(shown)

    async def _oldest(self, platform: str, account: str) -> datetime | None:
        try:
            raw = await self._broker.jetstream.get_msg(
                PARKED.name, seq=1, subject=f"parked.{platform}.{account}.*", next=True
            )
        except NotFoundError:
            return None
        except (*UNREACHABLE, APIError) as error:
            raise Unavailable("nats") from error
        return raw.time

    async def _subjects(self, stream: str) -> dict[str, int]:
        """How many messages each subject of a stream has; nats-py reads only the first page."""
        found: dict[str, int] = {}
        while True:
            ask = json.dumps({"subjects_filter": ">", "offset": len(found)}).encode()
            try:
                answer = await self._broker.requests.request(
                    f"$JS.API.STREAM.INFO.{stream}", ask, timeout=ANSWER_SECONDS_MAX
                )
            except UNREACHABLE as error:
                raise Unavailable("nats") from error
            page = json.loads(answer.data)
            if "error" in page:
                raise Unavailable(f"stream {stream}")
            subjects = page["state"].get("subjects") or {}
            found |= subjects
            if not subjects or len(found) >= page.get("total", 0):
                return found


def _chat(subject: str) -> Chat:
    tokens = subject.split(".")
    return tokens[1], tokens[-1]
