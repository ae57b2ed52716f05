"""Two people in front of a house, and what happens around them: what dialogues are shown with."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx

from devstack.house import House
from devstack.mailbox import address_in, asks_for_a_code, newest_code

Platform = Literal["telegram", "whatsapp"]
ANSWER_SECONDS_MAX = 30.0
POLL_SECONDS = 0.1
LANGUAGES: dict[Platform, Literal["en", "ru"]] = {"telegram": "en", "whatsapp": "ru"}
NAMES: dict[Platform, str] = {"telegram": "Ann Example", "whatsapp": "Анна Пример"}
MAILBOXES: dict[Platform, str] = {"telegram": "ann", "whatsapp": "anna"}
"""What an address begins with; the rest makes it the person's own."""
MAILBOX, MAILBOX_ON_TELEGRAM = "{mailbox}", "{mailbox on telegram}"
"""Stand for one's own and for that of who is on Telegram, so that a dialogue is everybody's."""
CODE = "{code}"
"""Stands in a line for the code that came by mail."""
RUSSIAN_PHONE = 70000000001
"""Whoever has such a number is greeted in Russian."""


class Stuck(Exception):
    """Somebody could not do what the dialogue asks for; the message says what."""


@dataclass
class Stage:
    """Who is on it, and how far they have come."""

    house: House
    client: httpx.AsyncClient
    people: dict[Platform, str] = field(default_factory=dict)
    since: dict[Platform, int] = field(default_factory=dict)
    """How many messages of each chat were there before the dialogue."""
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    guests: int = 0
    acts: int = 0
    """How many pairs of people there were."""
    types_codes: bool = True
    """Whoever is asked for a code types it, without the dialogue saying so."""
    in_outage: bool = False
    """Commands wait, so that nothing is quiet until it is over."""

    async def new_people(self) -> None:
        """Two people who have never written to us, each with an address of their own."""
        self.acts += 1
        self.types_codes = True
        for platform, language in LANGUAGES.items():
            who = {"platform": platform, "name": NAMES[platform], "language": language}
            if platform == "whatsapp":
                who["id"] = str(RUSSIAN_PHONE + self.guests)
                self.guests += 1
            person = await self._post(f"{self.house.simulator}/sim/people", who)
            self.people[platform] = str(person["id"])
        await self.begins()

    async def begins(self) -> None:
        """What is shown begins here."""
        for platform in self.people:
            self.since[platform] = len(await self.chat(platform))

    async def does(self, platform: Platform, line: str) -> None:
        """One thing: `[label]` is tapped, `<sticker>` is sent, a link is opened, text is said."""
        for mark, owner in ((MAILBOX, platform), (MAILBOX_ON_TELEGRAM, "telegram")):
            line = line.replace(mark, f"{MAILBOXES[owner]}{self.acts}")
        if CODE in line:
            line = line.replace(CODE, await self.code(platform))
        await self._does(platform, line)
        await self.proves(platform)

    async def proves(self, platform: Platform) -> None:
        """Type the code, if one is asked for and the dialogue does not say it itself."""
        if self.types_codes and await self._is_asked_for_a_code(platform):
            await self._does(platform, await self.code(platform))

    async def code(self, platform: Platform) -> str:
        """The code that came to the address that the bot has named last."""
        told = [entry["text"] for entry in await self.chat(platform) if entry["from"] == "bot"]
        asked = next((text for text in reversed(told) if asks_for_a_code(text)), "")
        address = address_in(asked)
        code, _ = await newest_code(self.client, self.house.simulator, address)
        return code

    async def _is_asked_for_a_code(self, platform: Platform) -> bool:
        chat = await self.chat(platform)
        return bool(chat) and chat[-1]["from"] == "bot" and asks_for_a_code(chat[-1]["text"])

    async def _does(self, platform: Platform, line: str) -> None:
        person = f"{self.house.simulator}/sim/people/{platform}/{self.people[platform]}"
        heard = await self._heard(platform)
        if line.startswith("["):
            await self._tap(platform, line[1:-1])
        elif line.startswith("<"):
            await self._post(f"{person}/send", {"kind": line[1:-1]})
        elif line.startswith("https://"):
            await self._post(f"{person}/open", {"url": line})
        else:
            await self._post(f"{person}/say", {"text": line})
        if not self.in_outage:
            await self.house.quiet()
            return
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while await self._heard(platform) == heard:
                await asyncio.sleep(POLL_SECONDS)

    async def chat(self, platform: Platform) -> list[dict[str, Any]]:
        """Everything on one phone."""
        url = f"{self.house.simulator}/sim/people/{platform}/{self.people[platform]}/chat"
        answer = await self.client.get(url)
        answer.raise_for_status()
        chat: list[dict[str, Any]] = answer.json()
        return chat

    async def event(
        self, title: str, *, days_ahead: int = 7, hour: int = 17, **details: object
    ) -> None:
        """Add an event, published if nothing else is said; the hour is UTC's."""
        day = await self.now() + timedelta(days=days_ahead)
        starts_at = day.replace(hour=hour, minute=0, second=0, microsecond=0)
        wanted = {
            "title": title,
            "description": "",
            "starts_at": starts_at.isoformat(),
            "timezone": "Europe/Berlin",
            "location": "Hall 3",
            "max_participants": 20,
            "status": "published",
            **details,
        }
        self.events[title] = await self._post(f"{self.house.registry}/api/events", wanted)

    async def change(self, title: str, **details: object) -> None:
        """The organisers change an event."""
        seen = await self.client.get(self._url(title), headers=self.house.admin)
        headers = {**self.house.admin, "If-Match": seen.headers["ETag"]}
        changed = await self.client.patch(self._url(title), json=details, headers=headers)
        changed.raise_for_status()
        await self.house.quiet()

    async def cancel(self, title: str) -> None:
        """The organisers call it off."""
        await self._post(f"{self._url(title)}/cancel", {})
        await self.house.quiet()

    async def fill(self, title: str) -> None:
        """Other people take every seat that is left."""
        event = await self._about(title)
        taken = event["confirmed"] + event["held"] + event["offered"]
        for _ in range(event["max_participants"] - taken):
            self.guests += 1
            guest = {"name": f"Guest {self.guests}", "email": f"guest{self.guests}@example.org"}
            await self._post(f"{self._url(title)}/registrations", guest)

    async def free(self, title: str, count: int) -> None:
        """So many seats are given back."""
        answer = await self.client.get(
            f"{self._url(title)}/registrations",
            params={"status": "confirmed"},
            headers=self.house.admin,
        )
        for seat in answer.raise_for_status().json()["registrations"][:count]:
            await self._post(f"{self.house.registry}/api/registrations/{seat['id']}/cancel", {})
        await self.house.quiet()

    async def links(self, title: str) -> dict[Platform, str]:
        """What a poster's codes open."""
        url = f"{self._url(title)}/links"
        found: dict[Platform, str] = {}
        for platform, language in LANGUAGES.items():
            params = {"language": language}
            answer = await self.client.get(url, params=params, headers=self.house.admin)
            answer.raise_for_status()
            found[platform] = answer.json()[platform]["url"]
        return found

    async def now(self) -> datetime:
        """Business time."""
        answer = await self.client.get(f"{self.house.simulator}/sim/clock")
        return datetime.now(UTC) + timedelta(seconds=answer.json()["offset_seconds"])

    async def advance(self, span: timedelta) -> None:
        """So much time goes by."""
        seconds = span.total_seconds()
        await self._post(f"{self.house.simulator}/sim/clock", {"advance_seconds": seconds})
        await self.house.quiet()

    async def advance_to_before(self, event: dict[str, Any], lead: timedelta) -> None:
        """It is so long before the event."""
        starts_at = datetime.fromisoformat(event["starts_at"])
        await self.advance(starts_at - lead - await self.now())

    async def hears(self, platform: Platform, part: str) -> None:
        """Wait until a message with these words has come.

        Raises:
            Stuck: it does not come.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                while not any(
                    part in entry["text"]
                    for entry in (await self.chat(platform))[self.since[platform] :]
                ):
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise Stuck(f"{platform} never heard {part!r}") from None

    async def _heard(self, platform: Platform) -> int:
        return sum(entry["from"] == "bot" for entry in await self.chat(platform))

    def _url(self, title: str) -> str:
        return f"{self.house.registry}/api/events/{self.events[title]['id']}"

    async def _about(self, title: str) -> dict[str, Any]:
        answer = await self.client.get(self._url(title), headers=self.house.admin)
        event: dict[str, Any] = answer.raise_for_status().json()
        return event

    async def _tap(self, platform: Platform, label: str) -> None:
        """The newest message whose choice begins like that; platforms cut labels."""
        for entry in reversed(await self.chat(platform)):
            for choice in entry["choices"]:
                if choice["label"].startswith(label) or label.startswith(
                    choice["label"].removesuffix("…")
                ):
                    person = f"{self.house.simulator}/sim/people/{platform}/{self.people[platform]}"
                    await self._post(f"{person}/tap", {"label": choice["label"], "n": entry["n"]})
                    return
        raise Stuck(f"nobody offers {label!r} on {platform}")

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(url, json=body, headers=self.house.admin)
        if not answer.is_success:
            raise Stuck(f"{url}: {answer.status_code} {answer.text[:200]}")
        done: dict[str, Any] = answer.json() if answer.content else {}
        return done


Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Lines:
    """What the two people do, each in their language; see `Stage.does`."""

    telegram: Sequence[str]
    whatsapp: Sequence[str]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One dialogue as it is shown."""

    slug: str
    title: str
    about: str
    scenes: Sequence[Lines | Act]
    before: Sequence[Lines | Act] = ()
    """Not shown."""

    async def plays(self, stage: Stage) -> None:
        """Play it with two new people."""
        await stage.new_people()
        await _play(stage, self.before)
        await stage.begins()
        await _play(stage, self.scenes)


async def _play(stage: Stage, scenes: Sequence[Lines | Act]) -> None:
    for scene in scenes:
        if not isinstance(scene, Lines):
            await scene(stage)
            continue
        for line in scene.telegram:
            await stage.does("telegram", line)
        for line in scene.whatsapp:
            await stage.does("whatsapp", line)
