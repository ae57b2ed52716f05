"""Telegram's updates as our messages (platforms.md A2, A3)."""

from datetime import datetime

from pydantic import ValidationError

from contracts import ChatBlocked, ChatUnblocked, ChoiceTapped, Content, inbound_id
from gateway.payload import (
    CHOICE_CHARACTERS_MAX,
    JsonObject,
    Unreadable,
    from_body,
    id_of,
    number_of,
    object_of,
    text_of,
    time_of,
)
from gateway.reading import GROUP, UNKNOWN, Account, Reading
from gateway.telegram_content import edited, is_service, label_of, reacted, said

GROUP_MIGRATED = "group-migrated"
"""A group has another id now."""
SERVICE = "service"
"""Telegram's own note of something that happened in the chat: nobody said it."""

_UNUSED = (
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
    "managed_bot",
    "subscription",
    "stopped_message_generation",
)
"""Kinds of update that we know of and have no use for (Bot API 10.3, `Update`)."""

_KINDS = (
    "message",
    "callback_query",
    "edited_message",
    "my_chat_member",
    "message_reaction",
    *_UNUSED,
)

COUNTED_KINDS = frozenset({*_KINDS, GROUP, GROUP_MIGRATED, SERVICE, UNKNOWN})
"""Every kind that a reading may name as unused."""

_MIGRATION_KEYS = ("migrate_to_chat_id", "migrate_from_chat_id")


def read(body: bytes, account: str, now: datetime) -> Reading:
    """Everything that one webhook of this bot says.

    Args:
        body: the raw body, already proven to be authentic.
        account: the bot's id.
        now: business time; also stands in for a time that Telegram does not tell.
    """
    reading = Reading()
    try:
        _Update(from_body(body), Account("telegram", account, now)).read_into(reading)
    except Unreadable as error:
        reading.unreadable.append(error.reason)
    except ValidationError:
        # Its text would print what was sent.
        reading.unreadable.append("a field is outside of the contract")
    return reading


class _Update:
    """One update, while it is being read."""

    def __init__(self, update: JsonObject, account: Account) -> None:
        number = number_of(update, "update_id")
        if number is None:
            raise Unreadable("the update has no update_id")
        self._update = update
        self._account = account
        self._id = inbound_id("telegram", account.id, str(number))

    def read_into(self, reading: Reading) -> None:
        """Put what the update says in its place."""
        kind = next((kind for kind in _KINDS if kind in self._update), UNKNOWN)
        source = object_of(self._update, kind)
        if kind == "message":
            self._add_message(reading, source)
        elif kind == "callback_query":
            self._add_tap(reading, source)
        elif kind == "edited_message":
            # An edit has no id of its own.
            self._add(reading, source, edited(source), time_key="edit_date")
        elif kind == "my_chat_member":
            self._add_membership(reading, source)
        elif kind == "message_reaction":
            self._add(reading, source, reacted(source), sender_key="user")
        else:
            reading.unused.append(kind)

    def _add_message(self, reading: Reading, message: JsonObject) -> None:
        if any(key in message for key in _MIGRATION_KEYS):
            reading.unused.append(GROUP_MIGRATED)
        elif is_service(message):
            reading.unused.append(SERVICE if _is_private(message) else GROUP)
        else:
            number = number_of(message, "message_id")
            provider_id = None if number is None else str(number)
            self._add(reading, message, said(message), provider_id=provider_id)

    def _add_tap(self, reading: Reading, query: JsonObject) -> None:
        # Answered whatever it was, or the person's button would go on spinning.
        reading.callback_query_id = id_of(query, "id")
        message = object_of(query, "message")
        choice_id = text_of(query, "data", CHOICE_CHARACTERS_MAX)
        if choice_id is None or not message:
            # A game's button, or one under an inline message: neither is ours.
            reading.unused.append("callback_query")
            return
        content = ChoiceTapped(choice_id=choice_id, label=label_of(message, choice_id))
        # No time is told of a tap: the message's `date` is when we sent the buttons, and nothing
        # at all when it is too old to be shown (InaccessibleMessage).
        self._add(reading, query | {"chat": message.get("chat")}, content)

    def _add_membership(self, reading: Reading, member: JsonObject) -> None:
        status = text_of(object_of(member, "new_chat_member"), "status")
        if status == "kicked":
            self._add(reading, member, ChatBlocked())
        elif status == "member":
            self._add(reading, member, ChatUnblocked())
        else:
            reading.unused.append("my_chat_member")

    def _add(
        self,
        reading: Reading,
        source: JsonObject,
        content: Content,
        *,
        sender_key: str = "from",
        time_key: str = "date",
        provider_id: str | None = None,
    ) -> None:
        chat_id = number_of(object_of(source, "chat"), "id")
        if chat_id is None or chat_id == 0:
            raise Unreadable("there is no chat id")
        if not _is_private(source):
            reading.unused.append(GROUP)
            return
        reading.add(
            self._account.heard(
                self._id,
                str(chat_id),
                _sender(object_of(source, sender_key)),
                content,
                sent_at=time_of(source, time_key),
                provider_id=provider_id,
            )
        )


def _is_private(source: JsonObject) -> bool:
    """Whether it is between one person and us; groups' and channels' ids are negative."""
    chat = object_of(source, "chat")
    chat_id = number_of(chat, "id")
    return chat_id is not None and chat_id > 0 and chat.get("type", "private") == "private"


def _sender(person: JsonObject) -> dict[str, str | None]:
    first, last = text_of(person, "first_name"), text_of(person, "last_name")
    return {
        "name": f"{first} {last}" if first and last else first or last,
        "username": text_of(person, "username"),
        "language": text_of(person, "language_code"),
    }
