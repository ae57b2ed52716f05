"""Keyboards: their limits, and what a person can tap."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from simulator.people import Choice
from simulator.telegram.errors import bad_request

BUTTONS_MAX = 100
BUTTONS_PER_ROW_MAX = 8
CALLBACK_DATA_BYTES_MAX = 64
COPIED_CHARACTERS_MAX = 256
TYPED_FIELDS = (
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "copy_text",
    "pay",
    "callback_game",
)


def parse_markup(raw: Any) -> dict[str, Any] | None:
    """The reply markup of a call, checked; None if it has none.

    Raises the server's 400 (telegram-bot-api Client.cpp get_reply_markup, td ReplyMarkup.cpp).
    """
    if raw in (None, "", {}):
        return None
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            raise bad_request("can't parse reply keyboard markup JSON object") from None
    if not isinstance(raw, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in raw:
        return {"inline_keyboard": _rows(raw["inline_keyboard"], _inline_button)}
    if "keyboard" in raw:
        return {**raw, "keyboard": _rows(raw["keyboard"], _reply_button)}
    if raw.get("remove_keyboard") or raw.get("force_reply"):
        return raw
    return None


def choices_of(markup: dict[str, Any] | None) -> tuple[Choice, ...]:
    """What a person can tap under a message with this markup, row by row."""
    if not markup:
        return ()
    inline = tuple(
        Choice(
            button["text"],
            data=button.get("callback_data"),
            url=button.get("url"),
            row=number,
            copies=(button.get("copy_text") or {}).get("text"),
            kind="url" if "url" in button else "copy" if "copy_text" in button else "callback",
        )
        for number, row in enumerate(markup.get("inline_keyboard", []))
        for button in row
    )
    if inline:
        return inline
    return tuple(
        Choice(button["text"], kind="contact" if button.get("request_contact") else "reply")
        for row in markup.get("keyboard", [])
        for button in row
    )


def _rows(raw: Any, check: Any) -> list[list[dict[str, Any]]]:
    if not isinstance(raw, list):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array')
    rows: list[list[dict[str, Any]]] = []
    for row in raw:
        if not isinstance(row, list):
            raise bad_request(
                'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
            )
        if len(row) > BUTTONS_PER_ROW_MAX:
            raise bad_request("reply markup is too long")
        if row:
            rows.append([check(button) for button in row])
    if sum(map(len, rows)) > BUTTONS_MAX:
        raise bad_request("reply markup is too long")
    return rows


def _inline_button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: expected an Object")
    text, data, url = button.get("text"), button.get("callback_data"), button.get("url")
    if not isinstance(text, str) or not text.strip():
        raise bad_request("inline keyboard button text must be non-empty")
    if url:
        _check_url(url)
        return button
    if (copied := button.get("copy_text")) is not None:
        _check_copied(copied)
    if any(button.get(name) is not None for name in TYPED_FIELDS):
        return button
    if not data:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if not isinstance(data, str) or len(data.encode()) > CALLBACK_DATA_BYTES_MAX:
        raise bad_request("BUTTON_DATA_INVALID")
    return button


def _check_copied(copied: Any) -> None:
    text = copied.get("text") if isinstance(copied, dict) else None
    if not isinstance(text, str) or not 1 <= len(text) <= COPIED_CHARACTERS_MAX:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")


def _check_url(url: Any) -> None:
    parts = urlsplit(url if isinstance(url, str) else "")
    if parts.scheme == "tg":
        return
    # A host without a dot (localhost) is refused by the real server, an IP address is not.
    if parts.scheme not in ("http", "https") or "." not in (parts.hostname or ""):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


def _reply_button(button: Any) -> dict[str, Any]:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict) or not button.get("text"):
        raise bad_request("keyboard button text must be non-empty")
    return button
