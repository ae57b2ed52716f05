"""What people can do on either platform, and why they sometimes cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from simulator.people import Choice, Entry, Person

SAMPLE_FILES = {
    "photo": ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(16)),
    "voice": ("audio/ogg", b"OggS" + bytes(32)),
    "sticker": ("image/webp", b"RIFF" + bytes(32)),
}
"""MIME type and bytes of what people send that is not a text."""


class CannotAct(ValueError):
    """The person cannot do that; the message says why, as a sentence."""


class NotNow(CannotAct):
    """It could be done, but not as things stand in the chat."""


@dataclass(frozen=True)
class Offer:
    """What to tap: by label or by data, in the newest message that has it or in message `n`."""

    label: str | None = None
    data: str | None = None
    n: int | None = None

    def fits(self, choice: Choice) -> bool:
        """Whether this choice is meant."""
        if self.data is not None:
            return choice.data == self.data
        return choice.label == self.label


class Acts(Protocol):
    """The people's side of one platform; each raises `CannotAct` with a sentence."""

    async def say(self, person: Person, text: str) -> None:
        """Type a text."""

    async def open_link(self, person: Person, url: str) -> None:
        """Open a link into the chat, and send what it brings."""

    async def tap(self, person: Person, offer: Offer) -> str | None:
        """Tap a button or a row; returns the URL that it opens, if it is a link."""

    async def send(self, person: Person, kind: str, details: dict[str, Any]) -> None:
        """Send something that is not a text, or change something sent before."""

    async def block(self, person: Person, *, blocked: bool) -> None:
        """Block or unblock the bot."""

    async def change_number(self, person: Person, new_phone: str) -> None:
        """Move to another phone number."""

    async def read(self, person: Person) -> None:
        """Look at the chat: what was delivered is read now."""


def newest_offer(person: Person, offer: Offer) -> tuple[Entry, Choice]:
    """The newest message of the bot that offers the choice, and the choice."""
    for entry in reversed(person.chat.entries):
        if entry.sender != "bot" or offer.n not in (None, entry.n):
            continue
        for choice in entry.choices:
            if offer.fits(choice):
                return entry, choice
    wanted = repr(offer.label if offer.data is None else offer.data)
    where = "No message in the chat" if offer.n is None else f"Message {offer.n}"
    raise NotNow(f"{where} offers {wanted}.")


def own_entry(person: Person, n: Any) -> Entry:
    """The person's own message of this number, or the newest; raises `CannotAct`."""
    for entry in reversed(person.chat.entries):
        if entry.sender == "person" and n in (None, entry.n):
            return entry
    raise NotNow(f"{person.name} has not written such a message.")
