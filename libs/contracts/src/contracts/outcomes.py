"""What became of a command; the registry stores it with the change and may say it again."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.cards import EventCard, RegistrationCard
from contracts.model import Value


class SeatClaimed(Value):
    """The person has a seat; `already` when it was theirs before this command."""

    kind: Literal["seat-claimed"] = "seat-claimed"
    registration: RegistrationCard
    already: bool = False


class ClaimRefused(Value):
    """No seat, and why, as it was true in the transaction that refused it."""

    kind: Literal["claim-refused"] = "claim-refused"
    reason: Literal["full", "draft", "started", "cancelled", "unknown-event"]
    event: EventCard | None = None


class RegistrationReleased(Value):
    """The seat was given back; `already` when it had been given back before."""

    kind: Literal["registration-released"] = "registration-released"
    registration_id: UUID
    event: EventCard
    already: bool = False


class CancellationRefused(Value):
    """Nothing was cancelled, and why."""

    kind: Literal["cancellation-refused"] = "cancellation-refused"
    reason: Literal["not-yours", "started"]
    event: EventCard | None = None


class CommandFailed(Value):
    """The command could not be carried out through a fault of ours; it is set aside for a human."""

    kind: Literal["command-failed"] = "command-failed"


Outcome = Annotated[
    SeatClaimed | ClaimRefused | RegistrationReleased | CancellationRefused | CommandFailed,
    Field(discriminator="kind"),
]
