"""The people on both platforms and what stands in their chats with the bot."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

Platform = Literal["telegram", "whatsapp"]
Identity = Literal["phone", "phone+bsuid", "bsuid+username"]
Status = Literal["accepted", "sent", "delivered", "read", "failed"]

PLATFORMS: tuple[Platform, ...] = get_args(Platform)

STATUS_RANK: dict[str, int] = {"accepted": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4}
"""A later status never gives way to an earlier one, in whatever order they come."""

TELEGRAM_ID_RANGE = (5_000_000_000, 6_999_999_999)
PHONE_PREFIX = "491555"
PHONE_TAIL_DIGITS = 7
BSUID_DIGITS = 20
NAME_LENGTH_MAX = 64


class NoSuchPerson(LookupError):
    """The platform has nobody under this id."""


class IdTaken(ValueError):
    """The id, phone number or user id belongs to somebody else."""


@dataclass(frozen=True)
class Choice:
    """One thing that a person can tap under a message."""

    label: str
    data: str | None = None
    url: str | None = None
    description: str | None = None
    section: str | None = None
    row: int | None = None
    """Which row of an inline keyboard it stands in, from 0."""
    copies: str | None = None
    """What a tap puts on the clipboard; nobody is told of it."""
    kind: Literal["callback", "url", "reply", "contact", "copy"] = "callback"

    def as_json(self) -> dict[str, Any]:
        """As `/chat` shows it: label and data always, the rest where it exists."""
        shown: dict[str, Any] = {"label": self.label, "data": self.data}
        for name in ("url", "description", "section", "row", "copies"):
            if (value := getattr(self, name)) is not None:
                shown[name] = value
        return shown


@dataclass(frozen=True)
class Document:
    """A file that was sent in a chat; `key` finds its bytes in `Files`."""

    key: str
    name: str
    mime: str
    size_bytes: int

    def as_json(self, base_url: str) -> dict[str, Any]:
        """As `/chat` shows it, with an address from which it can be downloaded."""
        return {
            "name": self.name,
            "mime": self.mime,
            "size": self.size_bytes,
            "url": f"{base_url}/sim/documents/{self.key}",
        }


@dataclass
class Entry:
    """One message in a chat, from either side."""

    sender: Literal["bot", "person"]
    text: str
    at: datetime
    provider_id: str
    kind: str = "text"
    choices: tuple[Choice, ...] = ()
    list_label: str | None = None
    header: str | None = None
    footer: str | None = None
    spans: list[dict[str, Any]] = field(default_factory=list)
    document: Document | None = None
    template: str | None = None
    status: Status = "accepted"
    error_code: int | None = None
    edited_at: datetime | None = None
    n: int = 0

    def raise_status(self, status: Status) -> bool:
        """Take the status if it is later than the present one; says whether it changed."""
        if STATUS_RANK[status] <= STATUS_RANK[self.status]:
            return False
        self.status = status
        return True

    def as_json(self, base_url: str) -> dict[str, Any]:
        """As `/chat` shows it; the fields of the control API first, the page's after them."""
        return {
            "n": self.n,
            "from": self.sender,
            "text": self.text,
            "choices": [choice.as_json() for choice in self.choices],
            "document": self.document.as_json(base_url) if self.document else None,
            "template": self.template,
            "status": self.status,
            "error_code": self.error_code,
            "edited_at": self.edited_at.isoformat() if self.edited_at else None,
            "at": self.at.isoformat(),
            "id": self.provider_id,
            "kind": self.kind,
            "list_label": self.list_label,
            "header": self.header,
            "footer": self.footer,
            "spans": self.spans,
        }


class Chat:
    """The entries of one chat, and a bell for those who wait for the next."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.revision = 0
        self._rung = asyncio.Event()
        self._is_closed = False

    def add(self, entry: Entry) -> Entry:
        """Append an entry under the next number."""
        entry.n = len(self.entries) + 1
        self.entries.append(entry)
        self.ring()
        return entry

    def ring(self) -> None:
        """Say that something in the chat changed."""
        self.revision += 1
        self._rung.set()
        self._rung = asyncio.Event()

    def close(self) -> None:
        """Let nobody wait any longer: the simulator stops."""
        self._is_closed = True
        self.ring()

    @property
    def last_n(self) -> int:
        """The number of the newest entry, 0 in an empty chat."""
        return len(self.entries)

    async def wait_until(self, holds: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until `holds()`; False when the time is over before."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while not holds():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or self._is_closed:
                return False
            try:
                await asyncio.wait_for(self._rung.wait(), left)
            except TimeoutError:
                return holds()
        return True


@dataclass
class Person:
    """Somebody with a phone. `id` is the handle of the control API and never changes."""

    platform: Platform
    id: str
    name: str
    language: str
    identity: Identity = "phone+bsuid"
    phone: str = ""
    bsuid: str = ""
    username: str | None = None
    blocked: bool = False
    started: bool = False
    last_inbound_timestamp: float | None = None
    last_act_n: int = 0
    chat: Chat = field(default_factory=Chat)

    @property
    def shows_phone(self) -> bool:
        """Whether WhatsApp tells businesses this person's number."""
        return self.identity != "bsuid+username"

    @property
    def shows_bsuid(self) -> bool:
        """Whether WhatsApp's webhooks carry this person's business-scoped user id."""
        return self.identity != "phone"

    def acted(self, timestamp: float) -> None:
        """The person did something in the chat: the bot may write, the window opens again."""
        self.started = True
        self.last_inbound_timestamp = timestamp
        self.last_act_n = self.chat.last_n

    def as_json(self) -> dict[str, Any]:
        """As `/sim/people` shows it."""
        shown: dict[str, Any] = {
            "platform": self.platform,
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "username": self.username,
            "blocked": self.blocked,
            "started": self.started,
        }
        if self.platform == "whatsapp":
            shown |= {
                "identity": self.identity,
                "phone": self.phone,
                "user_id": self.bsuid if self.shows_bsuid else None,
            }
        return shown


