"""Notifications out to the app: signature, batches, retries.

WhatsApp promises no order. The simulator makes its first attempts for one person in order, so
that stories are repeatable; what was refused is retried later and is overtaken meanwhile, as on
the real platform. A fault turns the order round on purpose.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from simulator.core import Core
from simulator.people import Entry, Person
from simulator.posting import HungUp, NobodyListens, Poster
from simulator.settings import WhatsAppSettings
from simulator.whatsapp import payloads
from simulator.whatsapp.callbacks import Callbacks, shake_hands

RETRY_WAIT_SECONDS_LAST = 86400.0
EXPIRY_SECONDS = 7 * 86400.0
BATCH_ITEMS_MAX = 1000
REORDER_SECONDS = 1.0

Json = dict[str, Any]


def retry_wait_seconds(
    failures: int, waits_seconds: Sequence[float] = WhatsAppSettings.retry_waits_seconds
) -> float:
    """How long a refused POST waits after its `failures`-th failure: at once, then ever longer
    for 7 days.
    """
    if failures <= len(waits_seconds):
        return waits_seconds[failures - 1]
    return RETRY_WAIT_SECONDS_LAST


def signature(app_secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for these exact bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Item:
    """One message, status or change of identity on its way to the app.

    `chain` names what keeps its order on first attempts; `expires_at` is business time.
    """

    kind: Literal["message", "status", "identity"]
    chain: str
    part: Json
    contacts: list[Json]
    person: Person | None
    text: str | None
    item_id: str
    expires_at: float
    entry: Entry | None = None
    field: str = "messages"


@dataclass
class _Post:
    """One signed body and what it carries; every retry sends the same bytes."""

    items: list[Item]
    body: bytes
    headers: dict[str, str]
    attempts: int = 0
    failures: int = 0


class Webhook:
    """The way out to one callback URL."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._settings = core.settings.whatsapp
        self.callbacks = Callbacks(self._settings.callback_url)
        self.batch_max = 1
        self.batch_window_seconds = 0.0
        self._chains: dict[str, deque[Item]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering: list[tuple[Item, asyncio.Future[None]]] = []
        self._client: httpx.AsyncClient | None = None
        self._poster = Poster(
            self._settings.webhook_answer_seconds_max,
            connections_max=self._settings.webhook_connections_max,
        )

    def drop_all(self) -> None:
        """Forget all that waits."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._chains.clear()
        self._gathering.clear()
        self._core.stats["whatsapp"].webhooks.pending = 0

    async def close(self) -> None:
        """Stop posting."""
        tasks = list(self._tasks)
        self.drop_all()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._poster.close()
        if self._client is not None:
            await self._client.aclose()

    async def subscribe(self, url: str, rng: random.Random) -> None:
        """Verify a URL as Meta's dashboard does, and let the app's webhooks go there.

        Raises `HandshakeFailed` with a sentence, and keeps the old URL then.
        """
        await shake_hands(url, self._settings.verify_token, self.http, rng)
        self.callbacks.set("application", url)

    def push(self, item: Item, *, late: bool = False) -> None:
        """Put an item on its way; `late` lets what follows overtake it."""
        webhooks = self._core.stats["whatsapp"].webhooks
        if not self.callbacks.hears(item.field):
            # Meta sends nothing to an app that did not ask, and does not make up for it later.
            webhooks.dropped += 1
            return
        webhooks.pending += 1
        if late:
            self._spawn(self._send_late(item))
        elif item.chain in self._chains:
            self._chains[item.chain].append(item)
        else:
            self._chains[item.chain] = deque([item])
            self._spawn(self._drain(item.chain))

    def new_item(
        self,
        kind: Literal["message", "status", "identity"],
        chain: str,
        part: Json,
        item_id: str,
        *,
        contacts: list[Json] | None = None,
        person: Person | None = None,
        text: str | None = None,
        entry: Entry | None = None,
        field: str = "messages",
    ) -> Item:
        """An item that expires in 7 days."""
        expires_at = self._core.clock.timestamp() + EXPIRY_SECONDS
        return Item(
            kind, chain, part, contacts or [], person, text, item_id, expires_at, entry, field
        )

    async def _drain(self, chain: str) -> None:
        queue = self._chains[chain]
        while queue:
            await self._first_attempt(queue[0])
            queue.popleft()
        self._chains.pop(chain, None)

    async def _send_late(self, item: Item) -> None:
        await asyncio.sleep(REORDER_SECONDS)
        await self._first_attempt(item)

    async def _first_attempt(self, item: Item) -> None:
        await self.callbacks.known.wait()
        if self.batch_max <= 1:
            await self._post([item])
            return
        posted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathering.append((item, posted))
        if len(self._gathering) == 1:
            self._spawn(self._gather())
        await posted

    async def _gather(self) -> None:
        await asyncio.sleep(self.batch_window_seconds)
        while self._gathering:
            batch = self._gathering[: self.batch_max]
            self._gathering = self._gathering[self.batch_max :]
            await self._post([item for item, _ in batch])
            for _, posted in batch:
                if not posted.done():
                    posted.set_result(None)

    async def _post(self, items: list[Item]) -> None:
        body = json.dumps(self._envelope(items), separators=(",", ":")).encode()
        post = _Post(
            items,
            body,
            {
                "Content-Type": "application/json",
                "User-Agent": "facebookexternalua",
                "X-Hub-Signature-256": signature(self._settings.app_secret, body),
            },
        )
        if await self._attempt(post):
            await self._finish(post)
        else:
            self._spawn(self._retry(post))

    async def _retry(self, post: _Post) -> None:
        while True:
            wait_seconds = retry_wait_seconds(post.failures, self._settings.retry_waits_seconds)
            if self._core.clock.timestamp() + wait_seconds > post.items[0].expires_at:
                self._settle(post, delivered=False)
                return
            await asyncio.sleep(wait_seconds)
            if await self._attempt(post):
                await self._finish(post)
                return

    async def _finish(self, post: _Post) -> None:
        self._settle(post, delivered=True)
        person = post.items[0].person
        if self._core.faults.for_webhook(
            "whatsapp", "duplicate_webhook", person.id if person else None
        ):
            await self._attempt(post, is_duplicate=True)

    async def _attempt(self, post: _Post, *, is_duplicate: bool = False) -> bool:
        """One POST; WhatsApp takes nothing but 200 for an answer."""
        webhooks = self._core.stats["whatsapp"].webhooks
        post.attempts += 1
        if is_duplicate:
            webhooks.duplicated += 1
        elif post.attempts == 1:
            webhooks.posted += 1
        else:
            webhooks.retried += 1
        try:
            answer = await self._poster.post(self.callbacks.in_force or "", post.body, post.headers)
            outcome = str(answer.status)
        except NobodyListens:
            outcome = "no connection"
        except (HungUp, TimeoutError):
            outcome = "no answer"
        for item in post.items:
            self._core.ledger.write(
                "whatsapp",
                "webhook",
                item.kind,
                item.person.id if item.person else None,
                item.text,
                outcome,
                id=item.item_id,
                attempt=post.attempts,
                batch=len(post.items) if len(post.items) > 1 else None,
            )
        if outcome == "200":
            return True
        webhooks.refused += 1
        post.failures += 1
        return False

    def _settle(self, post: _Post, *, delivered: bool) -> None:
        webhooks = self._core.stats["whatsapp"].webhooks
        webhooks.pending -= len(post.items)
        if delivered:
            webhooks.delivered += len(post.items)
        else:
            webhooks.dropped += len(post.items)
        for item in post.items:
            if item.entry is None or item.person is None:
                continue
            if item.entry.raise_status("delivered" if delivered else "failed"):
                item.person.chat.ring()

    def _envelope(self, items: list[Item]) -> Json:
        """Messages and statuses of a batch go into different entries, so that an app which
        reads only the first of anything loses something.
        """
        entries: list[list[Json]] = []
        for kind, part_name in (("message", "messages"), ("status", "statuses")):
            mine = [item for item in items if item.kind == kind]
            if not mine:
                continue
            contacts: list[Json] = []
            for item in mine:
                contacts += [contact for contact in item.contacts if contact not in contacts]
            parts: Json = {"contacts": contacts} if contacts else {}
            parts[part_name] = [item.part for item in mine]
            entries.append([payloads.change(self._settings, "messages", parts)])
        entries.extend(
            [payloads.change(self._settings, item.field, {item.field: [item.part]})]
            for item in items
            if item.kind == "identity"
        )
        return payloads.envelope(self._settings, entries)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def http(self) -> httpx.AsyncClient:
        """The client for everything that goes out to the app."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(self._settings.webhook_answer_seconds_max, pool=None),
                limits=httpx.Limits(max_connections=self._settings.webhook_connections_max),
                trust_env=False,
            )
        return self._client
