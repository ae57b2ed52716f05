"""What a person said on WhatsApp, by the type of the message (platforms.md B3)."""

from collections.abc import Callable
from typing import Literal

from contracts import (
    ChoiceTapped,
    ContactShared,
    Content,
    MediaSent,
    MessageEdited,
    MessageRevoked,
    OtherSent,
    ReactionSent,
    TextSaid,
)
from gateway.payload import (
    CHOICE_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    JsonObject,
    Unreadable,
    object_of,
    objects_of,
    text_of,
    type_name,
)

_MEDIA: dict[
    str, Literal["photo", "voice", "audio", "video", "document", "sticker", "location"]
] = {
    "image": "photo",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
}


def content_of(message: JsonObject, sender_phone: str | None) -> Content:
    """The content of one message.

    Args:
        message: one of `messages[]`.
        sender_phone: the sender's number in digits, to tell the person's own contact card.

    Raises:
        Unreadable: it lacks what its type promises.
    """
    kind = text_of(message, "type") or "unknown"
    detail = object_of(message, kind)
    if kind in _MEDIA:
        return _sent(kind, detail)
    if kind == "contacts":
        return _shared(message, sender_phone)
    if reader := _READERS.get(kind):
        return reader(detail)
    return OtherSent(type=type_name(kind))


def _said(text: JsonObject) -> Content:
    body = text_of(text, "body")
    if body is None:
        raise Unreadable("a text has no body")
    return TextSaid(text=body[:TEXT_CHARACTERS_MAX])


def _answered(interactive: JsonObject) -> Content:
    kind = text_of(interactive, "type")
    if kind not in ("button_reply", "list_reply"):
        # A flow's form, a call permission, or nothing at all beside `errors`.
        return OtherSent(type=type_name(kind or "interactive"))
    reply = object_of(interactive, kind)
    return _tapped(text_of(reply, "id"), text_of(reply, "title"))


def _quickly_replied(button: JsonObject) -> Content:
    # A button of a template; without a payload its text is all that there is.
    text = text_of(button, "text")
    return _tapped(text_of(button, "payload") or text, text)


def _tapped(choice_id: str | None, label: str | None) -> Content:
    if choice_id is None:
        raise Unreadable("a tap does not say on what")
    return ChoiceTapped(choice_id=choice_id[:CHOICE_CHARACTERS_MAX], label=label)


def _sent(kind: str, file: JsonObject) -> Content:
    spoken = kind == "audio" and file.get("voice") is True
    return MediaSent(
        media="voice" if spoken else _MEDIA[kind],
        file_id=text_of(file, "id"),
        caption=text_of(file, "caption"),
    )


def _shared(message: JsonObject, sender_phone: str | None) -> Content:
    for card in objects_of(message, "contacts"):
        for phone in objects_of(card, "phones"):
            account = text_of(phone, "wa_id")
            number = account or text_of(phone, "phone")
            if number is None:
                continue
            # The person's own: given on our request, or with the number that they write from.
            asked_for = "contact_request" in (card.get("origin"), message.get("origin"))
            own = asked_for or (account is not None and account == sender_phone)
            return ContactShared(phone=number, own=own)
    return OtherSent(type="contacts")


def _reacted(reaction: JsonObject) -> Content:
    return ReactionSent(emoji=text_of(reaction, "emoji"))


def _edited(edit: JsonObject) -> Content:
    return MessageEdited(text=text_of(object_of(object_of(edit, "message"), "text"), "body"))


def _revoked(_revoke: JsonObject) -> Content:
    return MessageRevoked()


def _changed(system: JsonObject) -> Content:
    return OtherSent(type=type_name(text_of(system, "type")))


_READERS: dict[str, Callable[[JsonObject], Content]] = {
    "text": _said,
    "interactive": _answered,
    "button": _quickly_replied,
    "reaction": _reacted,
    "edit": _edited,
    "revoke": _revoked,
    "system": _changed,
}
