"""One chat as it is stored: state and what it owes are one write."""

from collections.abc import Callable, Container
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts import (
    AcceptOffer,
    AcceptTransfer,
    CancelRegistration,
    ChangePreferences,
    ClaimSeat,
    DisownLink,
    DropTransfer,
    ForgetPerson,
    OutboundMessage,
    ProveEmail,
    RequestCode,
    Unlink,
)
from contracts.model import Value
from conversation.dialogue import Owed, State
from conversation.seen import SeenInputs

SEEN_MIN = 32
"""Remembered even when the document is short of room; Telegram holds back at most one per chat."""
DOCUMENT_BYTES_MAX = 64 * 1024
CLOCKS_DIFFER = timedelta(seconds=5)
"""What was heard is told with the platform's time, and a wish to be forgotten with ours: what was
said just before it must not pass for something that came after it."""
PUBLISHED_AGAIN_MAX = timedelta(minutes=20)
"""Until then the streams know an id again (their window is 30 minutes) and swallow the copy."""


class _Say(Value):
    kind: Literal["say"] = "say"
    message: OutboundMessage


class _Claim(Value):
    kind: Literal["claim"] = "claim"
    message: ClaimSeat


class _Cancel(Value):
    kind: Literal["cancel"] = "cancel"
    message: CancelRegistration


class _Accept(Value):
    kind: Literal["accept"] = "accept"
    message: AcceptOffer


class _AcceptTransfer(Value):
    kind: Literal["accept-transfer"] = "accept-transfer"
    message: AcceptTransfer


class _DropTransfer(Value):
    kind: Literal["drop-transfer"] = "drop-transfer"
    message: DropTransfer


class _ChangePreferences(Value):
    kind: Literal["change-preferences"] = "change-preferences"
    message: ChangePreferences


class _RequestCode(Value):
    kind: Literal["request-code"] = "request-code"
    message: RequestCode


class _ProveEmail(Value):
    kind: Literal["prove-email"] = "prove-email"
    message: ProveEmail


class _Unlink(Value):
    kind: Literal["unlink"] = "unlink"
    message: Unlink


class _DisownLink(Value):
    kind: Literal["disown-link"] = "disown-link"
    message: DisownLink


class _ForgetPerson(Value):
    kind: Literal["forget-person"] = "forget-person"
    message: ForgetPerson


_Entry = (
    _Say
    | _Claim
    | _Cancel
    | _Accept
    | _AcceptTransfer
    | _DropTransfer
    | _ChangePreferences
    | _RequestCode
    | _ProveEmail
    | _Unlink
    | _DisownLink
    | _ForgetPerson
)
_Owed = Annotated[_Entry, Field(discriminator="kind")]


