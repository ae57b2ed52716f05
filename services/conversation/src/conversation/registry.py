"""Questions to the registry, with a short memory for what everybody sees alike."""

import time
from collections import OrderedDict
from types import TracebackType
from typing import Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import BaseModel

from contracts import EventAnswer, FindEvent, ListEvents, Query
from runtime.broker import Broker
from runtime.failures import Unavailable

FRESH_SECONDS = 0.5
"""How old a list or card may be. A claim is decided on the truth, whatever a card showed."""
SILENT_SECONDS = 1.0
"""After a silence nobody else waits for a time-out: the lanes of all chats would stand still."""
REMEMBERED_MAX = 1000
NEWS_SUBJECT = "event.*"
"""Heard beside the stream and never acknowledged: missing one costs `FRESH_SECONDS`, no more."""


class Registry:
    """Asks; personal answers are never remembered.

    While it is entered, news of an event makes every replica forget what it remembers of events.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._news: Subscription | None = None
        self._remembered: OrderedDict[Query, tuple[float, BaseModel]] = OrderedDict()
        self._silent_until = 0.0

    async def __aenter__(self) -> Self:
        self._news = await self._broker.nats.subscribe(NEWS_SUBJECT, cb=self._hear_news)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._news is not None and self._broker.nats.is_connected:
            await self._news.unsubscribe()

    async def _hear_news(self, _message: Msg) -> None:
        self.forget_events()

    async def answer(self, query: Query) -> BaseModel | None:
        """The answer, at most `FRESH_SECONDS` old; None when the registry is silent."""
        now = time.monotonic()
        if now < self._silent_until:
            return None
        remembered = self._remembered.get(query)
        if remembered is not None and now - remembered[0] < FRESH_SECONDS:
            return remembered[1]
        try:
            answer = await self._broker.ask(query)
        except Unavailable:
            self._silent_until = time.monotonic() + SILENT_SECONDS
            return None
        self._remember(query, answer, now)
        return answer

    def forget_events(self) -> None:
        """An event or its seats changed: who looks next sees it."""
        self._remembered.clear()

    def _remember(self, query: Query, answer: BaseModel, at: float) -> None:
        if not isinstance(query, ListEvents | FindEvent):
            return
        if isinstance(answer, EventAnswer) and answer.event is None:
            return  # a code may be published in the next moment
        self._remembered[query] = (at, answer)
        self._remembered.move_to_end(query)
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
