"""The Bot API methods, each a function of the bot and the call's parameters."""

from __future__ import annotations

import mimetypes
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from simulator.files import StoredFile, fetch_link
from simulator.people import Document, Entry, Person
from simulator.telegram import rules, updates
from simulator.telegram.bot import Bot, Json
from simulator.telegram.errors import NOT_MODIFIED, TelegramError, bad_request, too_many_requests
from simulator.telegram.markup import choices_of, parse_markup
from simulator.telegram.params import Upload
from simulator.telegram.rules import Params
from simulator.telegram.text import Entities
from simulator.telegram.webhook import WebhookConfig

DOCUMENT_ID_PREFIX = "BQACAgIAAxkD"
PHOTO_ID_PREFIX = "AgACAgIAAxkD"
FILE_KEY_LENGTH = 15


@dataclass(frozen=True)
class Described:
    """A result whose answer carries a description, as setWebhook's does."""

    result: Any
    description: str


Method = Callable[[Bot, Params], Awaitable[Any]]


async def get_me(bot: Bot, _: Params) -> Json:
    """getMe."""
    return updates.bot_user(bot.settings) | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def send_message(bot: Bot, params: Params) -> Json:
    """sendMessage."""
    person = bot.recipient(params.get("chat_id"))
    text, entities = rules.checked_text(params)
    markup = parse_markup(params.get("reply_markup"))
    content = updates.text_content(text, entities)
    return await _send(bot, person, params, content, _entry(bot, text, entities), markup)


async def send_document(bot: Bot, params: Params) -> Json:
    """sendDocument: an upload, a file_id or a link."""
    person, caption, entities, markup = _file_call(bot, params)
    stored = await _file(bot, params.get("document"), is_photo=False)
    content: Json = {
        "document": {
            "file_name": stored.name,
            "mime_type": stored.mime,
            "file_id": DOCUMENT_ID_PREFIX + stored.key,
            "file_unique_id": "AgAD" + stored.key,
            "file_size": len(stored.content),
        }
    }
    entry = _entry(bot, caption, entities, kind="document", stored=stored)
    return await _send(bot, person, params, content | _caption(caption, entities), entry, markup)


async def send_photo(bot: Bot, params: Params) -> Json:
    """sendPhoto: an upload, a file_id or a link."""
    person, caption, entities, markup = _file_call(bot, params)
    stored = await _file(bot, params.get("photo"), is_photo=True)
    width, height = _png_size(stored.content)
    size = {
        "file_id": PHOTO_ID_PREFIX + stored.key,
        "file_unique_id": "AQAD" + stored.key,
        "file_size": len(stored.content),
        "width": width,
        "height": height,
    }
    entry = _entry(bot, caption, entities, kind="image", stored=stored)
    content = {"photo": [size]} | _caption(caption, entities)
    return await _send(bot, person, params, content, entry, markup)


async def edit_message_text(bot: Bot, params: Params) -> Json:
    """editMessageText; a keyboard that is not given again goes away."""
    person = bot.recipient(params.get("chat_id"))
    text, entities = rules.checked_text(params)
    markup = parse_markup(params.get("reply_markup"))
    posted = _editable(bot, person, params)
    if "text" not in posted.message:
        raise bad_request("there is no text in the message to edit")
    same_text = (posted.message["text"], posted.message.get("entities", [])) == (text, entities)
    if same_text and posted.markup == markup:
        raise bad_request(NOT_MODIFIED)
    posted.message.pop("entities", None)
    posted.message.pop("reply_markup", None)
    content = updates.text_content(text, entities) | _markup(markup)
    return _edited(bot, person, posted, content)


async def edit_message_reply_markup(bot: Bot, params: Params) -> Json:
    """editMessageReplyMarkup; without a markup the keyboard goes away."""
    person = bot.recipient(params.get("chat_id"))
    markup = parse_markup(params.get("reply_markup"))
    posted = _editable(bot, person, params)
    if posted.markup == markup:
        raise bad_request(NOT_MODIFIED)
    posted.message.pop("reply_markup", None)
    return _edited(bot, person, posted, _markup(markup))


async def answer_callback_query(bot: Bot, params: Params) -> bool:
    """answerCallbackQuery."""
    text = str(params.get("text") or "")
    if len(text) > rules.CALLBACK_ANSWER_LENGTH_MAX:
        raise bad_request("MESSAGE_TOO_LONG")
    query = bot.answer(str(params.get("callback_query_id") or ""))
    query.person.chat.ring()
    return True


async def send_chat_action(bot: Bot, params: Params) -> bool:
    """sendChatAction."""
    bot.recipient(params.get("chat_id"))
    if str(params.get("action") or "").lower() not in rules.CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    return True


