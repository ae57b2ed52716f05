"""What is kept about a person, for people to read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from registry.links import Language

REGISTRATIONS_NAMED_MAX = 100
"""The newest; the others are in the part for programs."""

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "What we keep about you, as of {at}",
        "nothing": "Nothing is kept about you here, beside what this chat itself remembers.",
        "name": "Name: {name}",
        "proven": "E-mail: {email} (you have shown that it is yours)",
        "claimed": "E-mail you typed: {email} (nobody has checked that it is yours)",
        "phone": "Phone: {phone}",
        "telegram": "Telegram id: {id}",
        "language-en": "We write to you in English.",
        "language-ru": "We write to you in Russian.",
        "muted": "You get nothing but direct answers: you said stop.",
        "since": "We know you since {at}.",
        "chats": "Chats in which you are known:",
        "chat": "- {platform}: {chat_id}",
        "registrations": "Your registrations ({count}), the newest first:",
        "registration": "- {event}, {starts_at}: {status}. Name: {name}. Made on {at}.",
        "consents": "What you agreed to:",
        "consent": "- text {text_version}, on {at}, on {platform}",
        "links": "Messengers that you joined: {count}.",
        "told": "Messages that we sent about your seats: {count}.",
        "changes": "Changes of your registrations that are on record: {count}.",
        "codes": "Codes that you asked for in the last day: {count}.",
        "more": "… and {count} more, in the part for programs.",
        "rights": "To have all of it deleted, write /forget. To change your name or address, "
        "register again with the right one, or ask the organiser.",
        "below": "The same follows for programs, with every detail.",
        "confirmed": "seat confirmed",
        "held": "seat held until you prove your address",
        "waiting": "on the waiting list",
        "offered": "a seat is kept for you",
        "cancelled": "ended",
        "came": "you came",
    },
    "ru": {
        "title": "Что мы о вас храним, на {at}",
        "nothing": "О вас здесь ничего не хранится, кроме того, что помнит сам этот чат.",
        "name": "Имя: {name}",
        "proven": "Почта: {email} (вы подтвердили, что она ваша)",
        "claimed": "Почта, которую вы указали: {email} (никто не проверял, что она ваша)",
        "phone": "Телефон: {phone}",
        "telegram": "Номер в Telegram: {id}",
        "language-en": "Мы пишем вам по-английски.",
        "language-ru": "Мы пишем вам по-русски.",
        "muted": "Вы получаете только прямые ответы: вы попросили больше не писать.",
        "since": "Мы знакомы с {at}.",
        "chats": "Чаты, в которых мы вас знаем:",
        "chat": "- {platform}: {chat_id}",
        "registrations": "Ваши записи ({count}), сначала новые:",
        "registration": "- {event}, {starts_at}: {status}. Имя: {name}. Дата записи: {at}.",
        "consents": "На что вы согласились:",
        "consent": "- текст {text_version}, {at}, {platform}",
        "links": "Мессенджеры, которые вы присоединили: {count}.",
        "told": "Сообщения о ваших местах, которые мы отправили: {count}.",
        "changes": "Записанные изменения ваших регистраций: {count}.",
        "codes": "Коды, которые вы запросили за последние сутки: {count}.",
        "more": "… и ещё {count}, в части для программ.",
        "rights": "Чтобы удалить всё это, напишите /forget. Чтобы исправить имя или адрес, "
        "запишитесь заново с верными данными или обратитесь к организатору.",
        "below": "Ниже то же самое для программ, со всеми подробностями.",
        "confirmed": "место подтверждено",
        "held": "место придержано, пока вы не подтвердите адрес",
        "waiting": "в списке ожидания",
        "offered": "место ждёт вашего ответа",
        "cancelled": "запись завершена",
        "came": "вы пришли",
    },
}
_PLATFORMS = {"telegram": "Telegram", "whatsapp": "WhatsApp"}


def summarise(kept: Mapping[str, Any], language: Language, now: datetime) -> str:
    """What is kept, in a few lines."""
    say = _Say(language)
    title = say("title", at=say.moment(now))
    if not kept["known"]:
        lines = [title, "", say("nothing")]
        if kept["codes_asked_for"]:
            lines.append(say("codes", count=len(kept["codes_asked_for"])))
        return "\n".join(lines)
    return "\n\n".join(
        "\n".join(part)
        for part in (
            [title],
            _profile(say, kept["profile"]),
            _chats(say, kept["chats"]),
            _registrations(say, kept["registrations"]),
            _consents(say, kept["consents"]),
            _counts(say, kept),
            [say("rights"), say("below")],
        )
        if part
    )


class _Say:
    def __init__(self, language: Language) -> None:
        self._language: Language = language

    def __call__(self, key: str, **values: object) -> str:
        return _WORDS[self._language][key].format(**values)

    def moment(self, at: datetime, zone: str = "UTC") -> str:
        """A time in words; in UTC unless it is an event's."""
        where = UTC if zone == "UTC" else ZoneInfo(zone)
        words = format_datetime(at.astimezone(where), "d MMMM y, HH:mm", locale=self._language)
        return f"{words} ({zone})"


def _profile(say: _Say, profile: Mapping[str, Any]) -> list[str]:
    lines = [say("name", name=profile["name"])]
    if profile["email"]:
        lines.append(say("proven", email=profile["email"]))
    if profile["email_claimed"] and profile["email_claimed"] != profile["email"]:
        lines.append(say("claimed", email=profile["email_claimed"]))
    if profile["whatsapp_phone"]:
        lines.append(say("phone", phone=profile["whatsapp_phone"]))
    if profile["telegram_id"]:
        lines.append(say("telegram", id=profile["telegram_id"]))
    lines.append(say(f"language-{profile['language']}"))
    if profile["muted"]:
        lines.append(say("muted"))
    lines.append(say("since", at=say.moment(profile["created_at"])))
    return lines


def _chats(say: _Say, chats: list[Mapping[str, Any]]) -> list[str]:
    if not chats:
        return []
    return [
        say("chats"),
        *(
            say("chat", platform=_PLATFORMS[chat["platform"]], chat_id=chat["chat_id"])
            for chat in chats
        ),
    ]


def _registrations(say: _Say, registrations: list[Mapping[str, Any]]) -> list[str]:
    if not registrations:
        return []
    lines = [say("registrations", count=len(registrations))]
    lines += [
        say(
            "registration",
            event=one["event"],
            starts_at=say.moment(one["starts_at"], one["timezone"]),
            status=say("came" if one["checked_in_at"] else one["status"]),
            name=one["name"],
            at=say.moment(one["created_at"]),
        )
        for one in registrations[:REGISTRATIONS_NAMED_MAX]
    ]
    if len(registrations) > REGISTRATIONS_NAMED_MAX:
        lines.append(say("more", count=len(registrations) - REGISTRATIONS_NAMED_MAX))
    return lines


def _consents(say: _Say, consents: list[Mapping[str, Any]]) -> list[str]:
    if not consents:
        return []
    return [
        say("consents"),
        *(
            say(
                "consent",
                text_version=one["text_version"],
                at=say.moment(one["at"]),
                platform=_PLATFORMS.get(one["channel"], one["channel"]),
            )
            for one in consents
        ),
    ]


def _counts(say: _Say, kept: Mapping[str, Any]) -> list[str]:
    return [
        say(key, count=len(kept[name]))
        for key, name in (
            ("links", "links"),
            ("told", "deliveries"),
            ("changes", "changes"),
            ("codes", "codes_asked_for"),
        )
        if kept[name]
    ]