class People:
    """Everybody, found by the control API's id or by what a platform calls them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._by_id: dict[tuple[Platform, str], Person] = {}
        self._by_address: dict[tuple[Platform, str], Person] = {}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def clear(self) -> None:
        """Forget everybody; who waits in a chat waits no longer."""
        for person in self:
            person.chat.close()
        self._by_id.clear()
        self._by_address.clear()

    def get(self, platform: Platform, handle: str) -> Person:
        """The person with this id or present address; raises `NoSuchPerson` with a sentence."""
        person = self._by_id.get((platform, handle)) or self.at_address(platform, handle)
        if person is None:
            raise NoSuchPerson(f"There is nobody with the id {handle!r} on {platform}.")
        return person

    def at_address(self, platform: Platform, address: str) -> Person | None:
        """The person whom the platform reaches under this chat id, phone or user id, if any."""
        return self._by_address.get((platform, address))

    def add(
        self,
        platform: Platform,
        name: str,
        language: str,
        handle: str | None = None,
        identity: Identity = "phone+bsuid",
    ) -> Person:
        """A new person; without a handle under an id that was never used before.

        Raises `IdTaken` if somebody has the id, `ValueError` if the platform has no such ids.
        """
        if platform == "telegram":
            handle = handle or self._fresh_telegram_id()
            if not re.fullmatch(r"[1-9]\d{0,15}", handle):
                raise ValueError("A Telegram id is a positive whole number of at most 16 digits.")
            person = Person(platform, handle, name, language)
            addresses = [handle]
        else:
            handle = (handle or self._fresh_phone()).removeprefix("+")
            if not re.fullmatch(r"[1-9]\d{6,14}", handle):
                raise ValueError("A WhatsApp id is a phone number of 7 to 15 digits.")
            person = Person(platform, handle, name, language, identity, phone=handle)
            person.bsuid = self._fresh_bsuid()
            if identity == "bsuid+username":
                person.username = re.sub(r"\W+", ".", name.lower()).strip(".") + handle[-4:]
            addresses = [handle, person.bsuid]
        if (platform, handle) in self._by_id or self.at_address(platform, handle):
            raise IdTaken(f"Somebody on {platform} has the id {handle!r} already.")
        self._by_id[platform, handle] = person
        for address in addresses:
            self._by_address[platform, address] = person
        return person

    def change_number(self, person: Person, new_phone: str) -> tuple[str, str]:
        """Give a WhatsApp person a new number and, as WhatsApp does, a new user id.

        Returns the old number and the old user id, which reach nobody from now on.
        """
        if self.at_address("whatsapp", new_phone):
            raise IdTaken(f"The number {new_phone} belongs to somebody else.")
        old_phone, old_bsuid = person.phone, person.bsuid
        for address in (old_phone, old_bsuid):
            self._by_address.pop(("whatsapp", address), None)
        person.phone, person.bsuid = new_phone, self._fresh_bsuid()
        for address in (person.phone, person.bsuid):
            self._by_address["whatsapp", address] = person
        return old_phone, old_bsuid

    # Ids are drawn, not counted: the installation remembers people longer than this process
    # lives, and a counter that begins again would make new people look like old ones.
    def _fresh_telegram_id(self) -> str:
        while True:
            handle = str(self._rng.randint(*TELEGRAM_ID_RANGE))
            if ("telegram", handle) not in self._by_id:
                return handle

    def _fresh_phone(self) -> str:
        while True:
            tail = self._rng.randrange(10**PHONE_TAIL_DIGITS)
            handle = f"{PHONE_PREFIX}{tail:0{PHONE_TAIL_DIGITS}d}"
            if ("whatsapp", handle) not in self._by_id and not self.at_address("whatsapp", handle):
                return handle

    def _fresh_bsuid(self) -> str:
        return "DE." + "".join(str(self._rng.randrange(1, 10)) for _ in range(BSUID_DIGITS))
