"""Telegram's updates as our messages (platforms.md A2, A3)."""

from datetime import datetime
from typing import Literal

from pydantic import ValidationError

from contracts import (
    Address,
    ChatBlocked,
    ChatUnblocked,
    ChoiceTapped,
    ContactShared,
    Content,
    InboundMessage,
    MediaSent,
    MessageEdited,
    OtherSent,
    ReactionSent,
    Sender,
    TextSaid,
    inbound_id,
)
from gateway.payload import (
    CHOICE_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    JsonObject,
    Unreadable,
    from_body,
    number_of,
    object_of,
    objects_of,
    text_of,
    time_of,
)
from gateway.reading import Reading

_MEDIA: dict[
    str, Literal["photo", "voice", "audio", "video", "document", "sticker", "location"]
] = {
    # An animation also carries a `document` for old clients, so it stands before it.
    "animation": "video",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
}

_OTHER = (
    "poll",
    "dice",
    "game",
    "story",
    "checklist",
    "invoice",
    "successful_payment",
    "users_shared",
    "chat_shared",
    "pinned_message",
    "web_app_data",
)
"""Contents of a message that we know of and have no use for."""

_UNUSED = (
    "edited_channel_post",
    "channel_post",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "poll",
    "poll_answer",
    "chat_member",
    "chat_join_request",
    "message_reaction_count",
    "business_connection",
    "business_message",
    "chat_boost",
    "removed_chat_boost",
)
"""Kinds of update that we know of and have no use for."""

_KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
    *_UNUSED,
)


def read(body: bytes, account: str, now: datetime) -> Reading:
    """Everything that one webhook of this bot says.

    Args:
        body: the raw body, already proven to be authentic.
        account: the bot's id.
        now: business time; also stands in for a time that Telegram does not tell.
    """
    reading = Reading()
    try:
        _Update(from_body(body), account, now).read_into(reading)
    except Unreadable as error:
        reading.unreadable.append(error.reason)
    except ValidationError:
        # Its text would print what was sent.
        reading.unreadable.append("a field is outside of the contract")
    return reading


class _Update:
    """One update, while it is being read."""

    def __init__(self, update: JsonObject, account: str, now: datetime) -> None:
        number = number_of(update, "update_id")
        if number is None:
            raise Unreadable("the update has no update_id")
        self._update = update
        self._account = account
        self._now = now
        self._id = inbound_id("telegram", account, str(number))

    def read_into(self, reading: Reading) -> None:
        """Put what the update says in its place."""
        kind = next((kind for kind in _KINDS if kind in self._update), "unknown")
        if kind in _UNUSED or kind == "unknown":
            reading.unused.append(kind)
            return
        source = object_of(self._update, kind)
        if kind == "message":
            self._add(reading, source, _said(source))
        elif kind == "edited_message":
            text = text_of(source, "text") or text_of(source, "caption")
            self._add(reading, source, MessageEdited(text=text), time_key="edit_date")
        elif kind == "callback_query":
            self._add_tap(reading, source)
        elif kind == "my_chat_member":
            self._add_membership(reading, source)
        else:
            self._add(reading, source, _reacted(source), sender_key="user")

    def _add(
        self,
        reading: Reading,
        source: JsonObject,
        content: Content,
        *,
        chat: JsonObject | None = None,
        sender_key: str = "from",
        time_key: str = "date",
    ) -> None:
        chat_id = number_of(object_of(source, "chat") if chat is None else chat, "id")
        if chat_id is None:
            raise Unreadable("there is no chat id")
        if chat_id < 0:
            # Groups and channels: a dialogue is between one person and us (platforms.md A3).
            reading.unused.append("group")
            return
        reading.add(
            InboundMessage(
                id=self._id,
                occurred_at=self._now,
                correlation_id=self._id,
                address=Address(platform="telegram", account=self._account, chat_id=str(chat_id)),
                sender=_sender(object_of(source, sender_key)),
                content=content,
                sent_at=time_of(source, time_key) or self._now,
            )
        )

    def _add_tap(self, reading: Reading, query: JsonObject) -> None:
        # Answered whatever it was, or the person's button would go on spinning.
        reading.callback_query_id = text_of(query, "id")
        message, choice_id = object_of(query, "message"), text_of(query, "data")
        if choice_id is None or not message:
            # A game's button, or one under an inline message: neither is ours.
            reading.unused.append("callback_query")
            return
        content = ChoiceTapped(
            choice_id=choice_id[:CHOICE_CHARACTERS_MAX],
            label=_label(message, choice_id),
        )
        # No time is told of a tap: the message's `date` is when we sent the buttons.
        self._add(reading, query, content, chat=object_of(message, "chat"))

    def _add_membership(self, reading: Reading, member: JsonObject) -> None:
        status = text_of(object_of(member, "new_chat_member"), "status")
        if status == "kicked":
            self._add(reading, member, ChatBlocked())
        elif status == "member":
            self._add(reading, member, ChatUnblocked())
        else:
            reading.unused.append("my_chat_member")


def _sender(person: JsonObject) -> Sender:
    names = (text_of(person, "first_name"), text_of(person, "last_name"))
    return Sender(
        name=" ".join(name for name in names if name) or None,
        username=text_of(person, "username"),
        language=text_of(person, "language_code"),
    )


def _said(message: JsonObject) -> Content:
    if text := text_of(message, "text"):
        return TextSaid(text=text[:TEXT_CHARACTERS_MAX])
    if phone := text_of(contact := object_of(message, "contact"), "phone_number"):
        # Anybody can send anybody's card; only the person's own carries the person's id.
        owner = number_of(contact, "user_id")
        own = owner is not None and owner == number_of(object_of(message, "from"), "id")
        return ContactShared(phone=phone, own=own)
    caption = text_of(message, "caption")
    if sizes := objects_of(message, "photo"):
        return MediaSent(media="photo", file_id=text_of(sizes[-1], "file_id"), caption=caption)
    for key, media in _MEDIA.items():
        if file := object_of(message, key):
            return MediaSent(media=media, file_id=text_of(file, "file_id"), caption=caption)
    return OtherSent(type=next((kind for kind in _OTHER if kind in message), "unknown"))


def _reacted(reaction: JsonObject) -> ReactionSent:
    chosen = objects_of(reaction, "new_reaction")
    return ReactionSent(emoji=text_of(chosen[-1], "emoji") if chosen else None)


def _label(message: JsonObject, choice_id: str) -> str | None:
    rows = object_of(message, "reply_markup").get("inline_keyboard")
    for row in rows if isinstance(rows, list) else ():
        for button in row if isinstance(row, list) else ():
            if isinstance(button, dict) and button.get("callback_data") == choice_id:
                return text_of(button, "text")
    return None
