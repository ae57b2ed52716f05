"""What became of a command; the registry stores it with the change and may say it again."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.cards import EventCard, RegistrationCard
from contracts.model import Value


class SeatClaimed(Value):
    """The person has a seat; `already` when it was theirs before this command."""

    kind: Literal["seat-claimed"] = "seat-claimed"
    registration: RegistrationCard
    already: bool = False


class WaitingListed(Value):
    """No seat is free; the person waits, at the position that was true in the transaction that
    said so; `already` when they waited, or had an offer, before this command.
    """

    kind: Literal["waiting-listed"] = "waiting-listed"
    registration: RegistrationCard
    already: bool = False


class ClaimRefused(Value):
    """No seat, and why, as it was true in the transaction that refused it.

    `full`: the waiting list is full as well.
    """

    kind: Literal["claim-refused"] = "claim-refused"
    reason: Literal[
        "full", "draft", "not-yet-open", "closed", "started", "cancelled", "unknown-event"
    ]
    event: EventCard | None = None


class RegistrationReleased(Value):
    """The registration ended; `already` when it had ended before."""

    kind: Literal["registration-released"] = "registration-released"
    registration_id: UUID
    event: EventCard
    already: bool = False
    was: Literal["confirmed", "held", "waiting", "offered"] = "confirmed"
    """What it was until then."""


class CancellationRefused(Value):
    """Nothing was cancelled, and why."""

    kind: Literal["cancellation-refused"] = "cancellation-refused"
    reason: Literal["not-yours", "started", "checked-in"]
    event: EventCard | None = None


class OfferRefused(Value):
    """The offered seat cannot be taken, and why; `expired` when somebody else has it by now."""

    kind: Literal["offer-refused"] = "offer-refused"
    reason: Literal["expired", "not-offered", "not-yours", "started", "cancelled"]
    event: EventCard | None = None


class TransferOffered(Value):
    """The person behind that address is asked, if anybody has proven it: this tells no more."""

    kind: Literal["transfer-offered"] = "transfer-offered"
    registration: RegistrationCard
    expires_at: AwareDatetime


class SeatTransferred(Value):
    """The seat is this person's now; the ticket is new."""

    kind: Literal["seat-transferred"] = "seat-transferred"
    registration: RegistrationCard


class TransferDropped(Value):
    """The seat stays where it was."""

    kind: Literal["transfer-dropped"] = "transfer-dropped"
    event: EventCard


class TransferRefused(Value):
    """Nothing was transferred, and why."""

    kind: Literal["transfer-refused"] = "transfer-refused"
    reason: Literal["not-yours", "not-offered", "checked-in", "started", "cancelled", "has-seat"]
    event: EventCard | None = None


class CommandFailed(Value):
    """The command could not be carried out through a fault of ours; it is set aside for a human."""

    kind: Literal["command-failed"] = "command-failed"


Outcome = Annotated[
    SeatClaimed
    | WaitingListed
    | ClaimRefused
    | RegistrationReleased
    | CancellationRefused
    | OfferRefused
    | TransferOffered
    | SeatTransferred
    | TransferDropped
    | TransferRefused
    | CommandFailed,
    Field(discriminator="kind"),
]
