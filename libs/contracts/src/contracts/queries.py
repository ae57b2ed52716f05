"""Questions to the registry by request and reply; nothing of them is stored."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from contracts.address import Address
from contracts.cards import EventCard, RegistrationCard
from contracts.events import NoticeKind
from contracts.model import Value
from contracts.outbound import Recipient

ADDRESSES_PER_QUESTION_MAX = 500


class Query(Value):
    """A question; `answer` is the model of its reply, `answered_by` the service that knows."""

    subject: ClassVar[str]
    answer: ClassVar[type[BaseModel]]
    answered_by: ClassVar[str] = "registry"


class EventsAnswer(Value):
    """Published events that have not started, the soonest first."""

    events: tuple[EventCard, ...]


class ListEvents(Query):
    """Which events can one register for?"""

    subject: ClassVar[str] = "query.list-events"
    answer: ClassVar[type[BaseModel]] = EventsAnswer


class EventAnswer(Value):
    """The event in any state, or None. Of a draft only its code and state may be told."""

    event: EventCard | None


class FindEvent(Query):
    """The event with this id or short code (exactly one of them)."""

    subject: ClassVar[str] = "query.find-event"
    answer: ClassVar[type[BaseModel]] = EventAnswer

    event_id: UUID | None = None
    code: str | None = None


class RegistrationsAnswer(Value):
    """Seats, offers and places in line at events that are not over, the soonest first."""

    registrations: tuple[RegistrationCard, ...]
    known: bool = True
    """False for a chat that speaks for nobody: whoever it is may be known elsewhere."""
    proof_by_email: bool = False
    """Whether a code can be sent to a mailbox here."""


class ListRegistrations(Query):
    """Which seats and places in line has the person behind this chat?"""

    subject: ClassVar[str] = "query.list-registrations"
    answer: ClassVar[type[BaseModel]] = RegistrationsAnswer

    address: Address


class NoticeAnswer(Value):
    """Whom a notice goes to, as of now; no address when it must not be sent any more."""

    address: Address | None = None
    language: Literal["en", "ru"] = "en"
    registration: RegistrationCard | None = None
    expires_at: AwareDatetime | None = None
    """When what the notice offers ends."""
    email_to: str | None = None
    """For an address of e-mail: where it goes."""
    alternatives: tuple[Recipient, ...] = ()
    """Other proven ways to reach the same person, the best first."""
    text: str | None = None
    """An organiser's message in the organiser's own words."""


class FindNotice(Query):
    """Who is to be told this notice, and is it still true?"""

    subject: ClassVar[str] = "query.find-notice"
    answer: ClassVar[type[BaseModel]] = NoticeAnswer

    kind: NoticeKind
    registration_id: UUID
    event_version: int
    message_id: UUID | None = None


class ReachAnswer(Value):
    """How many of the people asked about can be written to now, and why not the others."""

    reachable: int = 0
    blocked: int = 0
    """They blocked us or are gone, or stopped marketing where that matters."""
    window_closed: int = 0
    """WhatsApp's 24 hours are over, and what there is to say has no template."""
    no_template: int = 0
    """The template is not approved there."""


class CountReachable(Query):
    """Of these chats, how many would get a message now? The notifier alone knows."""

    subject: ClassVar[str] = "query.count-reachable"
    answer: ClassVar[type[BaseModel]] = ReachAnswer
    answered_by: ClassVar[str] = "notifier"

    addresses: tuple[Address, ...] = Field(max_length=ADDRESSES_PER_QUESTION_MAX)
    template: str | None = None
    """The template for closed windows; None: there is none."""
    parameters: tuple[str, ...] = ()
    """What would stand in it, if that is known: words that are too long for it reach nobody whose
    window is closed."""
    language: Literal["en", "ru"] = "en"
    marketing: bool = False


class TelegramAccount(Value):
    """One of our bots, as people find it."""

    account: str
    username: str
    """Without the @."""


class WhatsAppAccount(Value):
    """One of our numbers, as people find it."""

    account: str
    phone: str
    """Country code and number, digits only."""


class AccountsAnswer(Value):
    """Where people can write to us, as the platforms themselves say."""

    telegram: tuple[TelegramAccount, ...] = ()
    whatsapp: tuple[WhatsAppAccount, ...] = ()


class ListAccounts(Query):
    """What are our bots and numbers called? For links and posters."""

    subject: ClassVar[str] = "query.list-accounts"
    answer: ClassVar[type[BaseModel]] = AccountsAnswer
    answered_by: ClassVar[str] = "notifier"