class ChatDocument(Value):
    """The document of one chat. It evolves by addition: every version ever written must parse."""

    version: int = 1
    state: State
    seen: str = ""
    """The last inputs, as `SeenInputs` packs them."""
    owed: dict[UUID, tuple[_Owed, ...]] = Field(default_factory=dict)
    """What each of the last inputs brought about, under the input's id."""
    moved_to: str | None = None
    """The chat has another id now; everything of it is to be found there."""
    left_at: AwareDatetime | None = None
    """Since then the person does not have this number any more; later others may."""
    begun_at: AwareDatetime | None = None
    """Nothing in it is older; None: written by a release before this was noted."""

    def has_seen(self, input_id: UUID) -> bool:
        """Whether this input is in the state already."""
        return input_id in SeenInputs.unpacked(self.seen)

    def owed_for(self, input_id: UUID) -> tuple[Owed, ...]:
        """What is to be published for this input, in order."""
        return tuple(entry.message for entry in self.owed.get(input_id, ()))

    def pending(
        self, now: datetime, published: Container[UUID] = ()
    ) -> dict[UUID, tuple[Owed, ...]]:
        """What the last inputs owe and the streams would still know again.

        `published` are inputs of which it is known already that what they owe has been said.

        Older entries were published: a lane hands out the next input only after the last one was
        acknowledged, and that happens only after its publishes were.
        """
        unsure = [input_id for input_id in self.owed if input_id not in published]
        if not unsure:
            return {}
        seen = SeenInputs.unpacked(self.seen)
        return {
            input_id: self.owed_for(input_id)
            for input_id in unsure
            if (at := seen.taken_in_at(input_id)) and now - at < PUBLISHED_AGAIN_MAX
        }

    def after(
        self, input_id: UUID, state: State, owed: tuple[Owed, ...], now: datetime
    ) -> "ChatDocument":
        """The document once this input is taken in; what earlier ones owed has been said."""
        return ChatDocument(
            state=state,
            seen=SeenInputs.unpacked(self.seen).and_also(input_id, now).packed(),
            owed={input_id: tuple(_entry(message) for message in owed)},
            begun_at=self.begun_at,
        )

    def begun(self, at: datetime) -> "ChatDocument":
        """The same, where nothing in it is older than that."""
        return self.model_copy(update={"begun_at": at})

    def since(self, at: datetime) -> "ChatDocument | None":
        """What may stay of it when the person wished to be forgotten at that time: this document if
        all of it is from later, a fresh one if they have come back; None: nothing.
        """
        began_at, heard_at = self.begun_at, self.state.heard_at
        if began_at is not None and began_at >= at:
            # Begun at that very moment, it is what was left by the wish itself.
            is_somebody_s = self.moved_to is not None or began_at > at or heard_at is not None
            return self if is_somebody_s else None
        if self.moved_to is not None or heard_at is None or heard_at <= at + CLOCKS_DIFFER:
            return None
        known = self.state
        fresh = State(
            language=known.language,
            language_chosen=known.language_chosen,
            heard_at=known.heard_at,
            pace_at=known.pace_at,
            flooded=known.flooded,
        )
        return ChatDocument(state=fresh, seen=self.seen, begun_at=at)

    def moved(self, chat_id: str, left_at: datetime | None = None) -> "ChatDocument":
        """The same document as an alias; whoever reads it goes on at the other id."""
        return self.model_copy(update={"moved_to": chat_id, "left_at": left_at})

    def arrived(self) -> "ChatDocument":
        """The document at its new id."""
        return self.model_copy(update={"moved_to": None, "left_at": None})

    def emptied(self) -> "ChatDocument":
        """The alias once the document has arrived: nothing old may be taken from it again."""
        return ChatDocument(
            state=State(), moved_to=self.moved_to, left_at=self.left_at, begun_at=self.begun_at
        )

    @property
    def is_emptied(self) -> bool:
        """Whether it is nothing but a forwarding address."""
        return self.moved_to is not None and self == self.emptied()

    def encoded(self) -> bytes:
        """The stored form; when it is short of room the oldest inputs are forgotten first.

        Raises:
            ValueError: it is too large even so, which the limits of the dialogue rule out.
        """
        document = self
        while len(body := document.model_dump_json().encode()) > DOCUMENT_BYTES_MAX:
            seen = SeenInputs.unpacked(document.seen)
            if len(seen) <= SEEN_MIN:
                raise ValueError(f"a chat's document has {len(body)} bytes")
            fewer = seen.newest(max(SEEN_MIN, len(seen) // 2))
            document = document.model_copy(update={"seen": fewer.packed()})
        return body


_ENTRIES: dict[type[Owed], Callable[..., _Entry]] = {
    OutboundMessage: _Say,
    ClaimSeat: _Claim,
    CancelRegistration: _Cancel,
    AcceptOffer: _Accept,
    AcceptTransfer: _AcceptTransfer,
    DropTransfer: _DropTransfer,
    ChangePreferences: _ChangePreferences,
    RequestCode: _RequestCode,
    ProveEmail: _ProveEmail,
    Unlink: _Unlink,
    DisownLink: _DisownLink,
    ForgetPerson: _ForgetPerson,
}


def _entry(message: Owed) -> _Entry:
    return _ENTRIES[type(message)](message=message)