async def get_file(bot: Bot, params: Params) -> Json:
    """getFile: a path from which a file can be downloaded."""
    stored = _stored(bot, params.get("file_id"))
    if len(stored.content) > rules.DOWNLOAD_BYTES_MAX:
        raise bad_request("file is too big")
    return {
        "file_id": str(params["file_id"]),
        "file_unique_id": "AgAD" + stored.key,
        "file_size": len(stored.content),
        "file_path": f"documents/{stored.key}",
    }


async def set_webhook(bot: Bot, params: Params) -> Described:
    """setWebhook; at most once a second.

    The old webhook goes before the new one is looked at, so that a refused URL leaves none
    (Client.cpp, do_set_webhook and webhook_closed). The same one again changes only the kinds of
    updates, and forgets no error.
    """
    url = str(params.get("url") or "").strip()
    if not url:
        return await delete_webhook(bot, params)
    if bot.set_webhook_limit.wait_seconds() > 0:
        raise too_many_requests(1, over_limit=True)
    before = bot.webhook.config
    kinds, kinds_asked = rules.asked_kinds(
        params.get("allowed_updates"), (before.kinds, before.kinds_asked)
    )
    config = WebhookConfig(
        url=url,
        secret=rules.checked_secret(str(params.get("secret_token") or "")),
        max_connections=rules.checked_connections(params),
        kinds=kinds,
        kinds_asked=kinds_asked,
    )
    bot.set_webhook_limit.take()
    drop_pending = _flag(params, "drop_pending_updates")
    if _settings(before) == _settings(config) and not drop_pending:
        same = replace(before, kinds=kinds, kinds_asked=kinds_asked)
        bot.webhook.configure(same, drop_pending=False)
        return Described(True, "Webhook is already set")
    try:
        rules.checked_webhook_url(url, bot.settings.server)
    except TelegramError:
        bot.webhook.configure(
            WebhookConfig(kinds=before.kinds, kinds_asked=before.kinds_asked),
            drop_pending=drop_pending,
        )
        raise
    bot.webhook.configure(config, drop_pending=drop_pending)
    return Described(True, "Webhook was set")


async def delete_webhook(bot: Bot, params: Params) -> Described:
    """deleteWebhook; the updates that wait go on waiting unless they are dropped."""
    before = bot.webhook.config
    config = WebhookConfig(kinds=before.kinds, kinds_asked=before.kinds_asked)
    bot.webhook.configure(config, drop_pending=_flag(params, "drop_pending_updates"))
    return Described(True, "Webhook was deleted" if before.url else "Webhook is already deleted")


async def get_webhook_info(bot: Bot, _: Params) -> Json:
    """getWebhookInfo."""
    config = bot.webhook.config
    shown: Json = {
        "url": config.url,
        "has_custom_certificate": False,
        "pending_update_count": bot.webhook.pending,
    }
    if config.last_error_message is not None:
        shown["last_error_date"] = config.last_error_timestamp
        shown["last_error_message"] = config.last_error_message
    if config.url:
        shown["max_connections"] = config.max_connections
        shown["ip_address"] = "127.0.0.1"
    if config.kinds_asked:
        shown["allowed_updates"] = config.kinds_asked
    return shown


async def set_my_commands(bot: Bot, params: Params) -> bool:
    """setMyCommands, by scope and language."""
    bot.commands[_commands_key(params)] = rules.checked_commands(params)
    return True


async def get_my_commands(bot: Bot, params: Params) -> list[dict[str, str]]:
    """getMyCommands, by scope and language."""
    return bot.commands.get(_commands_key(params), [])


async def _unknown_method(_: Bot, __: Params) -> Any:
    raise TelegramError(404, "Not Found: method not found")


METHODS: dict[str, Method] = {
    "getme": get_me,
    "sendmessage": send_message,
    "senddocument": send_document,
    "sendphoto": send_photo,
    "editmessagetext": edit_message_text,
    "editmessagereplymarkup": edit_message_reply_markup,
    "answercallbackquery": answer_callback_query,
    "sendchataction": send_chat_action,
    "getfile": get_file,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
}
MESSAGE_METHODS = frozenset(
    {"sendmessage", "senddocument", "sendphoto", "editmessagetext", "editmessagereplymarkup"}
)


async def call(bot: Bot, method: str, params: Params, **details: Any) -> Any:
    """Run a method, and write it into the ledger and the counts; raises `TelegramError`."""
    name = method.lower()
    stats = bot.core.stats["telegram"]
    stats.calls[method] += 1
    person = addressee(bot, params)
    text = params.get("text") or params.get("caption")
    handle = person.id if person else None
    uploads = [len(given.content) for given in params.values() if isinstance(given, Upload)]
    details["upload_bytes"] = sum(uploads) if uploads else None
    try:
        result = await METHODS.get(name, _unknown_method)(bot, params)
    except TelegramError as error:
        stats.call_refused(error.code, over_limit=error.over_limit)
        bot.core.ledger.write(
            "telegram",
            "call",
            method,
            handle,
            text,
            "refused",
            code=error.code,
            error=error.description,
            over_limit=error.over_limit or None,
            **details,
        )
        raise
    if name.startswith("edit"):
        stats.edited += 1
    elif name in MESSAGE_METHODS and person is not None:
        stats.message_accepted(person.id)
    message_id = result.get("message_id") if isinstance(result, dict) else None
    bot.core.ledger.write(
        "telegram", "call", method, handle, text, "accepted", message_id=message_id, **details
    )
    return result


