"""Sends what webhooks are owed, beside everything else that the registry does."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.database import Database
from registry.webhooks import deliveries, upkeep
from registry.webhooks.deliveries import Attempt
from registry.webhooks.posting import Answer, Poster, Undelivered
from registry.webhooks.schedule import next_attempt
from registry.webhooks.signing import Signer
from registry.webhooks.subscriptions import disable_webhook
from runtime.clock import Clock
from runtime.failures import Retry, Unavailable
from runtime.metrics import counter, gauge

ATTEMPTS_AT_ONCE_MAX = 8
"""Of one process."""
ATTEMPTS_PER_WEBHOOK_MAX = 2
"""Of one process: a receiver that answers slowly leaves room for the others."""
POLL_SECONDS = 1.0
"""For what became due by itself, or was taken in by another replica."""
TROUBLE_SECONDS = 5.0
"""Before the next look after one that failed."""
LOOK_SECONDS = 15.0
"""Between two looks at the oldest delivery."""
TIDY_SECONDS = 3600.0
TIDY_PAGES_MAX = 100
"""In one go; the rest is for the next hour."""
STOP_SECONDS_MAX = 12.0
"""For requests that are under way; they end within 10 s."""
GONE = 410

log = structlog.get_logger()

_deliveries = counter(
    "turnout_webhook_deliveries_total",
    "Attempts to deliver to a webhook by how they ended.",
    ("outcome",),
)
_oldest = gauge(
    "turnout_webhook_oldest_pending_seconds",
    "For how long the oldest delivery to a webhook has been pending.",
)


class Sender:
    """Claims what is due, posts it, and writes what became of it."""

    def __init__(self, *, database: Database, clock: Clock, signer: Signer, is_test: bool) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._poster = Poster(connections_max=ATTEMPTS_AT_ONCE_MAX, is_test=is_test)
        self._wakened = asyncio.Event()
        self._busy: Counter[UUID] = Counter()
        self._under_way: set[asyncio.Task[None]] = set()
        self._rounds: asyncio.Task[None] | None = None
        self._look_at = self._tidy_at = 0.0

    def wake(self) -> None:
        """Look at once: something is due."""
        self._wakened.set()

    async def __aenter__(self) -> Self:
        await self._poster.__aenter__()
        self._rounds = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._rounds is not None, "it was entered"
        self._rounds.cancel()
        with suppress(asyncio.CancelledError):
            await self._rounds
        if self._under_way:
            # What is cut off here is tried again by somebody else when its lease is over.
            _, late = await asyncio.wait(self._under_way, timeout=STOP_SECONDS_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._poster.__aexit__(kind, error, traceback)

    async def _run(self) -> None:
        while True:
            self._wakened.clear()
            try:
                await self._look_after()
                wait_seconds = 0.0 if await self._begin() else POLL_SECONDS
            except (Unavailable, Retry) as trouble:
                log.warning("webhooks wait", reason=str(trouble))
                wait_seconds = TROUBLE_SECONDS
            except Exception:  # a bug of ours must not end all sending until the next restart
                log.exception("sending webhooks failed")
                wait_seconds = TROUBLE_SECONDS
            if wait_seconds:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wakened.wait(), wait_seconds)

    async def _begin(self) -> int:
        """Begin as many attempts as there is room for; says how many."""
        free = ATTEMPTS_AT_ONCE_MAX - len(self._under_way)
        if free <= 0:
            return 0
        attempts = await self._database.run(
            lambda connection: deliveries.claim(
                connection,
                self._clock.now(),
                free=free,
                free_per_webhook=ATTEMPTS_PER_WEBHOOK_MAX,
                busy=self._busy,
            )
        )
        for attempt in attempts:
            self._busy[attempt.webhook_id] += 1
            task = asyncio.create_task(self._attempt(attempt))
            self._under_way.add(task)
            task.add_done_callback(partial(self._ended, attempt.webhook_id))
        return len(attempts)

    def _ended(self, webhook_id: UUID, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._busy[webhook_id] -= 1
        if self._busy[webhook_id] == 0:
            del self._busy[webhook_id]
        self.wake()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a webhook delivery failed", exc_info=error)

    async def _attempt(self, attempt: Attempt) -> None:
        """One request, outside of any transaction, and its end in one."""
        try:
            answer: Answer | Undelivered = await self._post(attempt)
        except Undelivered as undelivered:
            answer = undelivered
        outcome, write = self._end(attempt, answer)
        try:
            await self._database.run(write)
        except (Unavailable, Retry):
            # It is sent once more when its lease is over; receivers know it by its webhook-id.
            outcome = "unwritten"
        _deliveries.labels(outcome=outcome).inc()
        log.info(
            "webhook tried",
            webhook_id=str(attempt.webhook_id),
            delivery_id=str(attempt.id),
            outcome=outcome,
            attempt=attempt.number,
        )

    async def _post(self, attempt: Attempt) -> Answer:
        body = attempt.body.encode()
        # Real time: the receiver compares it with its own clock, which nobody turns.
        sent_at_seconds = int(self._clock.now().timestamp() - self._clock.offset_seconds)
        headers = self._signer.headers(
            attempt.webhook_id, attempt.message_id, sent_at_seconds, body
        )
        headers |= {"content-type": "application/json", "user-agent": "Turnout-Webhooks/1"}
        return await self._poster.post(attempt.url, headers, body)

    def _end(
        self, attempt: Attempt, answer: Answer | Undelivered
    ) -> tuple[str, Callable[[AsyncConnection], Awaitable[None]]]:
        """What an attempt's end is called, and what writes it."""
        now = self._clock.now()
        status = answer.status if isinstance(answer, Answer) else None
        end = partial(deliveries.end_attempt, attempt=attempt, now=now, response_status=status)
        if status is not None and 200 <= status < 300:
            return "delivered", partial(end, delivered=True, problem=None)
        problem = str(answer) if isinstance(answer, Undelivered) else f"The answer was {status}."
        if status == GONE:
            self._tidy_at = 0.0

            async def end_all(connection: AsyncConnection) -> None:
                await end(connection, delivered=False, problem=problem)
                await disable_webhook(connection, attempt.webhook_id, now)

            return "gone", end_all
        again_at = next_attempt(
            failures=attempt.failures + 1,
            pending_since=attempt.pending_since,
            now=now,
            chance=random.random(),  # noqa: S311 - it spreads load and guards nothing
            retry_after_seconds=answer.retry_after_seconds if isinstance(answer, Answer) else 0.0,
        )
        write = partial(end, delivered=False, next_attempt_at=again_at, problem=problem)
        return "failed" if again_at is None else "retried", write

    async def _look_after(self) -> None:
        """What is to be done now and then."""
        real_now = time.monotonic()
        if real_now >= self._look_at:
            self._look_at = real_now + LOOK_SECONDS
            since = await self._database.run(upkeep.oldest_pending_since)
            waited = (self._clock.now() - since).total_seconds() if since else 0.0
            _oldest.labels().set(max(0.0, waited))
        if real_now >= self._tidy_at:
            self._tidy_at = real_now + TIDY_SECONDS
            await self.tidy()

    async def tidy(self) -> None:
        """End what disabled webhooks are owed, and remove what nobody asks for any more."""
        for work in (upkeep.end_page_of_disabled, upkeep.delete_page):
            for _ in range(TIDY_PAGES_MAX):
                if not await self._database.run(partial(work, now=self._clock.now())):
                    break
