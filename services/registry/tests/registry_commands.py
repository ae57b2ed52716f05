"""Commands as chats, organisers and ticks send them."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from registry_house import House, QuietHouse, chat, claim_seat

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    ChangeEvent,
    CheckIn,
    Command,
    DropTransfer,
    EventDetails,
    MoveRegistration,
    OfferTransfer,
    PassOnSeats,
    SeatClaimed,
    TendEvents,
    UndoCheckIn,
    WaitingListed,
)
from contracts.cards import RegistrationCard


def new() -> dict[str, Any]:
    """What every command has."""
    return {"id": uuid4(), "occurred_at": datetime.now(UTC), "correlation_id": uuid4()}


def _about(card: RegistrationCard) -> dict[str, Any]:
    return new() | {"event_id": card.event.id, "registration_id": card.id}


def accept(card: RegistrationCard, person: int) -> AcceptOffer:
    return AcceptOffer(**_about(card), address=chat(person))


def promise(card: RegistrationCard, person: int, to_email: str) -> OfferTransfer:
    return OfferTransfer(**_about(card), address=chat(person), to_email=to_email)


def take_promised(card: RegistrationCard, person: int) -> AcceptTransfer:
    return AcceptTransfer(**_about(card), address=chat(person))


def drop(card: RegistrationCard, person: int) -> DropTransfer:
    return DropTransfer(**_about(card), address=chat(person))


def move(
    card: RegistrationCard,
    to: Literal["confirmed", "waiting"],
    place: Literal["front", "end"] = "end",
) -> MoveRegistration:
    return MoveRegistration(**_about(card), to=to, place=place, reason="a speaker")


def check_in(
    card: RegistrationCard, scanner: str = "door 1", scanned_at: datetime | None = None
) -> CheckIn:
    return CheckIn(**_about(card), scanner=scanner, scanned_at=scanned_at)


def undo_check_in(card: RegistrationCard) -> UndoCheckIn:
    return UndoCheckIn(**_about(card), reason="wrong person", by="token-7")


def pass_on(event_id: UUID) -> PassOnSeats:
    return PassOnSeats(**new(), event_id=event_id)


async def change(house: House, event_id: UUID, **values: object) -> Command:
    """What an organiser sends who has just read the event."""
    (row,) = await house.rows("SELECT * FROM events WHERE id = $1", event_id)
    names = [name for name in EventDetails.model_fields if name != "starts_at"]
    details = {name: row[name] for name in names} | {"starts_at": row["date_time"]} | values
    return ChangeEvent(
        **new(),
        event_id=event_id,
        expected_version=row["version"],
        details=EventDetails.model_validate(details),
    )


async def tend(house: QuietHouse) -> list[str]:
    """A tick of the scheduler and all commands that come of it, by their names."""
    now = house.clock.now()
    stored = await house.carry_out(TendEvents(**new(), due_at=now))
    found = []
    for said in stored.messages:
        name = said.subject.split(".")[1]
        found.append(name)
        if name == "pass-on-seats":
            await house.carry_out(PassOnSeats.model_validate_json(said.body))
    return found


async def enter(house: QuietHouse, event_id: UUID, person: int) -> RegistrationCard:
    """The seat or the place in line that this person has just got."""
    result = (await house.carry_out(claim_seat(event_id, person))).result
    assert isinstance(result, SeatClaimed | WaitingListed)
    return result.registration


async def prove(house: QuietHouse, person: int, email: str) -> None:
    """Until linking exists, this is how somebody has proven an address."""
    await house.rows(
        "UPDATE users SET email = $1 WHERE telegram_id = $2", email, int(chat(person).chat_id)
    )
