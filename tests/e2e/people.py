"""People with phones: everything that a test does to the chain, it does as they would."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import httpx

from devstack.mailbox import asks_for_a_code, mails, newest_code

Platform = Literal["telegram", "whatsapp"]
PLATFORMS: tuple[Platform, Platform] = ("telegram", "whatsapp")
ANSWER_SECONDS_MAX = 30.0
"""How long a person waits for an answer in a test; the machine may be busy."""


ASKS_TO_REPEAT = "try again in a minute"
LAST_KNOWN = "I can't check right now"
"""The mark on a list or card that may have changed since."""
PLACE_IN_LINE = re.compile(r"on the waiting list.*: number (\d+)")
WANTS_A_SEAT = ("Register", "Join waiting list")
"""What the card of an event offers, whether it has seats left or not."""
CODE_TAKEN = ("Thank you, that is the right code.", "Спасибо, код верный.")
"""All of a message where nothing was held: what was asked for goes on by itself then."""
LETTERS = str.maketrans("0123456789", "ghijklmnop")
ANSWERS_LATER = "I'll write to you as soon as it is done"


def own_address() -> str:
    """An e-mail address that nobody has yet; without digits, which would look like a code."""
    return f"{uuid4().hex[:12].translate(LETTERS)}@example.org"


class Silence(AssertionError):
    """The bot did not answer in time."""


@dataclass
class Heard:
    """One message from the bot, as the phone shows it."""

    n: int
    text: str
    labels: list[str]
    document: dict[str, Any] | None
    template: str | None
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, message: dict[str, Any]) -> Heard:
        """Read a chat entry of the simulator's control API."""
        return cls(
            n=message["n"],
            text=message["text"] or "",
            labels=[choice["label"] for choice in message["choices"]],
            document=message["document"],
            template=message["template"],
            raw=message,
        )

    def label(self, part: str) -> str:
        """The choice whose label contains `part`, as a person would find it."""
        for label in self.labels:
            if part.casefold() in label.casefold():
                return label
        raise AssertionError(f"no choice with {part!r} among {self.labels}")

    @property
    def place_in_line(self) -> int | None:
        """The number in the waiting list that this message tells, if it does."""
        told = PLACE_IN_LINE.search(self.text)
        return int(told[1]) if told else None


