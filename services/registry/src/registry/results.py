"""What is stored with a handled command: its result, and every message that tells of it."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts import (
    CancellationRefused,
    ClaimRefused,
    CommandFailed,
    EventStatus,
    Message,
    RegistrationReleased,
    SeatClaimed,
)
from contracts.model import Value
from registry.rules import WriteRefusal


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
    confirmed: int
    held: int
    waiting: int
    checked_in: int


class EventWritten(Value):
    """An organiser's write was carried out, or had nothing to change."""

    kind: Literal["event-written"] = "event-written"
    event: EventView


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


Result = Annotated[
    SeatClaimed
    | ClaimRefused
    | RegistrationReleased
    | CancellationRefused
    | CommandFailed
    | EventWritten
    | WriteRefused
    | NoticesHandedOver,
    Field(discriminator="kind"),
]


class Said(Value):
    """A message as it is published, each time it is."""

    subject: str
    id: UUID
    body: dict[str, Any]

    @classmethod
    def of(cls, message: Message) -> "Said":
        """The message, ready to be stored."""
        return cls(subject=message.route(), id=message.id, body=message.model_dump(mode="json"))

    def encoded(self) -> bytes:
        """The body on the wire."""
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


class Stored(Value):
    """A command's outcome, whole: saying it again needs nothing else."""

    result: Result
    messages: tuple[Said, ...] = ()
    """In the order in which they are published; the answer to the chat comes first."""
