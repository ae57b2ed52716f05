"""What every message carries."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from contracts.model import Value


class Message(Value):
    """The unit of work, of retry, of test and of trace.

    `subject` is the literal pattern in one place; `route` fills in the keys.
    """

    subject: ClassVar[str]

    version: int = 1
    id: UUID
    """Derived from the cause, never random where there is one; also the `Nats-Msg-Id`."""
    occurred_at: AwareDatetime
    correlation_id: UUID
    """The id of the inbound message or API call that began it all."""

    def route(self) -> str:
        """The full subject that this message is published at."""
        return self.subject
