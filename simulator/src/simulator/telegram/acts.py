"""What people do in their Telegram chats."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.acts import SAMPLE_FILES, CannotAct, NotNow, Offer, newest_offer, own_entry
from simulator.people import Document, Entry, Person
from simulator.telegram import updates
from simulator.telegram.bot import Bot, Json, Posted
from simulator.telegram.methods import DOCUMENT_ID_PREFIX, PHOTO_ID_PREFIX
from simulator.telegram.rules import DEEP_LINK_PAYLOAD_LENGTH_MAX, TEXT_LENGTH_MAX
from simulator.telegram.text import bot_commands


class TelegramActs:
    """The people's side of the bot's chats."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def say(self, person: Person, text: str) -> None:
        """Type a text; the first one presses Start, so that the bot may write."""
        _must_not_block(person)
        if len(text) > TEXT_LENGTH_MAX:
            raise CannotAct(f"A Telegram message has at most {TEXT_LENGTH_MAX} characters.")
        self._write(person, updates.text_content(text, bot_commands(text)), text)

    async def open_link(self, person: Person, url: str) -> None:
        """Open a t.me link and press Start: sends `/start` with the link's payload."""
        parts = urlsplit(url if "://" in url else f"https://{url}")
        username = parts.path.strip("/")
        if (parts.hostname or "").removeprefix("www.") not in ("t.me", "telegram.me"):
            raise CannotAct("Only a t.me link opens a Telegram chat.")
        if username.lower() != self._bot.settings.bot_username.lower():
            raise NotNow(
                f"The link opens @{username}; the bot here is @{self._bot.settings.bot_username}."
            )
        payload = parse_qs(parts.query).get("start", [""])[0]
        if not re.fullmatch(rf"[A-Za-z0-9_-]{{0,{DEEP_LINK_PAYLOAD_LENGTH_MAX}}}", payload):
            raise CannotAct(
                "A start payload has at most 64 characters out of A-Z, a-z, 0-9, _ and -."
            )
        await self.say(person, f"/start {payload}".strip())

    async def tap(self, person: Person, offer: Offer) -> str | None:
        """Press a button of the newest message that offers it; returns the URL it opens, if any."""
        _must_not_block(person)
        entry, choice = newest_offer(person, offer)
        match choice.kind:
            case "url":
                return choice.url
            case "copy":
                pass  # between the phone and its clipboard
            case "reply":
                await self.say(person, choice.label)
            case "contact":
                await self.send(person, "contact", {})
            case _:
                posted = self._bot.posted(person, entry.provider_id)
                if posted is None or choice.data is None:
                    raise CannotAct("The button does nothing.")
                query_id = self._bot.ask(person, posted, choice.data)
                query = updates.callback_query(query_id, person, posted.message, choice.data)
                person.acted(self._bot.core.clock.timestamp())
                self._bot.webhook.push("callback_query", query, person, text=choice.data)
        return None

    async def send(self, person: Person, kind: str, details: dict[str, Any]) -> None:
        """Send something that is not a text, or change something sent before."""
        _must_not_block(person)
        match kind:
            case "edit":
                self._edit(person, details)
            case "reaction":
                self._react(person, details)
            case "revoke":
                raise CannotAct("Telegram does not tell bots that a message was deleted.")
            case "contact":
                phone = str(details.get("phone") or f"1555{person.id[-7:]}")
                contact: Json = {"phone_number": phone, "first_name": person.name}
                if not details.get("phone"):
                    contact["user_id"] = int(person.id)
                self._write(person, {"contact": contact}, phone, kind)
            case "location":
                place = {
                    "latitude": float(details.get("latitude", 52.52)),
                    "longitude": float(details.get("longitude", 13.405)),
                }
                self._write(person, {"location": place}, "", kind)
            case "sticker" | "voice" | "photo":
                self._write_media(person, kind, str(details.get("caption") or ""))
            case _:
                raise CannotAct(f"Nobody can send a {kind} here.")

    async def block(self, person: Person, *, blocked: bool) -> None:
        """Block or unblock the bot; it is told by `my_chat_member`."""
        if person.blocked == blocked:
            raise NotNow(f"{person.name} has {'' if blocked else 'not '}blocked the bot.")
        person.blocked = blocked
        timestamp = self._bot.core.clock.timestamp()
        change = updates.membership(person, self._bot.settings, timestamp, blocked=blocked)
        self._bot.webhook.push("my_chat_member", change, person)
        person.chat.ring()

    async def change_number(self, person: Person, new_phone: str) -> None:
        """Telegram does not tell bots of it."""
        person.phone = new_phone

    async def read(self, person: Person) -> None:
        """Bots are never told what was read."""

    def _write(self, person: Person, content: Json, text: str, kind: str = "text") -> Posted:
        entry = Entry(
            "person", text, self._bot.core.clock.now(), provider_id="", kind=kind, status="sent"
        )
        posted = self._bot.post(person, content, entry, by_bot=False)
        person.acted(self._bot.core.clock.timestamp())
        self._bot.webhook.push("message", posted.message, person, entry=entry, text=text)
        return posted

    def _write_media(self, person: Person, kind: str, caption: str) -> None:
        core = self._bot.core
        stored = core.files.add(f"{kind}.bin", *SAMPLE_FILES[kind], core.clock.timestamp())
        common: Json = {
            "file_id": (PHOTO_ID_PREFIX if kind == "photo" else DOCUMENT_ID_PREFIX) + stored.key,
            "file_unique_id": "AgAD" + stored.key,
            "file_size": len(stored.content),
        }
        content: Json
        match kind:
            case "photo":
                content = {"photo": [common | {"width": 1, "height": 1}]}
            case "voice":
                content = {"voice": common | {"duration": 1, "mime_type": "audio/ogg"}}
            case _:
                flags = {"type": "regular", "is_animated": False, "is_video": False}
                content = {"sticker": common | {"width": 512, "height": 512, "emoji": "👍"} | flags}
        if caption and kind != "sticker":
            content["caption"] = caption
        posted = self._write(person, content, caption, kind)
        posted.entry.document = Document(stored.key, stored.name, stored.mime, len(stored.content))

    def _edit(self, person: Person, details: dict[str, Any]) -> None:
        entry = own_entry(person, details.get("n"))
        posted = self._bot.posted(person, entry.provider_id)
        text = str(details.get("text") or "")
        if posted is None or not text or "text" not in posted.message:
            raise CannotAct("Only a text can be edited, into another text.")
        content = updates.text_content(text, bot_commands(text))
        self._bot.edited(posted, person, content)
        person.acted(self._bot.core.clock.timestamp())
        self._bot.webhook.push("edited_message", posted.message, person, text=text)

    def _react(self, person: Person, details: dict[str, Any]) -> None:
        emoji = str(details.get("emoji", "👍"))
        newest = next((e for e in reversed(person.chat.entries) if e.sender == "bot"), None)
        if newest is None:
            raise NotNow("There is no message of the bot to react to.")
        reaction: Json = {
            "chat": updates.private_chat(person),
            "message_id": int(newest.provider_id),
            "user": updates.user(person),
            "date": int(self._bot.core.clock.timestamp()),
            "old_reaction": [],
            "new_reaction": [{"type": "emoji", "emoji": emoji}] if emoji else [],
        }
        person.acted(self._bot.core.clock.timestamp())
        self._bot.webhook.push("message_reaction", reaction, person, text=emoji)


def _must_not_block(person: Person) -> None:
    if person.blocked:
        raise NotNow(f"{person.name} has blocked the bot; unblock it first.")
