"""What commands are carried out with, beside themselves."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from registry.proof_codes import ProofCodes
from registry.tickets import Tickets

RETENTION_DAYS = 730
"""Where nothing else is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One transaction."""

    connection: AsyncConnection
    now: datetime
    """Business time."""
    tickets: Tickets
    codes: ProofCodes
    proof_by_email: bool
    """Codes can be sent to mailboxes, so a seat is held until the person has proven an address."""
    retention_days: int = RETENTION_DAYS
    """People who have had nothing to do with us for so long are forgotten."""