@dataclass
class Person:
    """Somebody who writes to the bot."""

    http: httpx.AsyncClient
    platform: Platform
    id: str
    name: str
    heard_up_to: int = 0
    last_answer: str = ""
    """What was heard last of all that was no plea to try again; `answered` keeps it."""
    email: str = field(default_factory=own_address)
    """Nobody else's."""
    mailbox: str = ""
    """URL of the simulator that takes the mail, where it is not the person's own."""
    read_up_to: int = 0
    """The number of the newest mail that was read."""

    @property
    def _path(self) -> str:
        return f"/sim/people/{self.platform}/{self.id}"

    async def says(self, text: str) -> None:
        """Type a message."""
        await self._act("say", {"text": text})

    async def taps(self, *labels: str) -> None:
        """Tap the newest choice whose label is, or contains, one of `labels`."""
        wanted = [label.casefold() for label in labels]
        chat = await self.chat()
        for message in reversed(chat):
            for choice in message["choices"]:
                if any(label in choice["label"].casefold() for label in wanted):
                    await self._act("tap", {"label": choice["label"]})
                    return
        shown = "\n".join(f"{message['from']}: {message['text']}" for message in chat)
        raise AssertionError(f"nothing on the phone offers one of {labels}:\n{shown}")

    async def sends(self, kind: str, **more: Any) -> None:
        """Send something that is no text: a sticker, a voice note …"""
        await self._act("send", {"kind": kind, **more})

    async def opens(self, url: str) -> None:
        """Follow a link or scan a poster."""
        await self._act("open", {"url": url})

    async def opens_event(self, title: str) -> Heard:
        """Say hello and choose the event; the card is the answer, with what can be done at its end.

        A long one comes in parts on WhatsApp.
        """
        await self.says("/start" if self.platform == "telegram" else "Hello")
        await self.hears()
        await self.taps(title)
        card = await self.hears()
        while not card.labels:
            rest = await self.hears()
            card = replace(rest, text=f"{card.text}\n\n{rest.text}")
        return card

    async def reads_the_code(self) -> str:
        """The digits in the newest mail, which was not read yet."""
        code, self.read_up_to = await newest_code(
            self.http, self.mailbox, self.email, after=self.read_up_to
        )
        return code

    async def proves(self) -> Heard:
        """Type the code that came by mail; returns what became of what waited for it."""
        await self.says(await self.reads_the_code())
        heard = await self.hears()
        return await self.hears() if heard.text in CODE_TAKEN else heard

    async def hears_in_the_end(self) -> Heard:
        """The next message; if it asks for a code, what comes when that was typed."""
        heard = await self.hears()
        return await self.proves() if asks_for_a_code(heard.text) else heard

    async def blocks(self) -> None:
        """Block the bot."""
        await self._act("block", {})

    async def _act(self, verb: str, body: dict[str, Any]) -> None:
        answer = await self.http.post(f"{self._path}/{verb}", json=body)
        assert answer.is_success, f"{verb}: {answer.status_code} {answer.text}"

    async def chat(self) -> list[dict[str, Any]]:
        """The whole chat as the phone shows it."""
        answer = await self.http.get(f"{self._path}/chat")
        answer.raise_for_status()
        messages: list[dict[str, Any]] = answer.json()
        return messages

    async def hears(self, seconds_max: float = ANSWER_SECONDS_MAX) -> Heard:
        """Wait for the bot's next message that was not heard yet."""
        deadline = asyncio.get_running_loop().time() + seconds_max
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            answer = await self.http.get(
                f"{self._path}/next",
                params={"after": self.heard_up_to, "timeout": min(10.0, max(left, 0.1))},
                timeout=20,
            )
            if answer.status_code == 200:
                heard = Heard.of(answer.json())
                self.heard_up_to = heard.n
                return heard
        raise Silence(f"{self.platform} {self.id} heard nothing after {self.heard_up_to}")

    async def catches_up(self) -> list[str]:
        """Everything that came and was not heard yet, at once."""
        new = [
            message
            for message in await self.chat()
            if message["from"] == "bot" and message["n"] > self.heard_up_to
        ]
        self.heard_up_to = max([self.heard_up_to, *(message["n"] for message in new)])
        return [message["text"] or "" for message in new]

    async def hears_nothing_more(self) -> None:
        """There is no message on the phone that was not heard yet."""
        new = [
            message["text"]
            for message in await self.chat()
            if message["from"] == "bot" and message["n"] > self.heard_up_to
        ]
        assert not new, f"unexpected: {new}"


@dataclass
class Simulator:
    """The two platforms on a laptop."""

    http: httpx.AsyncClient
    mailbox: str = ""
    """URL of the simulator that takes everybody's mail, where it is not this one."""

    async def person(
        self,
        platform: Platform,
        name: str = "Ann",
        language: str = "en",
        **more: Any,
    ) -> Person:
        """A new person with a phone of their own."""
        answer = await self.http.post(
            "/sim/people", json={"platform": platform, "name": name, "language": language, **more}
        )
        answer.raise_for_status()
        return Person(self.http, platform, str(answer.json()["id"]), name, mailbox=self.mailbox)

    async def mails(self, address: str) -> list[dict[str, Any]]:
        """What came to this address, newest last."""
        return await mails(self.http, self.mailbox, address)

    async def now(self) -> datetime:
        """Business time, which tests turn."""
        answer = await self.http.get("/sim/clock")
        answer.raise_for_status()
        return datetime.fromisoformat(answer.json()["now"])

    async def advance(self, seconds: float) -> None:
        """Turn the clock of the whole installation."""
        answer = await self.http.post("/sim/clock", json={"advance_seconds": seconds}, timeout=30)
        assert answer.is_success, answer.text

    async def fault(self, **fault: Any) -> None:
        """Plant a fault at a platform."""
        (await self.http.post("/sim/faults", json=fault)).raise_for_status()

    async def stats(self) -> dict[str, Any]:
        """What the platforms counted."""
        stats: dict[str, Any] = (await self.http.get("/sim/stats")).json()
        return stats


