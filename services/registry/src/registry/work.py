"""What a command is carried out with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Command, CommandOutcome, Outcome, derived_id
from contracts.address import Address
from registry.rules import Event
from registry.tickets import Tickets


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One transaction: the event, locked, and what else a command needs."""

    connection: AsyncConnection
    event: Event | None
    """None when the command is about no event, or about one that does not exist."""
    now: datetime
    """Business time."""
    tickets: Tickets


def answer(command: Command, address: Address, outcome: Outcome, now: datetime) -> CommandOutcome:
    """The answer to the chat that a command came from."""
    return CommandOutcome(
        id=derived_id(command.id, "outcome"),
        occurred_at=now,
        correlation_id=command.correlation_id,
        address=address,
        command_id=command.id,
        outcome=outcome,
    )
