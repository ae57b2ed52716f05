"""Claiming a seat and giving it back."""

from typing import Literal
from uuid import UUID

from contracts import (
    CancellationRefused,
    CancelRegistration,
    ClaimRefused,
    ClaimSeat,
    RegistrationCancelled,
    RegistrationCard,
    RegistrationConfirmed,
    RegistrationReleased,
    SeatClaimed,
    derived_id,
)
from registry import notice_store, people, registration_store, rules
from registry.event_store import take_seats
from registry.journal import write_audit
from registry.results import Said, Stored
from registry.rules import Event, Seat
from registry.work import Work, answer


async def claim_seat(work: Work, command: ClaimSeat) -> Stored:
    """Somebody wants a seat: they get one, have one already, or are told why not."""
    # The one character that PostgreSQL cannot keep.
    command = command.model_copy(
        update={
            "name": command.name.replace("\0", ""),
            "email_claimed": command.email_claimed.replace("\0", ""),
        }
    )
    person = await people.find_person(work.connection, command.address)
    own = await registration_store.find_own_seat(work.connection, command.event_id, person)
    decision = rules.claim(work.event, own, work.now)
    if decision == "seat" and work.event is not None:
        return await _give_seat(work, command, work.event)
    outcome: SeatClaimed | ClaimRefused
    if decision == "already" and work.event is not None and own is not None:
        outcome = SeatClaimed(registration=_card(own, work.event), already=True)
    else:
        assert decision not in ("seat", "already"), "a seat needs an event"
        # A draft is nobody's business yet, not even its title.
        shown = work.event if decision != "draft" else None
        outcome = ClaimRefused(reason=decision, event=shown.card() if shown else None)
    return Stored(
        result=outcome,
        messages=(Said.of(answer(command, command.address, outcome, work.now)),),
    )


async def _give_seat(work: Work, command: ClaimSeat, event: Event) -> Stored:
    registration_id = derived_id(command.id, "registration")
    seat = Seat(
        id=registration_id,
        user_id=await people.know_person(work.connection, command, work.now),
        status="confirmed",
        name=command.name,
        # Some microseconds of arithmetic; nothing that waits is done under the lock.
        ticket=work.tickets.issue(registration_id),
    )
    await registration_store.insert_seat(
        work.connection, seat, event_id=event.id, via=command.registered_via, now=work.now
    )
    event = await take_seats(work.connection, event, 1)
    await notice_store.plan_for_seat(work.connection, event, seat.id, work.now)
    await write_audit(
        work.connection,
        command,
        work.now,
        actor="participant",
        channel=command.address.platform,
        action="seat-claimed",
        event_id=event.id,
        registration_id=seat.id,
        user_id=seat.user_id,
        after={"status": seat.status, "taken": event.taken},
    )
    outcome = SeatClaimed(registration=_card(seat, event))
    confirmed = RegistrationConfirmed(
        id=derived_id(command.id, 1),
        occurred_at=work.now,
        correlation_id=command.correlation_id,
        registration_id=seat.id,
        event_id=event.id,
    )
    return Stored(
        result=outcome,
        messages=(
            Said.of(answer(command, command.address, outcome, work.now)),
            Said.of(confirmed),
        ),
    )


async def cancel_registration(work: Work, command: CancelRegistration) -> Stored:
    """Somebody gives a seat back, or an organiser takes it back."""
    seat = await registration_store.find_seat(
        work.connection, command.event_id, command.registration_id
    )
    asker: UUID | Literal["organiser"] | None = (
        "organiser"
        if command.address is None
        else await people.find_person(work.connection, command.address)
    )
    decision = rules.release(work.event, seat, asker, work.now)
    facts: tuple[Said, ...] = ()
    outcome: RegistrationReleased | CancellationRefused
    if decision in ("release", "already") and work.event is not None and seat is not None:
        event = work.event
        if decision == "release":
            event = await _release(work, command, event, seat)
            facts = (Said.of(_cancelled(work, command)),)
        outcome = RegistrationReleased(
            registration_id=seat.id, event=event.card(), already=decision == "already"
        )
    else:
        assert decision in ("not-yours", "started"), "a seat to release needs an event"
        shown = work.event if decision == "started" else None
        outcome = CancellationRefused(reason=decision, event=shown.card() if shown else None)
    told = (
        (Said.of(answer(command, command.address, outcome, work.now)),) if command.address else ()
    )
    return Stored(result=outcome, messages=told + facts)


async def _release(work: Work, command: CancelRegistration, event: Event, seat: Seat) -> Event:
    await registration_store.release_seat(work.connection, seat, work.now)
    event = await take_seats(work.connection, event, -1)
    await notice_store.forget_seat(work.connection, seat.id)
    await write_audit(
        work.connection,
        command,
        work.now,
        actor="participant" if command.address else "organiser",
        channel=command.address.platform if command.address else "api",
        action="seat-released",
        event_id=event.id,
        registration_id=seat.id,
        user_id=seat.user_id,
        before={"status": seat.status},
        after={"status": "cancelled", "taken": event.taken},
    )
    return event


def _cancelled(work: Work, command: CancelRegistration) -> RegistrationCancelled:
    return RegistrationCancelled(
        id=derived_id(command.id, 1),
        occurred_at=work.now,
        correlation_id=command.correlation_id,
        registration_id=command.registration_id,
        event_id=command.event_id,
    )


def _card(seat: Seat, event: Event) -> RegistrationCard:
    return RegistrationCard(
        id=seat.id,
        event=event.card(),
        status="confirmed",
        ticket=seat.ticket,
        name=seat.name,
    )