@dataclass
class Organiser:
    """Somebody who runs events, through the API."""

    http: httpx.AsyncClient
    simulator: Simulator
    published: list[str] = field(default_factory=list)

    async def publishes(
        self, title: str, *, seats: int = 10, starts_in_seconds: float = 7 * 86_400, **more: Any
    ) -> dict[str, Any]:
        """A published event."""
        starts_at = await self.simulator.now() + timedelta(seconds=starts_in_seconds)
        body = {
            "title": title,
            "description": "Talks and tea",
            "starts_at": starts_at.isoformat(timespec="seconds"),
            "timezone": "Europe/Berlin",
            "location": "Hall 2",
            "max_participants": seats,
            "status": "published",
            **more,
        }
        answer = await self.http.post("/api/events", json=body)
        assert answer.status_code == 201, answer.text
        event: dict[str, Any] = answer.json()
        self.published.append(event["id"])
        return event

    async def clears_up(self) -> None:
        """Call off what was published, so that the next story's event is on the first page."""
        for event_id in self.published:
            await self.http.post(f"/api/events/{event_id}/cancel", json={})

    async def event(self, event_id: str) -> dict[str, Any]:
        """The event as the desk sees it."""
        answer = await self.http.get(f"/api/events/{event_id}")
        answer.raise_for_status()
        event: dict[str, Any] = answer.json()
        return event


def whole_way(person: Person, title: str) -> list[Callable[[], Awaitable[None]]]:
    """What a new person does from hello to the last tap; each act has one answer."""

    async def hello() -> None:
        await person.says("/start" if person.platform == "telegram" else "Hello")

    return [
        hello,
        lambda: person.taps(title),
        lambda: person.taps(*WANTS_A_SEAT),
        lambda: person.says(person.name),
        lambda: person.says(person.email),
        lambda: person.taps("Confirm"),
    ]


async def registers(person: Person, title: str) -> Heard:
    """Go the whole way as fast as one can tap, to a seat or a place in line; returns the answer.

    Who is known already is not asked for name and e-mail again; who has proven the address already
    for no code.
    """
    await person.opens_event(title)
    await person.taps(*WANTS_A_SEAT)
    asked = await person.hears()
    if not any("Confirm" in label for label in asked.labels):
        await person.says(person.name)
        await person.hears()
        await person.says(person.email)
        await person.hears()
    await person.taps("Confirm")
    return await person.hears_in_the_end()


async def answered(
    person: Person,
    act: Callable[[], Awaitable[None]],
    registry_is_back: Callable[[], Awaitable[None]],
    patience_seconds: float,
) -> tuple[Heard, int]:
    """Do it until there is an answer to the thing itself, as patient people do.

    Returns:
        The answer, and how often the answer before it was heard once more.

    Raises:
        Silence: there is none.
    """
    repeats = 0
    while True:
        await act()
        heard = await person.hears(patience_seconds)
        while heard.text == person.last_answer:
            repeats += 1
            heard = await person.hears(patience_seconds)
        if ASKS_TO_REPEAT not in heard.text and LAST_KNOWN not in heard.text:
            break
        # Nobody knew the list or the card just now, or only how it was before. The bot said so,
        # and the person waits: who tries again at once meets WhatsApp's limit of one answer in 6 s.
        await registry_is_back()
    if ANSWERS_LATER in heard.text:
        heard = await person.hears(patience_seconds)
    person.last_answer = heard.text
    return heard, repeats
