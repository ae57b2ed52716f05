"""One bot: its chats, its sent messages, its limits."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator.core import Core
from simulator.limits import Gcra, SlidingWindow
from simulator.people import Entry, Person
from simulator.telegram import updates
from simulator.telegram.errors import (
    CANT_INITIATE,
    QUERY_TOO_OLD,
    TelegramError,
    bad_request,
    forbidden,
    too_many_requests,
)
from simulator.telegram.markup import choices_of
from simulator.telegram.webhook import Webhook

CHAT_PERIOD_SECONDS = 1.0
CHAT_BURST = 3
HOLD_SECONDS_MAX = 8.0  # TDLib sleeps through shorter flood waits instead of answering 429
SET_WEBHOOK_PERIOD_SECONDS = 1.0

Json = dict[str, Any]


@dataclass
class Posted:
    """A message as the Bot API knows it, and as it stands in the chat."""

    message: Json
    entry: Entry

    @property
    def markup(self) -> Json | None:
        """The inline keyboard under it, if it has one."""
        return self.message.get("reply_markup")


@dataclass
class Query:
    """A button press that waits for answerCallbackQuery; `pressed_at` is monotonic."""

    person: Person
    pressed_at: float
    is_answered: bool = False


class Bot:
    """The state behind the Bot API methods."""

    def __init__(
        self, core: Core, on_reply: Callable[[Bot, Json], Coroutine[Any, Any, None]]
    ) -> None:
        self.core = core
        self.settings = core.settings.telegram
        self.webhook = Webhook(core, partial(on_reply, self))
        self.queries: dict[str, Query] = {}
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}
        self.set_webhook_limit = SlidingWindow(1, SET_WEBHOOK_PERIOD_SECONDS)
        self._posted: dict[tuple[str, int], Posted] = {}
        self._last_message_ids: dict[str, int] = {}
        self._global_limit = self._new_global_limit()
        self._chat_limits: dict[str, Gcra] = {}
        self._queries_made = 0

    def reset(self) -> None:
        """Forget messages, presses and debts; the webhook stays set."""
        self.webhook.drop_all()
        self.queries.clear()
        self._posted.clear()
        self._last_message_ids.clear()
        self._global_limit = self._new_global_limit()
        self._chat_limits.clear()

    def _new_global_limit(self) -> SlidingWindow:
        return SlidingWindow(self.settings.messages_per_second, 1.0)

    def person_of(self, chat_id: Any) -> Person | None:
        """Whom a chat id means, if the bot's platform knows it."""
        return self.core.people.at_address("telegram", str(chat_id))

    def recipient(self, chat_id: Any) -> Person:
        """Whom the bot may write to; raises 400 or 403 with the server's texts."""
        if chat_id in (None, ""):
            raise bad_request("chat_id is empty")
        person = self.person_of(chat_id)
        if person is None:
            raise bad_request("chat not found")
        if person.blocked:
            raise forbidden("bot was blocked by the user")
        if not person.started:
            raise forbidden(CANT_INITIATE)
        return person

    async def pass_limits(self, person: Person) -> None:
        """Wait or raise 429, as the flood mode says: so many in any second to all, and to one
        chat one a second after a burst of three.
        """
        held_seconds = 0.0
        while True:
            chat = self._chat_limits.setdefault(person.id, Gcra(CHAT_PERIOD_SECONDS, CHAT_BURST))
            wait_seconds = max(self._global_limit.wait_seconds(), chat.wait_seconds())
            if wait_seconds <= 0:
                self._global_limit.take()
                chat.take()
                return
            if self.settings.flood == "strict" or held_seconds + wait_seconds > HOLD_SECONDS_MAX:
                raise too_many_requests(max(math.ceil(wait_seconds), 1), over_limit=True)
            held_seconds += wait_seconds
            await asyncio.sleep(wait_seconds)

    def post(self, person: Person, content: Json, entry: Entry, *, by_bot: bool) -> Posted:
        """Put a message into the chat, under the chat's next message id."""
        message_id = self._last_message_ids.get(person.id, 0) + 1
        self._last_message_ids[person.id] = message_id
        sender = updates.bot_user(self.settings) if by_bot else updates.user(person)
        timestamp = self.core.clock.timestamp()
        posted = Posted(updates.message(message_id, sender, person, timestamp, content), entry)
        entry.provider_id = str(message_id)
        self._posted[person.id, message_id] = posted
        person.chat.add(entry)
        return posted

    def posted(self, person: Person, message_id: Any) -> Posted | None:
        """The message of this id in the chat, if there is one."""
        text = str(message_id)
        return self._posted.get((person.id, int(text))) if text.isdigit() else None

    def edited(self, posted: Posted, person: Person, content: Json) -> None:
        """Give a message new content, and mark it edited on both sides."""
        posted.message |= content | {"edit_date": int(self.core.clock.timestamp())}
        entry = posted.entry
        entry.text = posted.message.get("text") or posted.message.get("caption") or ""
        entry.spans = posted.message.get("entities") or []
        entry.choices = choices_of(posted.markup)
        entry.edited_at = self.core.clock.now()
        person.chat.ring()

    def ask(self, person: Person, posted: Posted, data: str) -> str:
        """A button was pressed: remember the query that must be answered; returns its id."""
        self._queries_made += 1
        query_id = str((int(person.id) << 28) + int(time.time()) % 2**20 * 256 + self._queries_made)
        self.queries[query_id] = Query(person, time.monotonic())
        return query_id

    def answer(self, query_id: str) -> Query:
        """Mark a press as answered; raises 400 if it is unknown, answered or too old."""
        query = self.queries.get(query_id)
        age_seconds = time.monotonic() - query.pressed_at if query else math.inf
        if (
            query is None
            or query.is_answered
            or age_seconds > self.settings.callback_answer_seconds_max
        ):
            raise bad_request(QUERY_TOO_OLD)
        query.is_answered = True
        return query

    def check_token(self, token: str) -> None:
        """401 for any token but the bot's own."""
        if token == self.settings.token:
            return
        number, colon, secret = token.partition(":")
        well_formed = number.isdigit() and number[0] != "0" and colon and len(token) <= 80
        if well_formed and secret.replace("-", "_").replace("_", "a").isalnum():
            raise TelegramError(401, "Unauthorized")
        raise TelegramError(401, "Unauthorized: invalid token specified")
