"""Before anybody is written to: who would get a message, and why the others would not."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contracts import Address, CountReachable, Platform, ReachAnswer, as_parameter
from contracts.queries import ADDRESSES_PER_QUESTION_MAX
from contracts.topology import PERMITS_PER_SECOND
from registry.links import Language
from runtime.broker import Broker
from runtime.failures import Unavailable

TEMPLATE = "organiser_message"
"""What WhatsApp is sent out of its window, with the organiser's words as one parameter."""
PREVIEW_SECONDS_MAX = 20.0
"""A hundred thousand people are two hundred questions; who is not asked about by then is said."""
ANSWER_SECONDS_MAX = 5.0
QUESTIONS_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many would get it."""

    known: ReachAnswer
    unasked: int
    """People whom the notifier did not tell of in time."""


async def count_reach(
    broker: Broker, addresses: dict[str, list[Address]], *, title: str, text: str
) -> Reach:
    """Ask the notifier, which alone knows, a page of people after the other."""
    words = as_parameter(text)
    questions = list(_questions(addresses, None if words is None else (title, words)))
    deadline = time.monotonic() + PREVIEW_SECONDS_MAX
    answers: list[ReachAnswer] = []
    asked = 0

    async def ask_on() -> None:
        nonlocal asked
        while questions and time.monotonic() < deadline:
            question = questions.pop()
            try:
                answer = await broker.ask(question, timeout_seconds=ANSWER_SECONDS_MAX)
            except Unavailable:
                return
            assert isinstance(answer, ReachAnswer)
            answers.append(answer)
            asked += len(question.addresses)

    await asyncio.gather(*(ask_on() for _ in range(QUESTIONS_AT_ONCE)))
    total = sum(len(of_language) for of_language in addresses.values())
    return Reach(known=_sum(answers), unasked=total - asked)


def _questions(
    addresses: dict[str, list[Address]], parameters: tuple[str, str] | None
) -> Iterator[CountReachable]:
    languages: dict[str, Language] = {"en": "en", "ru": "ru"}
    for language, of_language in addresses.items():
        for start in range(0, len(of_language), ADDRESSES_PER_QUESTION_MAX):
            yield CountReachable(
                addresses=tuple(of_language[start : start + ADDRESSES_PER_QUESTION_MAX]),
                template=None if parameters is None else TEMPLATE,
                parameters=parameters or (),
                language=languages[language],
                marketing=True,
            )


def _sum(answers: Sequence[ReachAnswer]) -> ReachAnswer:
    return ReachAnswer(
        **{
            name: sum(getattr(answer, name) for answer in answers)
            for name in ReachAnswer.model_fields
        }
    )


def seconds_to_send(addresses: dict[str, list[Address]]) -> float:
    """How long it would take at the platforms' usual rates, if nothing else were sent."""
    people: Counter[Platform] = Counter(
        address.platform for of_language in addresses.values() for address in of_language
    )
    return max((count / PERMITS_PER_SECOND[on] for on, count in people.items()), default=0.0)
