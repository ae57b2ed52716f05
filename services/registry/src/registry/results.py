"""What becomes of a command: its result, and every message that tells of it.

What of it is kept with the handled command says `kept_outcomes.py`.
"""

import json
from datetime import datetime
from typing import Annotated, Literal, cast, get_args
from uuid import UUID

from pydantic import AwareDatetime, BeforeValidator, Field

from contracts import (
    CancellationRefused,
    ClaimRefused,
    CodeRefused,
    Command,
    CommandFailed,
    CommandOutcome,
    DisownRefused,
    EmailProven,
    EventStatus,
    LinkDisowned,
    Message,
    OfferRefused,
    Outcome,
    PersonForgotten,
    RegistrationReleased,
    SeatClaimed,
    SeatHeld,
    SeatTransferred,
    TransferDropped,
    TransferOffered,
    TransferRefused,
    Unlinked,
    UnlinkRefused,
    WaitingListed,
    derived_id,
)
from contracts.model import Value
from registry.access_results import AccessResult
from registry.forgetting_results import ForgettingResult
from registry.identity_results import IdentityResult
from registry.messages.results import MessageResult
from registry.proof_results import CodeRequested
from registry.rules import Event, WriteRefusal


class EventView(Value):
    """An event as an organiser sees it, with its figures."""

    id: UUID
    code: str = Field(examples=["K7QX2M"])
    title: str
    description: str
    starts_at: AwareDatetime
    timezone: str = Field(examples=["Europe/Berlin"])
    location: str
    max_participants: int
    status: EventStatus
    version: int
    """Also the ETag; send it back as `If-Match` with a change."""
    registration_opens_at: AwareDatetime | None = None
    registration_closes_at: AwareDatetime | None = None
    confirmed: int
    held: int
    offered: int = 0
    """Seats kept for people who waited and have not answered yet; they count as taken."""
    waiting: int
    checked_in: int
    over_by: int = 0
    """How many seats are taken above `max_participants`, after it was lowered."""

    @classmethod
    def of(cls, event: Event) -> "EventView":
        """An event from its row: the figures are counters, whatever the number of people."""
        figures = {name: getattr(event, name) for name in cls.model_fields if name != "confirmed"}
        return cls(**figures, confirmed=event.taken - event.held - event.offered)


class EventWritten(Value):
    """An organiser's write was carried out, or had nothing to change."""

    kind: Literal["event-written"] = "event-written"
    event: EventView


class RegistrationWritten(Value):
    """An organiser's write to a registration was carried out; who it is stands in the table."""

    kind: Literal["registration-written"] = "registration-written"
    registration_id: UUID


class CheckedIn(Value):
    """A ticket was shown; `first` when nobody had come in with it before."""

    kind: Literal["checked-in"] = "checked-in"
    registration_id: UUID
    first: bool
    at: AwareDatetime
    """When it was shown first."""
    by: str | None = None
    """Which scanner saw it first."""


class WriteRefused(Value):
    """An organiser's write was refused, and why."""

    kind: Literal["write-refused"] = "write-refused"
    reason: WriteRefusal
    current_version: int | None = None


class NoticesHandedOver(Value):
    """A tick's work."""

    kind: Literal["notices-handed-over"] = "notices-handed-over"
    sent: int
    dropped: int


class SeatsPassedOn(Value):
    """Offers that ended and seats that were offered; both zero when nothing was due any more."""

    kind: Literal["seats-passed-on"] = "seats-passed-on"
    expired: int = 0
    offered: int = 0


class EventsTended(Value):
    """How many events a tick found something due at."""

    kind: Literal["events-tended"] = "events-tended"
    due: int


class Swept(Value):
    """Per invariant, how many rows break it."""

    kind: Literal["swept"] = "swept"
    drift: dict[str, int]


class PreferencesChanged(Value):
    """How a person wants to be written to was noted."""

    kind: Literal["preferences-changed"] = "preferences-changed"
    known: bool
    """False for a chat that never registered for anything: there was nothing to change."""


class ReachabilityNoted(Value):
    """Whether a chat can be written to was noted."""

    kind: Literal["reachability-noted"] = "reachability-noted"
    known: bool
    """False for a chat that never registered for anything."""
    newer: bool
    """False when something later was known of this chat already: nothing was changed."""


Result = Annotated[
    SeatClaimed
    | SeatHeld
    | WaitingListed
    | ClaimRefused
    | RegistrationReleased
    | CancellationRefused
    | OfferRefused
    | TransferOffered
    | SeatTransferred
    | TransferDropped
    | TransferRefused
    | EmailProven
    | CodeRefused
    | Unlinked
    | UnlinkRefused
    | LinkDisowned
    | DisownRefused
    | PersonForgotten
    | CommandFailed
    | EventWritten
    | RegistrationWritten
    | CheckedIn
    | WriteRefused
    | NoticesHandedOver
    | SeatsPassedOn
    | EventsTended
    | Swept
    | PreferencesChanged
    | ReachabilityNoted
    | CodeRequested
    | AccessResult
    | IdentityResult
    | ForgettingResult
    | MessageResult,
    Field(discriminator="kind"),
]


def _as_text(body: object) -> object:
    # Until schema 0002 it was stored as JSON and not as the text of it.
    return json.dumps(body, ensure_ascii=False) if isinstance(body, dict) else body


class Said(Value):
    """A message as it is published, each time it is."""

    subject: str
    id: UUID
    body: Annotated[str, BeforeValidator(_as_text)]
    """JSON, made once: to the letter the same in the database and on the wire."""

    @classmethod
    def of(cls, message: Message) -> "Said":
        """The message, ready to be stored."""
        return cls(subject=message.route(), id=message.id, body=message.model_dump_json())


class Unkept(Said):
    """A message that names a chat and is no answer to it: nothing of it is kept.

    It is made again when the command is repeated.
    """


_OUTCOMES = get_args(get_args(Outcome)[0])


class Answer(Said):
    """The answer to the chat that a command came from."""

    occurred_at: AwareDatetime

    @classmethod
    def to(cls, command: Command, result: Result, *, id: UUID, at: datetime) -> "Answer":  # noqa: A002
        """What a chat is answered; the command must have come from one."""
        assert isinstance(result, _OUTCOMES), "a chat is answered with what chats understand"
        outcome = CommandOutcome(
            id=id,
            occurred_at=at,
            correlation_id=command.correlation_id,
            address=getattr(command, "address"),  # noqa: B009
            command_id=command.id,
            outcome=cast(Outcome, result),
        )
        return cls(subject=outcome.route(), id=id, body=outcome.model_dump_json(), occurred_at=at)


def answer(command: Command, result: Result, now: datetime) -> tuple[Said, ...]:
    """The answer to the chat that a command came from, if it came from one."""
    if getattr(command, "address", None) is None:
        return ()
    return (Answer.to(command, result, id=derived_id(command.id, "outcome"), at=now),)


class Newest(Value):
    """From now on nobody is to be told an older version of this."""

    of: UUID
    """The event, or the organiser's message."""
    version: int


class Stored(Value):
    """A command's outcome, whole: saying it needs nothing else."""

    result: Result
    newest: tuple[Newest, ...] = ()
    """Made known before anything is published."""
    messages: tuple[Said, ...] = ()
    """In the order in which they are published; the answer to the chat comes first."""
    named: UUID | None = None
    """The person whose name the result tells, where no registration has it."""
