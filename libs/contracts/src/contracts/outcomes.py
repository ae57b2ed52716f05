"""What became of a command; the registry stores it with the change and may say it again."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.address import Platform
from contracts.cards import EventCard, RegistrationCard
from contracts.model import Value


class SeatClaimed(Value):
    """The person has a seat; `already` when it was theirs before this command."""

    kind: Literal["seat-claimed"] = "seat-claimed"
    registration: RegistrationCard
    already: bool = False


class SeatHeld(Value):
    """A seat is kept for somebody who has to prove an address first, until the registration's
    `hold_expires_at`; `already` when it was kept before this command.
    """

    kind: Literal["seat-held"] = "seat-held"
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

    `full`: the waiting list is full as well. `proof-first`: as many seats as may be are held for
    people without a proven address, so this person proves theirs first and asks again.
    """

    kind: Literal["claim-refused"] = "claim-refused"
    reason: Literal[
        "full",
        "draft",
        "not-yet-open",
        "closed",
        "started",
        "cancelled",
        "unknown-event",
        "proof-first",
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
    reason: Literal["expired", "not-offered", "not-yours", "started", "cancelled", "proof-first"]
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


class EmailProven(Value):
    """The chat belongs to whoever reads the address; what waited for that has happened with it."""

    kind: Literal["email-proven"] = "email-proven"
    name: str | None = None
    """What the person is called, if that was known."""
    registrations: tuple[RegistrationCard, ...] = ()
    """Seats that were held until now and are confirmed."""
    messengers: tuple[Platform, ...] = ()
    """Where else this person is known, each once."""
    link_id: UUID | None = None
    """Set when the chat has joined somebody: what `DisownLink` names."""
    freed: int = 0
    """Registrations that both had at the same event: one was kept, so many others ended."""


class CodeRefused(Value):
    """Nothing was proven, and why. The same for an address that nobody has.

    `expired`: too old, used, or none was asked for. `too-many`: wrong too often. `barred`: that
    person has said that this chat is not theirs.
    """

    kind: Literal["code-refused"] = "code-refused"
    reason: Literal["wrong", "expired", "too-many", "barred"]
    tries_left: int = 0


class Unlinked(Value):
    """The chat speaks for nobody any more."""

    kind: Literal["unlinked"] = "unlinked"
    messengers: tuple[Platform, ...] = ()
    """Where the person is still known."""


class UnlinkRefused(Value):
    """The chat was not parted, and why.

    `unknown`: it is nobody's. `only-way`: what is registered could not be reached any more.
    """

    kind: Literal["unlink-refused"] = "unlink-refused"
    reason: Literal["unknown", "only-way"]


class LinkDisowned(Value):
    """The two are apart again; `already` when they were before."""

    kind: Literal["link-disowned"] = "link-disowned"
    messenger: Platform
    already: bool = False


class DisownRefused(Value):
    """There is no such link of this person."""

    kind: Literal["disown-refused"] = "disown-refused"


class PersonForgotten(Value):
    """Nothing is kept of this person; `known` is false when nothing was."""

    kind: Literal["person-forgotten"] = "person-forgotten"
    known: bool = True
    freed: int = 0
    """Seats and places in line that others have now."""


class CommandFailed(Value):
    """The command could not be carried out through a fault of ours; it is set aside for a human."""

    kind: Literal["command-failed"] = "command-failed"


Outcome = Annotated[
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
    | CommandFailed,
    Field(discriminator="kind"),
]
