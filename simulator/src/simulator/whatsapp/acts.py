"""What people do in their WhatsApp chats."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.acts import SAMPLE_FILES, CannotAct, NotNow, Offer, newest_offer, own_entry
from simulator.people import Document, Entry, Person
from simulator.whatsapp import payloads
from simulator.whatsapp.business import Business, Json
from simulator.whatsapp.rules import TEXT_LENGTH_MAX, digits_of


class WhatsAppActs:
    """The people's side of the number's chats."""

    def __init__(self, business: Business) -> None:
        self._business = business

    async def say(self, person: Person, text: str) -> None:
        """Type a text."""
        if len(text) > TEXT_LENGTH_MAX:
            raise CannotAct(f"A WhatsApp message has at most {TEXT_LENGTH_MAX} characters.")
        self._write(person, "text", {"body": text}, text)

    async def open_link(self, person: Person, url: str) -> None:
        """Open a wa.me link and send the text that it fills in."""
        parts = urlsplit(url if "://" in url else f"https://{url}")
        query = parse_qs(parts.query)
        host = (parts.hostname or "").removeprefix("www.")
        if host == "wa.me":
            number = digits_of(parts.path.strip("/"))
        elif host == "api.whatsapp.com":
            number = digits_of(query.get("phone", [""])[0])
        else:
            raise CannotAct("Only a wa.me link opens a WhatsApp chat.")
        own = self._business.settings.display_phone
        if number != own:
            raise NotNow(f"The link opens +{number}; the number here is +{own}.")
        text = query.get("text", [""])[0]
        if not text:
            raise CannotAct("The link fills in no text, so there is nothing to send.")
        await self.say(person, text)

    async def tap(self, person: Person, offer: Offer) -> str | None:
        """Tap a button or a row of the newest message that offers it."""
        entry, choice = newest_offer(person, offer)
        context: Json = {
            "from": self._business.settings.display_phone,
            "id": entry.provider_id,
        }
        if choice.kind in ("url", "copy"):
            return choice.url
        if choice.kind == "reply":
            content: Json = {"payload": choice.data, "text": choice.label}
            self._write(person, "button", content, choice.label, context)
        else:
            kind = "list_reply" if entry.kind == "list" else "button_reply"
            reply: Json = {"id": choice.data, "title": choice.label}
            if choice.description:
                reply["description"] = choice.description
            content = {"type": kind, kind: reply}
            self._write(person, "interactive", content, choice.label, context)
        return None

    async def send(self, person: Person, kind: str, details: dict[str, Any]) -> None:
        """Send something that is not a text, or change something sent before."""
        match kind:
            case "edit":
                self._edit(person, details)
            case "revoke":
                target = own_entry(person, details.get("n"))
                self._write_about(person, "revoke", target, {})
                target.text, target.kind = "", "revoked"
            case "reaction":
                self._react(person, details)
            case "contact":
                phone = digits_of(details.get("phone") or person.phone)
                card: Json = {
                    "name": {"formatted_name": person.name, "first_name": person.name},
                    "phones": [{"phone": f"+{phone}", "wa_id": phone, "type": "CELL"}],
                }
                self._write(person, "contacts", [card], phone, shown_kind="contact")
            case "location":
                place = {
                    "latitude": float(details.get("latitude", 52.52)),
                    "longitude": float(details.get("longitude", 13.405)),
                }
                self._write(person, "location", place, "", shown_kind="location")
            case "sticker" | "voice" | "photo":
                self._write_media(person, kind, str(details.get("caption") or ""))
            case _:
                raise CannotAct(f"Nobody can send a {kind} here.")

    async def block(self, person: Person, *, blocked: bool) -> None:
        """Block or unblock the business; WhatsApp does not tell it."""
        if person.blocked == blocked:
            raise NotNow(f"{person.name} has {'' if blocked else 'not '}blocked the business.")
        person.blocked = blocked
        person.chat.ring()

    async def change_number(self, person: Person, new_phone: str) -> None:
        """Move to another number: the app gets a system message, and a new user id."""
        core, webhook = self._business.core, self._business.webhook
        old_phone, old_bsuid = core.people.change_number(person, digits_of(new_phone))
        timestamp = core.clock.timestamp()
        wamid = self._business.new_wamid(old_phone)
        if person.shows_phone:
            system = payloads.number_changed(person, wamid, old_phone, timestamp)
        else:
            system = payloads.user_id_changed(person, wamid, old_bsuid, timestamp)
        webhook.push(webhook.new_item("message", person.id, system, wamid, person=person))
        if person.shows_bsuid:
            update = payloads.user_id_update(person, old_bsuid, timestamp)
            webhook.push(
                webhook.new_item(
                    "identity", person.id, update, wamid, person=person, field="user_id_update"
                )
            )

    async def read(self, person: Person) -> None:
        """Look at the chat: what was delivered is read now."""
        self._business.read_by(person)

    def _write(
        self,
        person: Person,
        kind: str,
        content: Any,
        text: str,
        context: Json | None = None,
        *,
        shown_kind: str = "text",
    ) -> Entry:
        if person.blocked:
            raise NotNow(f"{person.name} has blocked the business; unblock it first.")
        self._business.read_by(person)  # who answers has read
        core = self._business.core
        wamid = self._business.new_wamid(person.phone)
        entry = person.chat.add(
            Entry("person", text, core.clock.now(), wamid, kind=shown_kind, status="sent")
        )
        self._business.received[wamid] = (person, entry)
        self._business.heard()
        timestamp = core.clock.timestamp()
        person.acted(timestamp)
        message = payloads.message(person, wamid, timestamp, kind, content)
        if context:
            message = {"context": context, **message}
        self._push(person, message, text, entry)
        return entry

    def _push(self, person: Person, message: Json, text: str, entry: Entry | None) -> None:
        webhook = self._business.webhook
        item = webhook.new_item(
            "message",
            person.id,
            message,
            str(message["id"]),
            contacts=[payloads.contact(person)],
            person=person,
            text=text,
            entry=entry,
        )
        faults = self._business.core.faults
        late = faults.for_webhook("whatsapp", "reorder_webhook", person.id) is not None
        webhook.push(item, late=late)

    def _write_media(self, person: Person, kind: str, caption: str) -> None:
        core = self._business.core
        mime, sample = SAMPLE_FILES[kind]
        stored = core.files.add(f"{kind}.bin", mime, sample, core.clock.timestamp())
        content: Json = {"id": stored.key, "mime_type": mime, "sha256": stored.sha256}
        if caption and kind == "photo":
            content["caption"] = caption
        if kind == "voice":
            content["voice"] = True
        if kind == "sticker":
            content["animated"] = False
        wire_kind = {"photo": "image", "voice": "audio"}.get(kind, kind)
        entry = self._write(person, wire_kind, content, caption, shown_kind=kind)
        entry.document = Document(stored.key, stored.name, mime, len(sample))

    def _edit(self, person: Person, details: dict[str, Any]) -> None:
        target, text = own_entry(person, details.get("n")), str(details.get("text") or "")
        if not text or target.kind != "text":
            raise CannotAct("Only a text can be edited, into another text.")
        self._write_about(
            person, "edit", target, {"message": {"type": "text", "text": {"body": text}}}
        )
        target.text, target.edited_at = text, self._business.core.clock.now()

    def _react(self, person: Person, details: dict[str, Any]) -> None:
        newest = next((e for e in reversed(person.chat.entries) if e.sender == "bot"), None)
        if newest is None:
            raise NotNow("There is no message of the business to react to.")
        emoji = str(details.get("emoji", "👍"))
        self._send_hidden(person, "reaction", {"message_id": newest.provider_id, "emoji": emoji})

    def _write_about(self, person: Person, kind: str, target: Entry, more: Json) -> None:
        self._send_hidden(person, kind, {"original_message_id": target.provider_id, **more})

    def _send_hidden(self, person: Person, kind: str, content: Json) -> None:
        """Something that the app is told of but that is no new message in the chat."""
        if person.blocked:
            raise NotNow(f"{person.name} has blocked the business; unblock it first.")
        timestamp = self._business.core.clock.timestamp()
        wamid = self._business.new_wamid(person.phone)
        person.acted(timestamp)
        self._push(person, payloads.message(person, wamid, timestamp, kind, content), kind, None)
        person.chat.ring()
