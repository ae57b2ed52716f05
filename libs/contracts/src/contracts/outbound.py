"""What is to be said to a person, before any platform has shaped it."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.address import Address
from contracts.message import Message
from contracts.model import Value

Priority = Literal["reply", "transactional", "reminder", "bulk"]
"""Most urgent first. The first two keep one order per chat; the others need none."""

CHOICE_ID_BYTES_MAX = 48
"""Telegram's callback_data holds 64 bytes, and nobody needs more (platforms.md C)."""
CHOICES_MAX = 10
"""A WhatsApp list holds 10 rows in all (platforms.md B4)."""


class Choice(Value):
    """Something to tap; whoever types its number or its label means the same."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9:._-]+$", max_length=CHOICE_ID_BYTES_MAX)]
    label: str = Field(min_length=1)
    description: str | None = None


class Document(Value):
    """A document as data, drawn by the notifier."""

    kind: Literal["ticket", "calendar", "mydata"]
    data: str = Field(max_length=2048)
    """Ticket: the code that the QR shows. Calendar: the iCalendar text (RFC 5545) of one event.
    Mydata: what the chat's document holds of the person, as JSON; the notifier asks the registry
    for the rest right before sending (`ExportPerson`)."""
    filename: str


class Template(Value):
    """The WhatsApp template to use when the 24-hour window is closed (platforms.md B4)."""

    name: str
    parameters: tuple[str, ...] = ()


class Recipient(Value):
    """One way to reach a person."""

    address: Address
    email_to: str | None = Field(default=None, max_length=254)
    """For e-mail: where it goes. Never in a subject, a log or a trace."""


class OutboundMessage(Message):
    """One message to one chat. The notifier renders it within the platform's limits."""

    subject: ClassVar[str] = "{stream}.{priority}.{platform}.{chat}"

    address: Address
    priority: Priority
    language: Literal["en", "ru"]
    text: str = Field(min_length=1, max_length=4096)
    choices: tuple[Choice, ...] = Field(default=(), max_length=CHOICES_MAX)
    choices_label: str | None = None
    """The button that opens the list, where a platform shows one."""
    document: Document | None = None
    template: Template | None = None
    heard_at: AwareDatetime | None = None
    """When the person last wrote to us, as far as the sender knows; opens WhatsApp's window."""
    in_reply_to: str | None = None
    """The platform's id of the message that this answers; it is marked as read."""
    expires_at: AwareDatetime | None = None
    email_to: str | None = Field(default=None, max_length=254)
    """Where it goes if the address is one of e-mail."""
    headline: str | None = Field(default=None, max_length=150)
    """What it is about, where a channel shows that: the subject of an e-mail."""
    alternatives: tuple[Recipient, ...] = Field(default=(), max_length=3)
    """Other ways to reach the same person, the best first: used when this one certainly will not
    reach them, and never after an unknown outcome, so that it comes once over all channels."""
    marketing: bool = False
    """An organiser's own words: not for those who stopped marketing on this platform."""
    notice_id: UUID | None = None
    """The notice that this tells; its results carry it, so that the registry knows whose they are.
    """
    broadcast_id: UUID | None = None
    """The organiser's message to many that this is one of."""
    redriven: UUID | None = None
    """Sent again from DEAD by an operator: the id of that act, new each time. A message that was
    set aside may be sent once more for each."""
    notice_event_id: UUID | None = None
    """Set on notices about an event; with `notice_event_version` a newer one beats an older."""
    notice_event_version: int | None = None

    def route(self) -> str:
        """The lane of the chat, or the slower stream for what nobody waits for."""
        stream = "out" if self.priority in ("reply", "transactional") else "bulk"
        return self.subject.format(
            stream=stream,
            priority=self.priority,
            platform=self.address.platform,
            chat=self.address.chat_key,
        )
