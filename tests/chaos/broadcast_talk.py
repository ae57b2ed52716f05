"""People who talk at a fixed pace, and how long each word of theirs waits for its answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.chaos.broadcast_phones import Someone
from tests.e2e.people import ANSWERS_LATER, PLATFORMS, Person, Platform, Simulator, whole_way

WORDS_PER_SECOND = 5
"""On each platform."""
THINKING_SECONDS = 3.0
"""Between two words of one person, unless the answer takes longer."""
TALKERS = int(WORDS_PER_SECOND * THINKING_SECONDS)
"""At a time, on each platform."""


@dataclass(frozen=True, slots=True)
class Word:
    """Something that a person said or tapped, and which message answered it."""

    person: Someone
    what: str
    at: float
    """Unix seconds, right before it was said."""
    answer: str
    """The message's id."""

    def waited(self, taken: Mapping[Someone, Mapping[str, float]]) -> float:
        """Seconds from the word until the platform took the answer."""
        return taken[self.person][self.answer] - self.at


@dataclass(slots=True)
class Talk:
    """Newcomers, one after the other in every place, go from hello to their registrations."""

    simulator: Simulator
    title: str
    """Of an event with seats left."""
    words: list[Word] = field(default_factory=list)
    promised: int = 0
    """Answers that came after a word that they would come."""

    async def go_on(self, seconds: float) -> None:
        """Talk so long; whatever was said is answered when this returns.

        Raises:
            Silence: something was not.
        """
        begins = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as talkers:
            for platform in PLATFORMS:
                for place in range(TALKERS):
                    first = begins + place / WORDS_PER_SECOND
                    talkers.create_task(self._place(platform, first, begins + seconds))

    async def _place(self, platform: Platform, first: float, ends: float) -> None:
        clock, next_at = asyncio.get_running_loop().time, first
        while True:
            person = await self.simulator.person(platform)
            for what, act in _whole_talk(person, self.title):
                await asyncio.sleep(max(next_at - clock(), 0))
                if clock() >= ends:
                    return
                next_at = max(next_at, clock()) + THINKING_SECONDS
                await self._say(person, what, act)

    async def _say(self, person: Person, what: str, act: Callable[[], Awaitable[None]]) -> None:
        at = time.time()
        await act()
        heard = await person.hears()
        if ANSWERS_LATER in heard.text:
            self.promised += 1
            heard = await person.hears()
        self.words.append(Word((person.platform, person.id), what, at, str(heard.raw["id"])))


def _whole_talk(person: Person, title: str) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    acts = [*whole_way(person, title), lambda: person.says("My registrations")]
    names = ("hello", "the event", "a seat", "the name", "the e-mail", "confirm", "mine")
    return list(zip(names, acts, strict=True))
