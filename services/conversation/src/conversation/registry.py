"""Questions to the registry, with a short memory for what everybody sees alike."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from pydantic import BaseModel

from contracts import EventAnswer, EventCard, EventsAnswer, FindEvent, ListEvents, Query
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.failures import Unavailable

FRESH_SECONDS = 0.5
"""How old a list or card may be. A claim is decided on the truth, whatever a card showed."""
ANSWER_SECONDS_MAX = 2.0
SILENT_SECONDS = 1.0
"""After a silence nobody else waits for a time-out: the lanes of all chats would stand still."""
LAST_KNOWN_AGE_MAX = timedelta(hours=1)
"""How old what is told in a silence may be; after that, nothing is better than what was."""
REMEMBERED_MAX = 1000
"""Lists and cards, of some kilobytes each."""
NEWS_SUBJECT = "event.*"
"""Heard beside the stream and never acknowledged: missing one costs `FRESH_SECONDS`, no more."""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer; with the time when it was true, if the registry is silent now."""

    answer: BaseModel
    last_known_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Remembered:
    answer: BaseModel
    asked_seconds: float
    """By the clock of this process."""
    true_at: datetime
    """In business time."""


class Registry:
    """Asks; personal answers are never remembered.

    While it is entered, news of an event makes every replica look afresh.
    """

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._news: Subscription | None = None
        self._remembered: OrderedDict[Query, _Remembered] = OrderedDict()
        self._news_seconds = 0.0
        self._missing: str | None = None
        self._silent_until_seconds = 0.0

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
        self.expect_news()

    async def answer(self, query: Query) -> Known | None:
        """The answer, at most `FRESH_SECONDS` old.

        While the registry is silent it is the last known one, at most `LAST_KNOWN_AGE_MAX` old, or
        None when there is none.
        """
        now = time.monotonic()
        if now < self._silent_until_seconds:
            return self._last_known(query)
        if (remembered := self._remembered.get(query)) and self._is_fresh(remembered, now):
            return Known(remembered.answer)
        if self._missing is not None:
            # One looks whether it is back; the others do not wait for the time-out with it.
            self._silent_until_seconds = now + ANSWER_SECONDS_MAX
        try:
            return Known(await self._ask(query))
        except Unavailable:
            return self._last_known(query)

    async def look(self) -> str | None:
        """Ask for the events; what is missing if there is no answer.

        That also keeps what is last known young in quiet times.
        """
        try:
            await self._ask(ListEvents())
        except Unavailable as error:
            return error.what
        return None

    def expect_news(self) -> None:
        """An event or its seats changed: who looks next sees it."""
        self._news_seconds = time.monotonic()

    def _is_fresh(self, remembered: _Remembered, now_seconds: float) -> bool:
        asked_seconds = remembered.asked_seconds
        return asked_seconds > self._news_seconds and now_seconds - asked_seconds < FRESH_SECONDS

    async def _ask(self, query: Query) -> BaseModel:
        asked_seconds, true_at = time.monotonic(), self._clock.now()
        try:
            answer = await self._broker.ask(query, timeout_seconds=ANSWER_SECONDS_MAX)
        except Unavailable as error:
            self._missing = error.what
            self._silent_until_seconds = time.monotonic() + SILENT_SECONDS
            raise
        self._missing, self._silent_until_seconds = None, 0.0
        self._remember(query, _Remembered(answer, asked_seconds, true_at))
        return answer

    def _remember(self, query: Query, remembered: _Remembered) -> None:
        if not isinstance(query, ListEvents | FindEvent):
            return
        if isinstance(remembered.answer, EventAnswer) and remembered.answer.event is None:
            return  # a code may be published in the next moment
        self._remembered[query] = remembered
        self._remembered.move_to_end(query)
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)

    def _last_known(self, query: Query) -> Known | None:
        now = self._clock.now()
        found = [
            one
            for one in (self._remembered.get(query), self._card_in_the_list(query))
            if one is not None and now - one.true_at <= LAST_KNOWN_AGE_MAX
        ]
        if not found:
            return None
        newest = max(found, key=lambda one: one.true_at)
        answer = newest.answer
        if isinstance(answer, EventsAnswer):
            to_come = tuple(event for event in answer.events if event.starts_at > now)
            if not to_come:
                return None  # "there is nothing" would be news, and nobody knows it
            answer = EventsAnswer(events=to_come)
        return Known(answer, newest.true_at)

    def _card_in_the_list(self, query: Query) -> _Remembered | None:
        listed = self._remembered.get(ListEvents())
        if not isinstance(query, FindEvent) or listed is None:
            return None
        assert isinstance(listed.answer, EventsAnswer)
        for event in listed.answer.events:
            if _is_meant(event, query):
                return _Remembered(EventAnswer(event=event), listed.asked_seconds, listed.true_at)
        return None


def _is_meant(event: EventCard, query: FindEvent) -> bool:
    return query.code == event.code if query.code is not None else query.event_id == event.id
