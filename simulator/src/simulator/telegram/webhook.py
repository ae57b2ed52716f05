"""Updates out to the bot: queues, order, retries, expiry (telegram-bot-api WebhookActor.cpp)."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from simulator.core import Core
from simulator.people import Entry, Person
from simulator.posting import Answer, HungUp, NobodyListens, Poster
from simulator.telegram.connections import Connections

RETRY_AFTER_SECONDS_MAX = 3600.0
BACKOFF_CAP_SECONDS = (60.0, 120.0)
EXPIRY_SECONDS = {"callback_query": 150.0}
EXPIRY_SECONDS_DEFAULT = 24 * 3600.0
CONNECTIONS_DEFAULT = 40
CONNECTIONS_MAX = 100
QUEUES_LOADED_PER_CONNECTION = 2
"""Of the queues that hold something, so many are worked on; the updates of others wait unread."""
REORDER_HOLD_SECONDS_MAX = 2.0

DEFAULT_KINDS = frozenset({"message", "edited_message", "callback_query", "my_chat_member"})
"""Of the kinds that this simulator makes, those that are sent unless others were asked for."""
KNOWN_KINDS = DEFAULT_KINDS | {
    "business_connection",
    "business_message",
    "channel_post",
    "chat_boost",
    "chat_join_request",
    "chat_member",
    "chosen_inline_result",
    "deleted_business_messages",
    "edited_business_message",
    "edited_channel_post",
    "inline_query",
    "message_reaction",
    "message_reaction_count",
    "poll",
    "poll_answer",
    "pre_checkout_query",
    "purchased_paid_media",
    "removed_chat_boost",
    "shipping_query",
}
"""Those that the server knows; the others of a list are ignored."""


def retry_wait_seconds(failures: int, retry_after: float | None, rng: random.Random) -> float:
    """How long the head of a queue waits after its `failures`-th failure.

    The first retry comes at once, then 2, 4, 8 … seconds up to a random 60 to 120; a
    `Retry-After` of the bot's answer is followed instead.
    """
    if retry_after is not None:
        return min(max(retry_after, 0.0), RETRY_AFTER_SECONDS_MAX)
    if failures <= 1:
        return 0.0
    return float(min(2.0 ** (failures - 1), rng.uniform(*BACKOFF_CAP_SECONDS)))


@dataclass
class Update:
    """One update in its queue. `expires_at` is business time in unix seconds; `body` is written
    when the update happens, so that a later edit does not change the past.
    """

    update_id: int
    kind: str
    body: bytes
    queue_key: int
    expires_at: float
    person: Person
    entry: Entry | None = None
    text: str | None = None
    failures: int = 0
    attempts: int = 0
    is_held: bool = False


@dataclass
class WebhookConfig:
    """What setWebhook set; without a URL updates wait."""

    url: str = ""
    secret: str | None = None
    max_connections: int = CONNECTIONS_DEFAULT
    kinds: frozenset[str] = DEFAULT_KINDS
    kinds_asked: list[str] | None = None
    last_error_timestamp: int | None = None
    last_error_message: str | None = None


class Webhook:
    """The queues of one bot. The head of a queue blocks the rest of it until it is delivered
    or expires; queues do not wait for each other, as long as they are few: while all loaded ones
    are refused, the others are not tried.
    """

    def __init__(
        self, core: Core, on_reply: Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
    ) -> None:
        self._core = core
        self._on_reply = on_reply
        self.config = WebhookConfig()
        self._unloaded: deque[Update] = deque()
        self._queues: dict[int, deque[Update]] = {}
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._replies: set[asyncio.Task[None]] = set()
        self._config_changed = asyncio.Event()
        self._delivered = asyncio.Condition()
        self._connections = self._new_connections()
        self._poster = Poster(
            core.settings.telegram.webhook_answer_seconds_max, connections_max=CONNECTIONS_MAX
        )
        # Ten a second since 2024: after a restart the ids are above all earlier ones, so that
        # the bot never takes a new update for one that it knows.
        self._last_update_id = int((time.time() - 1_704_067_200) * 10)

    @property
    def pending(self) -> int:
        """How many updates wait."""
        return len(self._unloaded) + sum(map(len, self._queues.values()))

    def _new_connections(self) -> Connections:
        return Connections(self.config.max_connections, lambda: len(self._queues))

    def configure(self, config: WebhookConfig, *, drop_pending: bool) -> None:
        """Take new settings; what waited for a retry is tried at once."""
        connections_changed = config.max_connections != self._connections.connections_max
        self.config = config
        if connections_changed:
            self._connections = self._new_connections()
        if drop_pending:
            self.drop_all()
        self._config_changed.set()
        self._config_changed = asyncio.Event()
        for key in list(self._queues):
            self._start_worker(key)
        self._load()

    def drop_all(self) -> None:
        """Forget all that waits; a post that is under way is given up."""
        for worker in self._workers.values():
            worker.cancel()
        self._workers.clear()
        self._unloaded.clear()
        self._queues.clear()
        self._core.stats["telegram"].webhooks.pending = 0

    async def close(self) -> None:
        """Stop posting."""
        workers = [*self._workers.values(), *self._replies]
        self.drop_all()
        await asyncio.gather(*workers, return_exceptions=True)
        await self._poster.close()

    def push(
        self,
        kind: str,
        content: dict[str, Any],
        person: Person,
        *,
        entry: Entry | None = None,
        text: str | None = None,
    ) -> bool:
        """Queue an update; False if the bot did not ask for its kind."""
        if kind not in self.config.kinds:
            return False
        self._last_update_id += 1
        update = Update(
            update_id=self._last_update_id,
            kind=kind,
            body=json.dumps({"update_id": self._last_update_id, kind: content}).encode(),
            queue_key=_queue_key(kind, int(person.id)),
            expires_at=self._core.clock.timestamp()
            + EXPIRY_SECONDS.get(kind, EXPIRY_SECONDS_DEFAULT),
            person=person,
            entry=entry,
            text=text,
        )
        fault = self._core.faults.for_webhook("telegram", "reorder_webhook", person.id)
        update.is_held = fault is not None
        self._unloaded.append(update)
        self._core.stats["telegram"].webhooks.pending += 1
        self._load()
        return True

    def _load(self) -> None:
        queues_max = self.config.max_connections * QUEUES_LOADED_PER_CONNECTION
        while self._unloaded and len(self._queues) < queues_max:
            update = self._unloaded.popleft()
            self._queues.setdefault(update.queue_key, deque()).append(update)
            self._start_worker(update.queue_key)

    def _start_worker(self, key: int) -> None:
        if self.config.url and key not in self._workers and self._queues.get(key):
            self._workers[key] = asyncio.create_task(self._drain(key))

    async def _drain(self, key: int) -> None:
        queue = self._queues[key]
        while queue and self.config.url:
            update = queue[0]
            outcome = await self._deliver(update)
            if outcome == "stopped":
                break
            queue.popleft()
            webhooks = self._core.stats["telegram"].webhooks
            webhooks.pending -= 1
            if outcome == "delivered":
                webhooks.delivered += 1
            else:
                webhooks.dropped += 1
            self._show_on_entry(update, delivered=outcome == "delivered")
        if not queue:
            self._queues.pop(key, None)
        self._workers.pop(key, None)
        self._load()

    async def _deliver(self, update: Update) -> str:
        """Post until 2xx ("delivered"), expiry ("expired") or no webhook ("stopped")."""
        if update.is_held:
            await self._wait_for_another(update)
        while True:
            if not self.config.url:
                return "stopped"
            wait_seconds = await self._attempt(update)
            if wait_seconds is None:
                if self._core.faults.for_webhook("telegram", "duplicate_webhook", update.person.id):
                    await self._attempt(update, is_duplicate=True)
                return "delivered"
            if self._core.clock.timestamp() + wait_seconds > update.expires_at:
                return "expired"
            await self._sleep_unless_configured(wait_seconds)

    async def _attempt(self, update: Update, *, is_duplicate: bool = False) -> float | None:
        """One post. None after 2xx, else seconds to wait."""
        connections, succeeded, kept = self._connections, False, False
        await connections.take()
        config, webhooks = self.config, self._core.stats["telegram"].webhooks
        update.attempts += 1
        if is_duplicate:
            webhooks.duplicated += 1
        elif update.attempts == 1:
            webhooks.posted += 1
        else:
            webhooks.retried += 1
        headers = {"Content-Type": "application/json"}
        if config.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = config.secret
        answer: Answer | None = None
        try:
            answer = await self._poster.post(config.url, update.body, headers)
            succeeded, kept = answer.is_success, answer.keeps
        except TimeoutError:
            outcome, error = "no answer", "Read timeout expired"
        except NobodyListens:
            outcome, error = "no connection", "Connection refused"
            connections.refused()
        except HungUp:
            outcome, error = "no answer", "Webhook connection closed"
        finally:
            connections.give_back(succeeded=succeeded, kept=kept)
        retry_after: float | None = None
        if answer is not None:
            outcome = str(answer.status)
            error = f"Wrong response from the webhook: {outcome} {answer.reason}"
            if succeeded:
                self._record(update, outcome)
                await self._succeeded(answer)
                return None
            retry_after = _seconds(answer.headers.get("retry-after"))
        self._record(update, outcome)
        webhooks.refused += 1
        update.failures += 1
        config.last_error_timestamp = int(self._core.clock.timestamp())
        config.last_error_message = error
        return retry_wait_seconds(update.failures, retry_after, self._core.rng)

    async def _succeeded(self, answer: Answer) -> None:
        async with self._delivered:
            self._delivered.notify_all()
        try:
            reply = json.loads(answer.content) if answer.content else None
        except ValueError:
            return
        if isinstance(reply, dict) and "method" in reply:
            # A task of its own: the queue goes on, whatever becomes of the call.
            call = asyncio.create_task(self._on_reply(reply))
            self._replies.add(call)
            call.add_done_callback(self._replies.discard)

    def _record(self, update: Update, outcome: str) -> None:
        self._core.ledger.write(
            "telegram",
            "webhook",
            update.kind,
            update.person.id,
            update.text,
            outcome,
            update_id=update.update_id,
            attempt=update.attempts,
        )

    def _show_on_entry(self, update: Update, *, delivered: bool) -> None:
        if update.entry is not None and update.entry.raise_status(
            "delivered" if delivered else "failed"
        ):
            update.person.chat.ring()

    async def _wait_for_another(self, update: Update) -> None:
        """Let another queue's update pass first; inside a queue the order never changes."""
        try:
            async with self._delivered:
                await asyncio.wait_for(self._delivered.wait(), REORDER_HOLD_SECONDS_MAX)
        except TimeoutError:
            return

    async def _sleep_unless_configured(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._config_changed.wait(), seconds)
        except TimeoutError:
            return


def _queue_key(kind: str, user_id: int) -> int:
    # The keys of Client.cpp add_update: what may overtake what follows from them.
    match kind:
        case "callback_query":
            return user_id + (3 << 33)
        case "my_chat_member":
            return user_id + (5 << 33)
        case _:
            return user_id


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.strip().isdigit() else None