async def call_in_reply(bot: Bot, reply: Json) -> None:
    """A method in the body of a webhook's answer; its result reaches nobody."""
    method = str(reply["method"])
    forbidden = ("setwebhook", "deletewebhook", "close", "logout")
    if method.lower().startswith("get") or method.lower() in forbidden:
        return
    params = {name: value for name, value in reply.items() if name != "method"}
    try:
        await call(bot, method, params, via="webhook reply")
    except TelegramError:
        return


def addressee(bot: Bot, params: Params) -> Person | None:
    """Whom a call concerns, if anybody."""
    if (chat_id := params.get("chat_id")) is not None:
        return bot.person_of(chat_id)
    query = bot.queries.get(str(params.get("callback_query_id")))
    return query.person if query else None


async def _send(
    bot: Bot, person: Person, params: Params, content: Json, entry: Entry, markup: Json | None
) -> Json:
    reply_to = rules.replied_message_id(params)
    if reply_to and bot.posted(person, reply_to) is None:
        raise bad_request("message to be replied not found")
    await bot.pass_limits(person)
    # Reply keyboards are not part of a message, but a person taps them all the same.
    entry.choices = choices_of(markup)
    inline = markup if markup and "inline_keyboard" in markup else None
    return bot.post(person, content | _markup(inline), entry, by_bot=True).message


def _edited(bot: Bot, person: Person, posted: Any, content: Json) -> Json:
    bot.edited(posted, person, content)
    message: Json = posted.message
    return message


def _editable(bot: Bot, person: Person, params: Params) -> Any:
    posted = bot.posted(person, params.get("message_id"))
    if posted is None:
        raise bad_request("message to edit not found")
    if posted.entry.sender != "bot":
        raise bad_request("message can't be edited")
    return posted


def _entry(
    bot: Bot,
    text: str,
    entities: Entities,
    *,
    kind: str = "text",
    stored: StoredFile | None = None,
) -> Entry:
    document = (
        Document(stored.key, stored.name, stored.mime, len(stored.content)) if stored else None
    )
    return Entry(
        "bot",
        text,
        bot.core.clock.now(),
        provider_id="",
        kind=kind,
        spans=entities,
        document=document,
        status="sent",
    )


def _file_call(bot: Bot, params: Params) -> tuple[Person, str, Entities, Json | None]:
    person = bot.recipient(params.get("chat_id"))
    caption, entities = rules.checked_caption(params)
    return person, caption, entities, parse_markup(params.get("reply_markup"))


async def _file(bot: Bot, given: Any, *, is_photo: bool) -> StoredFile:
    timestamp = bot.core.clock.timestamp()
    if isinstance(given, Upload):
        rules.checked_size(len(given.content), is_photo=is_photo)
        # The server goes by the name: aiogram declares every part as an octet-stream.
        mime = mimetypes.guess_type(given.name)[0] or given.mime
        return bot.core.files.add(given.name, mime, given.content, timestamp)
    if not given:
        raise bad_request(f"there is no {'photo' if is_photo else 'document'} in the request")
    if str(given).startswith(("http://", "https://")):
        fetched = await fetch_link(str(given))
        if fetched is None:
            raise bad_request("failed to get HTTP URL content")
        name, mime, content = fetched
        rules.checked_size(len(content), is_photo=is_photo)
        return bot.core.files.add(name, mime, content, timestamp)
    return _stored(bot, given)


def _stored(bot: Bot, file_id: Any) -> StoredFile:
    stored = bot.core.files.get(str(file_id or "")[-FILE_KEY_LENGTH:])
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    return stored


def _caption(caption: str, entities: Entities) -> Json:
    if not caption:
        return {}
    return {"caption": caption, **({"caption_entities": entities} if entities else {})}


def _markup(markup: Json | None) -> Json:
    return {"reply_markup": markup} if markup else {}


def _png_size(content: bytes) -> tuple[int, int]:
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    return 800, 600  # for other formats the size is not read: no client of ours needs it


def _settings(config: WebhookConfig) -> tuple[Any, ...]:
    return (config.url, config.secret, config.max_connections)


def _flag(params: Params, name: str) -> bool:
    return str(params.get(name) or "").lower() in ("true", "1", "yes")


def _commands_key(params: Params) -> tuple[str, str]:
    return str(params.get("scope") or ""), str(params.get("language_code") or "")
