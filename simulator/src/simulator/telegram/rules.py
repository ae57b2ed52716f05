"""What the Bot API demands of a call, as functions of its parameters."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from simulator.settings import Server
from simulator.telegram.errors import TelegramError, bad_request
from simulator.telegram.text import Entities, parse_text
from simulator.telegram.webhook import (
    CONNECTIONS_DEFAULT,
    CONNECTIONS_MAX,
    DEFAULT_KINDS,
    KNOWN_KINDS,
)

TEXT_LENGTH_MAX = 4096
CAPTION_LENGTH_MAX = 1024
CALLBACK_ANSWER_LENGTH_MAX = 200
PHOTO_BYTES_MAX = 10 * 1024 * 1024
DOCUMENT_BYTES_MAX = 50 * 1024 * 1024
DOWNLOAD_BYTES_MAX = 20 * 1024 * 1024
COMMANDS_MAX = 100
COMMAND_LENGTH_MAX = 32
COMMAND_DESCRIPTION_LENGTH_MAX = 256
SECRET_LENGTH_MAX = 256
CLOUD_PORTS = frozenset({80, 88, 443, 8443})
DEEP_LINK_PAYLOAD_LENGTH_MAX = 64
CHAT_ACTIONS = frozenset(
    {
        "typing",
        "upload_photo",
        "upload_document",
        "upload_video",
        "upload_voice",
        "record_video",
        "record_voice",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    }
)

Params = dict[str, Any]


def checked_text(params: Params) -> tuple[str, Entities]:
    """Text and entities of a message; 1 to 4096 characters after the markup is parsed."""
    text, entities = parse_text(
        str(params.get("text") or ""), params.get("parse_mode"), params.get("entities")
    )
    text = text.rstrip()
    if not text.strip():
        raise bad_request("message text is empty")
    if len(text) > TEXT_LENGTH_MAX:
        raise bad_request("message is too long")
    return text, entities


def checked_caption(params: Params) -> tuple[str, Entities]:
    """Caption and entities of a file; at most 1024 characters after the markup is parsed."""
    caption, entities = parse_text(
        str(params.get("caption") or ""), params.get("parse_mode"), params.get("caption_entities")
    )
    if len(caption) > CAPTION_LENGTH_MAX:
        raise bad_request("message caption is too long")
    return caption, entities


def replied_message_id(params: Params) -> Any:
    """The message that a message answers, in the old form or the new; None if it answers none."""
    reply = params.get("reply_parameters")
    if isinstance(reply, str):
        try:
            reply = json.loads(reply)
        except ValueError:
            raise bad_request("can't parse reply parameters JSON object") from None
    if isinstance(reply, dict):
        return None if reply.get("allow_sending_without_reply") else reply.get("message_id")
    return params.get("reply_to_message_id")


def checked_size(size_bytes: int, *, is_photo: bool) -> None:
    """413 for an upload that is too big, 400 for an empty one."""
    if size_bytes == 0:
        raise bad_request("file must be non-empty")
    if size_bytes > (PHOTO_BYTES_MAX if is_photo else DOCUMENT_BYTES_MAX):
        raise TelegramError(413, "Request Entity Too Large")


def checked_commands(params: Params) -> list[dict[str, str]]:
    """The list of setMyCommands (td BotCommand.cpp)."""
    commands = params.get("commands")
    if isinstance(commands, str):
        try:
            commands = json.loads(commands)
        except ValueError:
            raise bad_request("can't parse commands JSON object") from None
    if not isinstance(commands, list):
        raise bad_request("expected an Array of BotCommand")
    if len(commands) > COMMANDS_MAX:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    return [_checked_command(command) for command in commands]


def _checked_command(command: Any) -> dict[str, str]:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name = str(command.get("command") or "").removeprefix("/")
    description = str(command.get("description") or "").strip()
    if not name:
        raise bad_request("Command must be non-empty")
    if len(name) > COMMAND_LENGTH_MAX:
        raise bad_request(f"Command length must not exceed {COMMAND_LENGTH_MAX}")
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not description:
        raise bad_request("Command description must be non-empty")
    if len(description) > COMMAND_DESCRIPTION_LENGTH_MAX:
        raise bad_request(
            f"Command description length must not exceed {COMMAND_DESCRIPTION_LENGTH_MAX}"
        )
    return {"command": name, "description": description}


def checked_webhook_url(url: str, server: Server) -> None:
    """A local Bot API server takes any http and https address, the cloud's only public https ones
    on four ports (WebhookActor.start_up and check_ip_address).
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or (server == "cloud" and parts.scheme == "http"):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not parts.hostname:
        raise bad_request("bad webhook: Wrong HTTP URL")
    if server == "local":
        return
    if (parts.port or 443) not in CLOUD_PORTS:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    with suppress(ValueError):
        address = ip_address(parts.hostname)
        if address.version == 6:
            raise bad_request("bad webhook: IPv6-only addresses are not allowed")
        if not address.is_global:
            raise bad_request(f"bad webhook: IP address {address} is reserved")


def checked_secret(secret: str) -> str | None:
    """The secret that every post carries; None for an empty one."""
    if len(secret) > SECRET_LENGTH_MAX:
        raise bad_request("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
        raise bad_request("secret token contains unallowed characters")
    return secret or None


def checked_connections(params: Params) -> int:
    """1 to 100 parallel posts, 40 unless asked otherwise."""
    raw = str(params.get("max_connections") or CONNECTIONS_DEFAULT)
    count = int(raw) if raw.isdigit() else CONNECTIONS_DEFAULT
    return min(max(count, 1), CONNECTIONS_MAX)


def asked_kinds(
    raw: Any, before: tuple[frozenset[str], list[str] | None]
) -> tuple[frozenset[str], list[str] | None]:
    """The kinds of updates after setWebhook (get_allowed_update_types).

    What cannot be read keeps the setting of before; an empty list, or one of unknown names
    only, means the default.
    """
    if raw is None:
        return before
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return before
    if not isinstance(raw, list) or not all(isinstance(name, str) for name in raw):
        return before
    known = [name.lower() for name in raw if name.lower() in KNOWN_KINDS]
    return (frozenset(known), known) if known else (DEFAULT_KINDS, None)
