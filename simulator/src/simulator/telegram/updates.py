"""The shapes of what the Bot API sends and answers."""

from __future__ import annotations

from typing import Any

from simulator.people import Person
from simulator.settings import TelegramSettings
from simulator.telegram.text import Entities

Json = dict[str, Any]


def bot_user(settings: TelegramSettings) -> Json:
    """The bot as `from` of its messages."""
    return {
        "id": settings.bot_id,
        "is_bot": True,
        "first_name": settings.bot_name,
        "username": settings.bot_username,
    }


def user(person: Person) -> Json:
    """A person as `from`."""
    shown: Json = {"id": int(person.id), "is_bot": False, "first_name": person.name}
    if person.username:
        shown["username"] = person.username
    return shown | {"language_code": person.language}


def private_chat(person: Person) -> Json:
    """The chat of a person with the bot; its id is the person's."""
    shown: Json = {"id": int(person.id), "first_name": person.name}
    if person.username:
        shown["username"] = person.username
    return shown | {"type": "private"}


def message(message_id: int, sender: Json, person: Person, timestamp: float, content: Json) -> Json:
    """A message in a private chat; `content` is what differs by kind."""
    return {
        "message_id": message_id,
        "from": sender,
        "chat": private_chat(person),
        "date": int(timestamp),
        **content,
    }


def text_content(text: str, entities: Entities) -> Json:
    """The content of a text message; without entities the field is left out."""
    return {"text": text, **({"entities": entities} if entities else {})}


def callback_query(query_id: str, person: Person, pressed: Json, data: str) -> Json:
    """A press of an inline button under the message `pressed`."""
    return {
        "id": query_id,
        "from": user(person),
        "message": pressed,
        "chat_instance": str(-(int(person.id) * 7919 % 2**62)),
        "data": data,
    }


def membership(
    person: Person, settings: TelegramSettings, timestamp: float, *, blocked: bool
) -> Json:
    """`my_chat_member` of a private chat, which comes only on block and unblock."""
    bot = bot_user(settings)
    member: Json = {"user": bot, "status": "member"}
    kicked: Json = {"user": bot, "status": "kicked", "until_date": 0}
    return {
        "chat": private_chat(person),
        "from": user(person),
        "date": int(timestamp),
        "old_chat_member": member if blocked else kicked,
        "new_chat_member": kicked if blocked else member,
    }
