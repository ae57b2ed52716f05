"""One business number: its chats, limits, templates, and the life of each message it sends."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

from simulator.core import Core
from simulator.files import fetch_link
from simulator.limits import Gcra, SlidingWindow
from simulator.people import Document, Entry, Person, Status
from simulator.whatsapp import payloads
from simulator.whatsapp.errors import GraphError, invalid_parameter, webhook_error
from simulator.whatsapp.rules import Media, Outgoing, checked_message, checked_recipient
from simulator.whatsapp.templates import Rendered, Templates
from simulator.whatsapp.webhook import Webhook

PAIR_PERIOD_SECONDS = 6.0
PAIR_BURST = 45
WINDOW_SECONDS = 24 * 3600.0
WAMID_RANDOM_BYTES = 15

Json = dict[str, Any]


@dataclass
class Sent:
    """A message that the business sent and WhatsApp took."""

    wamid: str
    person: Person | None
    phone: str | None
    bsuid: str | None
    opaque: str | None
    category: str
    entry: Entry | None
    link: Media | None = None


class Business:
    """The state behind the Cloud API."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.settings = core.settings.whatsapp
        self.webhook = Webhook(core)
        self.templates = Templates()
        self.templates.seed()
        self.sent: dict[str, Sent] = {}
        self.received: dict[str, tuple[Person, Entry]] = {}
        self._lives: set[asyncio.Task[None]] = set()
        self._number_limit = self._new_number_limit()
        self._pair_limits: dict[str, Gcra] = {}

    def reset(self) -> None:
        """Forget messages and debts; the callback URL and the templates stay, approved again."""
        for life in self._lives:
            life.cancel()
        self.webhook.drop_all()
        self.templates.approve_all()
        self.sent.clear()
        self.received.clear()
        self._number_limit = self._new_number_limit()
        self._pair_limits.clear()

    async def close(self) -> None:
        """Stop everything that is under way."""
        lives = list(self._lives)
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)
        await self.webhook.close()

    def new_wamid(self, address: str) -> str:
        """A fresh message id of WhatsApp's form."""
        unique = self.core.rng.randbytes(WAMID_RANDOM_BYTES)
        return "wamid.HBgL" + base64.b64encode(address.encode()[:12] + unique).decode()

    def person_at(self, body: Json) -> Person | None:
        """Whom a request's body means, if it can be told; raises nothing."""
        if body.get("status") == "read":
            found = self.received.get(str(body.get("message_id")))
            return found[0] if found else None
        try:
            _, address, _ = checked_recipient(body)
        except GraphError:
            return None
        return self.core.people.at_address("whatsapp", address)

    async def send(self, body: Json) -> tuple[Sent, Json]:
        """Take a message for delivery; returns it and the answer, or raises `GraphError`."""
        written, address, is_phone = checked_recipient(body)
        outgoing = checked_message(body)
        rendered = self._rendered(outgoing)
        if rendered and rendered.template.category == "AUTHENTICATION" and not is_phone:
            # platforms.md B3: codes go to phone numbers only.
            raise GraphError(131062)
        if is_phone and address == self.settings.display_phone:
            raise GraphError(131021)
        document = self._document(outgoing.media)
        person = self.core.people.at_address("whatsapp", address)
        if self.settings.window == "sync" and rendered is None and not self._is_open(person):
            raise GraphError(131047)
        self._pass_limits(person.id if person else address)
        wamid = self.new_wamid(address)
        entry = None
        if person is not None and outgoing.kind != "reaction":
            entry = person.chat.add(self._entry(wamid, outgoing, rendered, document))
        opaque = body.get("biz_opaque_callback_data")
        sent = Sent(
            wamid,
            person,
            phone=address if is_phone else None,
            bsuid=None if is_phone else address,
            opaque=str(opaque) if opaque is not None else None,
            category=rendered.template.category.lower() if rendered else "service",
            entry=entry,
            link=outgoing.media if outgoing.media and outgoing.media.link else None,
        )
        self.sent[wamid] = sent
        life = asyncio.create_task(self._live(sent, is_template=rendered is not None))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        message: Json = {"id": wamid}
        if rendered:
            message["message_status"] = "accepted"
        address_name = "wa_id" if is_phone else "user_id"
        return sent, {
            "messaging_product": "whatsapp",
            "contacts": [{"input": written, address_name: address}],
            "messages": [message],
        }

    def mark_read(self, message_id: str) -> Person:
        """The business has read a person's message, and all before it."""
        found = self.received.get(message_id)
        if found is None:
            raise GraphError(131009, details=f"Message ID is invalid: {message_id}")
        person, read = found
        for entry in person.chat.entries[: read.n]:
            if entry.sender == "person":
                entry.raise_status("read")
        person.chat.ring()
        return person

    def read_by(self, person: Person) -> None:
        """The person has looked at the chat: all that was delivered is read now."""
        for entry in person.chat.entries:
            if entry.sender == "bot" and entry.status == "delivered":
                self._tell(self.sent[entry.provider_id], "read")

    def heard(self) -> None:
        """Somebody wrote: the number's throughput counts both ways (platforms.md B5)."""
        self._number_limit.take()

    def _new_number_limit(self) -> SlidingWindow:
        return SlidingWindow(self.settings.messages_per_second, 1.0)

    def _pass_limits(self, pair: str) -> None:
        if self._number_limit.wait_seconds() > 0:
            raise GraphError(130429, over_limit=True)
        pair_limit = self._pair_limits.setdefault(pair, Gcra(PAIR_PERIOD_SECONDS, PAIR_BURST))
        if pair_limit.wait_seconds() > 0:
            raise GraphError(131056, over_limit=True)
        self._number_limit.take()
        pair_limit.take()

    def _rendered(self, outgoing: Outgoing) -> Rendered | None:
        if outgoing.template_name is None:
            return None
        return self.templates.render(
            outgoing.template_name, outgoing.template_language, outgoing.template_components
        )

    def _document(self, media: Media | None) -> Document | None:
        if media is None or media.media_id is None:
            return None
        stored = self.core.files.get(media.media_id)
        if stored is None:
            raise invalid_parameter(
                f"Param {media.kind}['id'] is not a valid whatsapp business account media "
                "attachment ID"
            )
        return Document(stored.key, media.name or stored.name, stored.mime, len(stored.content))

    def _entry(
        self,
        wamid: str,
        outgoing: Outgoing,
        rendered: Rendered | None,
        document: Document | None,
    ) -> Entry:
        return Entry(
            "bot",
            rendered.text if rendered else outgoing.text,
            self.core.clock.now(),
            provider_id=wamid,
            kind=outgoing.kind,
            choices=rendered.choices if rendered else outgoing.choices,
            list_label=outgoing.list_label,
            header=outgoing.header,
            footer=outgoing.footer,
            document=document,
            template=outgoing.template_name,
        )

    def _is_open(self, person: Person | None) -> bool:
        if person is None or person.last_inbound_timestamp is None:
            return False
        return self.core.clock.timestamp() - person.last_inbound_timestamp < WINDOW_SECONDS

    async def _live(self, sent: Sent, *, is_template: bool) -> None:
        """The statuses of an accepted message: sent, delivered; or failed with a reason."""
        is_open = is_template or self._is_open(sent.person)
        await self._pause()
        if sent.person is None or sent.person.blocked:
            self._tell(sent, "failed", 131026)
            return
        if not is_open:
            self._tell(sent, "failed", 131047)
            return
        if sent.link is not None and not await self._fetched(sent):
            self._tell(sent, "failed", 131053)
            return
        self._tell(sent, "sent")
        await self._pause()
        self._tell(sent, "delivered")

    async def _pause(self) -> None:
        await asyncio.sleep(self.core.rng.uniform(*self.settings.status_delay_seconds))

    async def _fetched(self, sent: Sent) -> bool:
        """Fetch a file that was sent as a link, as WhatsApp does after accepting the message."""
        assert sent.link is not None
        fetched = await fetch_link(sent.link.link or "")
        if fetched is None:
            return False
        name, mime, content = fetched
        stored = self.core.files.add(name, mime, content, self.core.clock.timestamp())
        if sent.entry is not None and sent.person is not None:
            sent.entry.document = Document(stored.key, sent.link.name or name, mime, len(content))
            sent.person.chat.ring()
        return True

    def _tell(self, sent: Sent, status: Status, code: int | None = None) -> None:
        """Show a status in the chat, and send it to the app."""
        if sent.entry is not None and sent.person is not None:
            if not sent.entry.raise_status(status):
                return
            sent.entry.error_code = code
            sent.person.chat.ring()
        handle = sent.person.id if sent.person else None
        if self.core.faults.for_webhook("whatsapp", "drop_status", handle):
            return
        late = self.core.faults.for_webhook("whatsapp", "reorder_status", handle) is not None
        part = payloads.status(
            sent.person,
            sent.wamid,
            status,
            self.core.clock.timestamp(),
            phone=sent.phone,
            bsuid=sent.bsuid,
            opaque=sent.opaque,
            category=sent.category,
            errors=[webhook_error(code)] if code is not None else None,
        )
        contacts = []
        if sent.person is not None and status != "failed":
            contacts = [payloads.contact(sent.person, with_username=status != "sent")]
        item = self.webhook.new_item(
            "status",
            sent.wamid,
            part,
            sent.wamid,
            contacts=contacts,
            person=sent.person,
            text=status,
        )
        self.webhook.push(item, late=late)
