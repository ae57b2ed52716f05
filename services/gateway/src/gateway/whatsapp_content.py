"""What a person said on WhatsApp, by the type of the message (platforms.md B3)."""

import re
from collections.abc import Callable
from typing import Literal

from pydantic_core import from_json

from contracts import (
    ChoiceTapped,
    ContactShared,
    Content,
    FormSent,
    LocationSent,
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
    decimal_of,
    id_of,
    object_of,
    objects_of,
    plain_values,
    text_of,
    type_name,
)

FORM_FIELDS_MAX = 64
"""A flow has at most a few dozen."""
FORM_CHARACTERS_MAX = 64 * 1024
"""Of all its answers; a longer form is cut, and counts as one that cannot be read."""

_MEDIA: dict[str, Literal["photo", "voice", "audio", "video", "document", "sticker"]] = {
    "image": "photo",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
}

_NO_DIGIT = re.compile(r"[^0-9]")


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
    if reader := _READERS.get(kind):
        return reader(detail)
    if kind in _MEDIA:
        return _sent(kind, detail)
    if kind == "contacts":
        return _shared(message, sender_phone)
    return OtherSent(type=type_name(kind))


def _said(text: JsonObject) -> Content:
    body = text_of(text, "body", TEXT_CHARACTERS_MAX)
    if body is None:
        raise Unreadable("a text has no body")
    return TextSaid(text=body)


def _answered(interactive: JsonObject) -> Content:
    kind = text_of(interactive, "type")
    if kind == "nfm_reply":
        return _filled_in(object_of(interactive, kind))
    if kind not in ("button_reply", "list_reply"):
        # A call permission, or nothing at all beside `errors`.
        return OtherSent(type=type_name(kind or "interactive"))
    reply = object_of(interactive, kind)
    return _tapped(text_of(reply, "id", CHOICE_CHARACTERS_MAX), text_of(reply, "title"))


def _filled_in(reply: JsonObject) -> Content:
    written = text_of(reply, "response_json", FORM_CHARACTERS_MAX)
    try:
        fields = from_json(written) if written else None
    except ValueError:
        fields = None
    # Not only seen as an object: what cannot be read of a form is left out, the form is not.
    known = dict(plain_values(fields, FORM_FIELDS_MAX)) if isinstance(fields, dict) else {}
    return FormSent(name=text_of(reply, "name"), fields=known)


def _quickly_replied(button: JsonObject) -> Content:
    # A button of a template; without a payload its text is all that there is.
    label = text_of(button, "text")
    return _tapped(text_of(button, "payload", CHOICE_CHARACTERS_MAX) or label, label)


def _tapped(choice_id: str | None, label: str | None) -> Content:
    if choice_id is None:
        raise Unreadable("a tap does not say on what")
    return ChoiceTapped(choice_id=choice_id, label=label)


def _sent(kind: str, file: JsonObject) -> Content:
    spoken = kind == "audio" and file.get("voice") is True
    return MediaSent(
        media="voice" if spoken else _MEDIA[kind],
        file_id=id_of(file, "id"),
        caption=text_of(file, "caption", TEXT_CHARACTERS_MAX),
    )


def _placed(place: JsonObject) -> Content:
    latitude = decimal_of(place, "latitude", within=90)
    longitude = decimal_of(place, "longitude", within=180)
    if latitude is None or longitude is None:
        return MediaSent(media="location")
    name = text_of(place, "name") or text_of(place, "address")
    return LocationSent(latitude=latitude, longitude=longitude, name=name)


def _shared(message: JsonObject, sender_phone: str | None) -> Content:
    shared: ContactShared | None = None
    for card in objects_of(message, "contacts"):
        asked_for = "contact_request" in (card.get("origin"), message.get("origin"))
        for phone in objects_of(card, "phones"):
            number = text_of(phone, "wa_id") or text_of(phone, "phone")
            if number is None:
                continue
            # Anybody can send anybody's card. The person's own has the number that they write
            # from; where WhatsApp hides that, it was given on our request, which shares no other.
            is_theirs = _NO_DIGIT.sub("", number) == sender_phone
            if is_theirs or (sender_phone is None and asked_for):
                return ContactShared(phone=number, own=True)
            shared = shared or ContactShared(phone=number, own=False)
    return shared or OtherSent(type="contacts")


def _reacted(reaction: JsonObject) -> Content:
    # No emoji, or an empty one, takes the reaction back.
    return ReactionSent(emoji=text_of(reaction, "emoji"), message_id=id_of(reaction, "message_id"))


def _edited(edit: JsonObject) -> Content:
    message = object_of(edit, "message")
    detail = object_of(message, text_of(message, "type") or "text")
    text = text_of(detail, "body", TEXT_CHARACTERS_MAX)
    return MessageEdited(
        text=text or text_of(detail, "caption", TEXT_CHARACTERS_MAX),
        message_id=id_of(edit, "original_message_id"),
    )


def _revoked(revoke: JsonObject) -> Content:
    return MessageRevoked(message_id=id_of(revoke, "original_message_id"))


def _noted(system: JsonObject) -> Content:
    # WhatsApp's own note on the person; nobody said it, and nobody is to be answered.
    return OtherSent(type=type_name(f"system.{text_of(system, 'type') or 'unknown'}"))


_READERS: dict[str, Callable[[JsonObject], Content]] = {
    "text": _said,
    "interactive": _answered,
    "button": _quickly_replied,
    "location": _placed,
    "reaction": _reacted,
    "edit": _edited,
    "revoke": _revoked,
    "system": _noted,
}
