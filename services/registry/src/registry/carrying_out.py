"""One transaction: lock, look who was answered before, decide, write, remember."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    AddRegistration,
    CancelEvent,
    CancellationRefused,
    CancelMessage,
    CancelRegistration,
    ChangeEvent,
    ChangePreferences,
    CheckIn,
    ClaimRefused,
    ClaimSeat,
    Command,
    CreateEvent,
    CreateToken,
    CreateWebhook,
    DeleteWebhook,
    DisownLink,
    DropTransfer,
    FeedMessages,
    FinishEvent,
    ForgetPerson,
    MoveIdentity,
    MoveRegistration,
    NoteReachability,
    OfferRefused,
    OfferTransfer,
    PassOnSeats,
    PauseMessage,
    ProveEmail,
    ReplayWebhook,
    RequestCode,
    ResendTicket,
    ResumeMessage,
    RevokeToken,
    SendDueReminders,
    SendMessage,
    SweepInvariants,
    TendEvents,
    TendPeople,
    TransferRefused,
    UndoCheckIn,
    Unlink,
)
from contracts.commands import AboutEvent
from registry import (
    access_commands,
    event_commands,
    forget_commands,
    identity_commands,
    link_commands,
    organiser_commands,
    preference_commands,
    proof_commands,
    purging,
    reach_commands,
    seat_commands,
    tick_commands,
    transfer_commands,
)
from registry.book import Book
from registry.book_store import read_known, write_book
from registry.event_store import lock_event
from registry.journal import find_handled, lock_command, remember
from registry.messages import commands as messages
from registry.results import Newest, Result, SeatsPassedOn, Stored, WriteRefused, answer
from registry.rules import Event
from registry.work import Work
from runtime.faults import crash_point

ABOUT_EVENTS: dict[type[AboutEvent], Callable[[Book, Any], Result]] = {
    ClaimSeat: seat_commands.claim_seat,
    AcceptOffer: seat_commands.accept_offer,
    CancelRegistration: seat_commands.cancel_registration,
    OfferTransfer: transfer_commands.offer_transfer,
    AcceptTransfer: transfer_commands.accept_transfer,
    DropTransfer: transfer_commands.drop_transfer,
    AddRegistration: organiser_commands.add_registration,
    MoveRegistration: organiser_commands.move_registration,
    ResendTicket: organiser_commands.resend_ticket,
    CheckIn: organiser_commands.check_in,
    UndoCheckIn: organiser_commands.undo_check_in,
    CreateEvent: event_commands.create_event,
    ChangeEvent: event_commands.change_event,
    CancelEvent: event_commands.cancel_event,
    FinishEvent: event_commands.finish_event,
    PassOnSeats: event_commands.pass_on_seats,
}
"""Decided in memory, many in one transaction."""

OTHERS: dict[type[Command], Callable[[Work, Any], Awaitable[Stored]]] = {
    SendDueReminders: tick_commands.send_due_reminders,
    TendEvents: tick_commands.tend_events,
    SweepInvariants: tick_commands.sweep_invariants,
    CreateToken: access_commands.create_token,
    RevokeToken: access_commands.revoke_token,
    CreateWebhook: access_commands.create_webhook,
    DeleteWebhook: access_commands.delete_webhook,
    ReplayWebhook: access_commands.replay_webhook,
    ChangePreferences: preference_commands.change_preferences,
    RequestCode: proof_commands.request_code,
    ProveEmail: proof_commands.prove_email,
    Unlink: link_commands.unlink,
    DisownLink: link_commands.disown_link,
    MoveIdentity: identity_commands.move_identity,
    ForgetPerson: forget_commands.forget_person,
    TendPeople: purging.tend_people,
    NoteReachability: reach_commands.note_reachability,
    SendMessage: messages.send_message,
    PauseMessage: messages.pause_message,
    ResumeMessage: messages.resume_message,
    CancelMessage: messages.cancel_message,
    FeedMessages: messages.feed_messages,
}
"""Each in a transaction of its own."""

_NO_EVENT: dict[type[AboutEvent], Result] = {
    ClaimSeat: ClaimRefused(reason="unknown-event"),
    AcceptOffer: OfferRefused(reason="not-yours"),
    CancelRegistration: CancellationRefused(reason="not-yours"),
    OfferTransfer: TransferRefused(reason="not-yours"),
    AcceptTransfer: TransferRefused(reason="not-offered"),
    DropTransfer: TransferRefused(reason="not-offered"),
    PassOnSeats: SeatsPassedOn(),
}
"""What is answered when there is no such event; organisers hear that it is unknown."""

_BY_NAME = {kind.subject.split(".")[1]: kind for kind in (*ABOUT_EVENTS, *OTHERS)}


def decode(subject: str, body: bytes) -> Command:
    """The command behind a subject's second token.

    Raises:
        ValueError: no command of ours, or not in its form.
    """
    kind = _BY_NAME.get(subject.split(".")[1])
    if kind is None:
        raise ValueError("no such command")
    if b"\\u0000" in body:
        # The one character that PostgreSQL cannot keep.
        return kind.model_validate(_without_nul(json.loads(body)))
    return kind.model_validate_json(body)


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {name: _without_nul(inner) for name, inner in value.items()}
        case list():
            return [_without_nul(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command."""

    stored: Stored
    is_new: bool
    """False when it had been carried out before."""


