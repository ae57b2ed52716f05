"""What a command that is about no event is carried out with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One transaction."""

    connection: AsyncConnection
    now: datetime
    """Business time."""
