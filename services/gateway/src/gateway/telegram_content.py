"""What a person said on Telegram, by what the message holds (platforms.md A3)."""

from typing import Literal

from contracts import (
    ContactShared,
    Content,
    LocationSent,
    MediaSent,
    MessageEdited,
    OtherSent,
    ReactionSent,
    TextSaid,
)
from gateway.payload import (
    TEXT_CHARACTERS_MAX,
    JsonObject,
    decimal_of,
    id_of,
    number_of,
    object_of,
    objects_of,
    text_of,
)
from gateway.reading import UNKNOWN

_MEDIA: dict[str, Literal["photo", "voice", "audio", "video", "document", "sticker"]] = {
    # An animation also carries a `document` for old clients, so it stands before it.
    "animation": "video",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "video_note": "video",
    "document": "document",
    "sticker": "sticker",
}

_OTHER = (
    "poll",
    "dice",
    "game",
    "story",
    "checklist",
    "paid_media",
    "live_photo",
    "rich_message",
    "invoice",
    "giveaway",
    "gift",
    "unique_gift",
    "users_shared",
    "chat_shared",
    "web_app_data",
    "passport_data",
    "successful_payment",
)
"""Things that a person sends, and that we have no use for (Bot API 10.3, `Message`)."""

_SERVICE = frozenset(
    {
        "boost_added",
        "channel_chat_created",
        "chat_background_set",
        "chat_owner_changed",
        "chat_owner_left",
        "checklist_tasks_added",
        "checklist_tasks_done",
        "connected_website",
        "delete_chat_photo",
        "forum_topic_closed",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_reopened",
        "giveaway_completed",
        "giveaway_created",
        "group_chat_created",
        "left_chat_member",
        "message_auto_delete_timer_changed",
        "new_chat_members",
        "new_chat_photo",
        "new_chat_title",
        "pinned_message",
        "proximity_alert_triggered",
        "refunded_payment",
        "supergroup_chat_created",
        "video_chat_ended",
        "video_chat_participants_invited",
        "video_chat_scheduled",
        "video_chat_started",
        "write_access_allowed",
    }
)
"""What Telegram notes in a chat by itself."""


def is_service(message: JsonObject) -> bool:
    """Whether Telegram tells of something that happened, and nobody said anything."""
    return not _SERVICE.isdisjoint(message)


def said(message: JsonObject) -> Content:
    """The content of one message; what nobody has heard of yet is `OtherSent`."""
    if text := text_of(message, "text", TEXT_CHARACTERS_MAX):
        return TextSaid(text=text)
    if phone := text_of(object_of(message, "contact"), "phone_number"):
        return ContactShared(phone=phone, own=_is_own_contact(message))
    caption = text_of(message, "caption", TEXT_CHARACTERS_MAX)
    if sizes := objects_of(message, "photo"):
        # The last one is the largest.
        return MediaSent(media="photo", file_id=id_of(sizes[-1], "file_id"), caption=caption)
    for key, media in _MEDIA.items():
        if file := object_of(message, key):
            return MediaSent(media=media, file_id=id_of(file, "file_id"), caption=caption)
    if place := object_of(message, "location"):
        return _placed(place, object_of(message, "venue"))
    return OtherSent(type=next((kind for kind in _OTHER if kind in message), UNKNOWN))


def edited(message: JsonObject) -> MessageEdited:
    """A message as it is now; an edited place has no words."""
    return MessageEdited(
        text=text_of(message, "text", TEXT_CHARACTERS_MAX)
        or text_of(message, "caption", TEXT_CHARACTERS_MAX),
        message_id=_message_id(message),
    )


def reacted(reaction: JsonObject) -> ReactionSent:
    """The newest of the person's emoji; a custom or paid one has no character."""
    chosen = objects_of(reaction, "new_reaction")
    return ReactionSent(
        emoji=text_of(chosen[-1], "emoji") if chosen else None, message_id=_message_id(reaction)
    )


def label_of(message: JsonObject, choice_id: str) -> str | None:
    """What stood on the button, as far as the message still shows its buttons."""
    rows = object_of(message, "reply_markup").get("inline_keyboard")
    for row in rows if isinstance(rows, list) else ():
        for button in row if isinstance(row, list) else ():
            if isinstance(button, dict) and button.get("callback_data") == choice_id:
                return text_of(button, "text")
    return None


def _message_id(message: JsonObject) -> str | None:
    number = number_of(message, "message_id")
    return None if number is None else str(number)


def _is_own_contact(message: JsonObject) -> bool:
    # Anybody can send anybody's card; only the person's own carries the person's id.
    owner = number_of(object_of(message, "contact"), "user_id")
    return (
        owner is not None
        and owner == number_of(object_of(message, "from"), "id")
        and owner == number_of(object_of(message, "chat"), "id")
    )


def _placed(place: JsonObject, venue: JsonObject) -> Content:
    latitude = decimal_of(place, "latitude", within=90)
    longitude = decimal_of(place, "longitude", within=180)
    if latitude is None or longitude is None:
        return MediaSent(media="location")
    return LocationSent(latitude=latitude, longitude=longitude, name=text_of(venue, "title"))
