"""A person has another number, or another business-scoped id (platforms.md B3).

A new number brings a new scoped id. It is told by a message of the type `system`, which names the
new ids and, since August 2026, the previous ones as well; by `from` or `from_user_id` as they were;
or only in its sentence. Earlier it was also announced as a change of the field `user_id_update`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts import ChatMoved, InboundMessage
from gateway.payload import JsonObject, id_of, object_of, text_of, time_of
from gateway.reading import Account
from gateway.whatsapp_people import chat_id_of, phone_in

UNCLEAR_MOVE = "move-unclear"
"""Counted when a change does not say from which id to which."""

_CHANGES = frozenset({"user_changed_number", "user_changed_user_id", "customer_changed_number"})
"""The last one is what `user_changed_number` was called before."""
_SENTENCE = re.compile(r".* changed from (\S+) to (\S+)", re.DOTALL)
"""Greedy, so that a name that reads like the sentence cannot pose as it."""

_SENTENCE_CHARACTERS_MAX = 1024
"""A name of 25 characters and two ids of 140 fit in."""


@dataclass(frozen=True, slots=True)
class Move:
    """From one id to another."""

    previous: str
    chat_id: str
    phone: str | None
    """The number from now on."""

    def heard(self, account: Account, message_id: UUID, sent_at: datetime | None) -> InboundMessage:
        """The move as what comes in under the new id.

        Raises:
            ValidationError: an id is longer than the contract allows.
        """
        # No `provider_id`: nobody wrote it, so there is nothing that could be marked as read.
        return account.heard(
            message_id,
            self.chat_id,
            {"phone": self.phone},
            ChatMoved(previous=self.previous),
            sent_at=sent_at,
            provider_id=None,
        )


def is_move(message: JsonObject) -> bool:
    """Whether the message tells of a new id."""
    return message.get("type") == "system" and _kind_of(message) in _CHANGES


def move_told_by_message(message: JsonObject) -> Move | None:
    """The move that a system message tells of, or None when it does not say from and to where."""
    system = object_of(message, "system")
    numbers = [id_of(system, key) for key in ("wa_id", "new_wa_id")]
    chat_id = chat_id_of(id_of(system, "user_id"), *numbers)
    previous = [
        id_of(system, "previous_user_id"),
        *(id_of(message, key) for key in ("from_user_id", "from")),
        _told_in_words(system, chat_id),
    ]
    return _move(previous, chat_id, phone=next(filter(None, map(phone_in, numbers)), None))


def moves_told_by(value: JsonObject) -> Iterator[tuple[Move, datetime | None] | None]:
    """The moves of a change of the field `user_id_update`; None for each that says too little."""
    listed = value.get("user_id_update")
    # Seen as a list beside `contacts`, and as the value itself.
    for item in listed if isinstance(listed, list) else (value,):
        update: JsonObject = item if isinstance(item, dict) else {}
        ids = object_of(update, "user_id")
        move = _move(
            [id_of(ids, "previous")],
            chat_id_of(id_of(ids, "current")),
            phone=phone_in(id_of(update, "wa_id")),
        )
        yield None if move is None else (move, time_of(update, "timestamp"))


def _kind_of(message: JsonObject) -> str | None:
    return text_of(object_of(message, "system"), "type")


def _told_in_words(system: JsonObject, chat_id: str | None) -> str | None:
    match = _SENTENCE.fullmatch(text_of(system, "body", _SENTENCE_CHARACTERS_MAX) or "")
    # The sentence holds the person's name: it is believed where it ends as the fields say.
    return match[1] if match and chat_id_of(match[2]) == chat_id else None


def _move(previous: list[str | None], chat_id: str | None, phone: str | None) -> Move | None:
    # The sender may be named by the new id already.
    was = chat_id_of(*(name for name in previous if chat_id_of(name) != chat_id))
    if was is None or chat_id is None:
        return None
    return Move(was, chat_id, phone)
