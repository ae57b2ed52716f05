"""One chat as it is stored: state and what it owes are one write."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts import CancelRegistration, ClaimSeat, OutboundMessage
from contracts.model import Value
from conversation.dialogue import Owed, State

SEEN_MAX = 256
SEEN_AGE_MAX = timedelta(days=8)
"""As long as any stream keeps what could come again."""
SEEN_MIN = 32
"""Remembered even when the document is short of room; Telegram holds back at most one per chat."""
DOCUMENT_BYTES_MAX = 64 * 1024
PUBLISHED_AGAIN_MAX = timedelta(minutes=20)
"""Until then the streams know an id again (their window is 30 minutes) and swallow the copy."""


class Seen(Value):
    """An input that has been taken into the state."""

    id: UUID
    at: AwareDatetime


class _Say(Value):
    kind: Literal["say"] = "say"
    message: OutboundMessage


class _Claim(Value):
    kind: Literal["claim"] = "claim"
    message: ClaimSeat


class _Cancel(Value):
    kind: Literal["cancel"] = "cancel"
    message: CancelRegistration


_Owed = Annotated[_Say | _Claim | _Cancel, Field(discriminator="kind")]


class ChatDocument(Value):
    """The document of one chat. It evolves by addition: every version ever written must parse."""

    version: int = 1
    state: State
    seen: tuple[Seen, ...] = ()
    """The last inputs, the newest last."""
    owed: dict[UUID, tuple[_Owed, ...]] = Field(default_factory=dict)
    """What each of the last inputs brought about, under the input's id."""

    def has_seen(self, input_id: UUID) -> bool:
        """Whether this input is in the state already."""
        return any(seen.id == input_id for seen in self.seen)

    def owed_for(self, input_id: UUID) -> tuple[Owed, ...]:
        """What is to be published for this input, in order."""
        return tuple(entry.message for entry in self.owed.get(input_id, ()))

    def pending(self, now: datetime) -> dict[UUID, tuple[Owed, ...]]:
        """What the last inputs owe and the streams would still know again.

        Older entries were published: a lane hands out the next input only after the last one was
        acknowledged, and that happens only after its publishes were.
        """
        recent = {seen.id for seen in self.seen if now - seen.at < PUBLISHED_AGAIN_MAX}
        return {input_id: self.owed_for(input_id) for input_id in self.owed if input_id in recent}

    def after(
        self, input_id: UUID, state: State, owed: tuple[Owed, ...], now: datetime
    ) -> "ChatDocument":
        """The document once this input is taken in; what earlier ones owed has been said."""
        seen = tuple(one for one in self.seen if one.id != input_id and now - one.at < SEEN_AGE_MAX)
        return ChatDocument(
            state=state,
            seen=(*seen, Seen(id=input_id, at=now))[-SEEN_MAX:],
            owed={input_id: tuple(_entry(message) for message in owed)},
        )

    def encoded(self) -> bytes:
        """The stored form; when it is short of room the oldest inputs are forgotten first.

        Raises:
            ValueError: it is too large even so, which the limits of the dialogue rule out.
        """
        document = self
        while len(body := document.model_dump_json().encode()) > DOCUMENT_BYTES_MAX:
            if len(document.seen) <= SEEN_MIN:
                raise ValueError(f"a chat's document has {len(body)} bytes")
            kept = max(SEEN_MIN, len(document.seen) // 2)
            document = document.model_copy(update={"seen": document.seen[-kept:]})
        return body


def _entry(message: Owed) -> _Say | _Claim | _Cancel:
    if isinstance(message, OutboundMessage):
        return _Say(message=message)
    return _Claim(message=message) if isinstance(message, ClaimSeat) else _Cancel(message=message)
