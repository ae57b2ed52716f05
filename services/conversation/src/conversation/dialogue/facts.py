"""What a step must know of the world, asked for by name and answered from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from contracts import (
    Address,
    EventAnswer,
    EventCard,
    EventsAnswer,
    FindEvent,
    FindNotice,
    ListEvents,
    ListRegistrations,
    NoticeAnswer,
    NoticeKind,
    Query,
    RegistrationCard,
    RegistrationsAnswer,
)

A = TypeVar("A", bound=BaseModel)


class FactMissing(Exception):
    """The step cannot be taken without the answer to `query`: ask, and take the step again.

    What a step needs depends on how it goes on (an outcome is followed by what was said
    meanwhile), so the step itself says it; being pure, it may be taken as often as one likes.
    """

    def __init__(self, query: Query) -> None:
        super().__init__(query.subject)
        self.query = query


class RegistrySilent(Exception):
    """It was asked and does not answer at the moment."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """When something was true for the last time that we know of, and whose clocks tell it."""

    at: datetime
    timezone: str


class Facts:
    """Answers of the registry; None stands for its silence.

    While it is silent, what everybody sees alike may be answered with what was last known.
    """

    def __init__(
        self,
        answers: Mapping[Query, BaseModel | None] | None = None,
        last_known_at: Mapping[Query, datetime] | None = None,
    ) -> None:
        self._answers = dict(answers or {})
        self._last_known_at = dict(last_known_at or {})
        self._as_of: AsOf | None = None

    def with_answer(
        self, query: Query, answer: BaseModel | None, last_known_at: datetime | None = None
    ) -> "Facts":
        """These facts and one more.

        Args:
            query: what was asked.
            answer: what is known; None when nothing is.
            last_known_at: when it was true, if the registry is silent now.
        """
        times = {} if last_known_at is None else {query: last_known_at}
        return Facts({**self._answers, query: answer}, {**self._last_known_at, **times})

    def afresh(self) -> "Facts":
        """The same facts for another bubble, with nothing of them told yet."""
        return Facts(self._answers, self._last_known_at)

    @property
    def as_of(self) -> AsOf | None:
        """How old the oldest is of what was asked for so far; None when all of it is true now."""
        return self._as_of

    def events(self) -> tuple[EventCard, ...]:
        """The events that one can register for, the soonest first."""
        query = ListEvents()
        events = self._ask(query, EventsAnswer).events
        self._note(query, events[0] if events else None)
        return events

    def event(self, code: str) -> EventCard | None:
        """The event with this code, in any state; of a draft nothing else may be told."""
        query = FindEvent(code=code)
        event = self._ask(query, EventAnswer).event
        self._note(query, event)
        return event

    def registrations(self, address: Address) -> tuple[RegistrationCard, ...]:
        """The seats, offers and places in line of the person in this chat."""
        return self._ask(ListRegistrations(address=address), RegistrationsAnswer).registrations

    def person(self, address: Address) -> RegistrationsAnswer:
        """The same, and whether this chat speaks for anybody."""
        return self._ask(ListRegistrations(address=address), RegistrationsAnswer)

    def notice(self, kind: NoticeKind, registration_id: str) -> NoticeAnswer:
        """Whom such a notice about this registration would be told now, and what it is about.

        It knows registrations that are not, or no longer, this person's.
        """
        try:
            number = UUID(registration_id)
        except ValueError:
            return NoticeAnswer()
        return self._ask(
            FindNotice(kind=kind, registration_id=number, event_version=0), NoticeAnswer
        )

    def registry_answers(self, code: str) -> bool:
        """Whether the registry answered when it was asked for this event."""
        query = FindEvent(code=code)
        try:
            self._ask(query, EventAnswer)
        except RegistrySilent:
            return False
        return query not in self._last_known_at

    def registry_listens(self) -> bool:
        """Whether the registry answered when it was asked what everybody may ask."""
        query = ListEvents()
        try:
            self._ask(query, EventsAnswer)
        except RegistrySilent:
            return False
        return query not in self._last_known_at

    def _note(self, query: Query, event: EventCard | None) -> None:
        at = self._last_known_at.get(query)
        # Without an event there is nothing that could have been otherwise, nor a clock to tell by.
        if at is None or event is None or (self._as_of is not None and self._as_of.at <= at):
            return
        self._as_of = AsOf(at, event.timezone)

    def _ask(self, query: Query, model: type[A]) -> A:
        if query not in self._answers:
            raise FactMissing(query)
        answer = self._answers[query]
        if answer is None:
            raise RegistrySilent
        assert isinstance(answer, model)
        return answer
