"""What a step must know of the world, asked for by name and answered from outside."""

from collections.abc import Mapping
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


class Facts:
    """Answers of the registry; None stands for its silence."""

    def __init__(self, answers: Mapping[Query, BaseModel | None] | None = None) -> None:
        self._answers = dict(answers or {})

    def with_answer(self, query: Query, answer: BaseModel | None) -> "Facts":
        """These facts and one more."""
        return Facts({**self._answers, query: answer})

    def events(self) -> tuple[EventCard, ...]:
        """The events that one can register for, the soonest first."""
        return self._ask(ListEvents(), EventsAnswer).events

    def event(self, code: str) -> EventCard | None:
        """The event with this code, in any state but draft."""
        return self._ask(FindEvent(code=code), EventAnswer).event

    def registrations(self, address: Address) -> tuple[RegistrationCard, ...]:
        """The seats, offers and places in line of the person in this chat."""
        return self._ask(ListRegistrations(address=address), RegistrationsAnswer).registrations

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
        try:
            self.event(code)
        except RegistrySilent:
            return False
        return True

    def _ask(self, query: Query, model: type[A]) -> A:
        if query not in self._answers:
            raise FactMissing(query)
        answer = self._answers[query]
        if answer is None:
            raise RegistrySilent
        assert isinstance(answer, model)
        return answer