async def carry_out(commands: Sequence[Command], work: Work) -> list[Done]:
    """Carry out commands that share an event, or one command that is about none.

    Everything happens in the one transaction; whatever fails, nothing is done of any of them.

    Raises:
        Raced: the same was done elsewhere at the same moment; look again.
    """
    event_id = getattr(commands[0], "event_id", None)
    if event_id is None:
        (command,) = commands
        return [await _alone(command, work)]
    return await _together(cast(Sequence[AboutEvent], commands), event_id, work)


async def _together(commands: Sequence[AboutEvent], event_id: UUID, work: Work) -> list[Done]:
    connection, now = work.connection, work.now
    event = await lock_event(connection, event_id)
    # Read after the lock: the same command on another replica has either committed by now, and is
    # found, or waits behind this batch.
    handled = await find_handled(connection, commands, work.tickets)
    new = {command.id: command for command in commands if command.id not in handled}
    if new:
        known = await read_known(
            connection, event, list(new.values()), now, proof_by_email=work.proof_by_email
        )
        book = Book(event, known, now, work.tickets)
        outcomes = [(command, _decide(book, command)) for command in new.values()]
        await write_book(connection, book)
        await remember(connection, outcomes, now)
        handled |= {command.id: stored for command, stored in outcomes}
    crash_point("registry.before-commit")
    first = set(new)
    done = []
    for command in commands:
        done.append(Done(handled[command.id], is_new=command.id in first))
        first.discard(command.id)
    return done


def _decide(book: Book, command: AboutEvent) -> Stored:
    kind = type(command)
    before = book.event if book.exists else None
    if book.exists or kind is CreateEvent:
        result = ABOUT_EVENTS[kind](book, command)
    else:
        result = _NO_EVENT.get(kind) or WriteRefused(reason="unknown-event")
    return Stored(
        result=result,
        newest=_newest(before, book.event) if before is not None else (),
        messages=answer(command, result, book.now) + book.owed(),
    )


def _newest(before: Event, after: Event) -> tuple[Newest, ...]:
    """What makes older notices untrue: another start, or the end of it all.

    Not any change: nothing takes the place of a reminder that a corrected typo would stop.
    """
    called_off = after.status == "cancelled" != before.status
    if called_off or after.start_version != before.start_version:
        return (Newest(of=after.id, version=after.version),)
    return ()


async def _alone(command: Command, work: Work) -> Done:
    await lock_command(work.connection, command.id)
    if stored := (await find_handled(work.connection, [command], work.tickets)).get(command.id):
        return Done(stored, is_new=False)
    stored = await OTHERS[type(command)](work, command)
    await remember(work.connection, [(command, stored)], work.now)
    crash_point("registry.before-commit")
    return Done(stored, is_new=True)
