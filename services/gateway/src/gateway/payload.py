"""Reading what a platform sent, tolerantly: a field that is not as expected is simply not there.

Hand-written instead of a library's models: those fail a whole update for one new literal or one
missing field that nobody reads, and lose all but the first item of a batch (platforms.md A8, B8).
Only what an item cannot do without makes it `Unreadable`.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic_core import from_json

JsonObject = dict[str, Any]

TEXT_CHARACTERS_MAX = 8192
"""As much as `TextSaid` holds; WhatsApp lets people write more, and nobody answers with a book."""
CHOICE_CHARACTERS_MAX = 256
"""As much as `ChoiceTapped` holds; ours are far shorter, so a longer one is not ours anyway."""

_MILLISECONDS_FROM = 100_000_000_000
"""A time above this is in milliseconds: in seconds it would be the year 5138."""
_TYPE_CHARACTERS_MAX = 64


class Unreadable(Exception):
    """Authentic, but not to be understood; `reason` holds nothing of what was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def from_body(body: bytes) -> JsonObject:
    """The object that a webhook's body is.

    Raises:
        Unreadable: it is no JSON object.
    """
    try:
        content = from_json(body)
    except ValueError:
        content = _from_odd_json(body)
    if not isinstance(content, dict):
        raise Unreadable("the body is not a JSON object")
    return content


def _from_odd_json(body: bytes) -> Any:
    # A text that was cut within an emoji has half of a surrogate pair. That must cost one
    # character, not a batch of a thousand messages; the standard parser can represent it.
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        return from_json(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None


def text_of(source: JsonObject, key: str) -> str | None:
    """A text that is not empty, or None."""
    value = source.get(key)
    return value if isinstance(value, str) and value else None


def object_of(source: JsonObject, key: str) -> JsonObject:
    """An object, empty when there is none."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def objects_of(source: JsonObject, key: str) -> list[JsonObject]:
    """The objects of a list; whatever else the list holds is passed over."""
    value = source.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number_of(source: JsonObject, key: str) -> int | None:
    """A whole number, also when it was sent as text, or None."""
    value = source.get(key)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    # Not str.isdigit(): that accepts digits that int() does not.
    if isinstance(value, str) and value.isdecimal() and len(value) <= 20:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def time_of(source: JsonObject, key: str) -> datetime | None:
    """A time in seconds or milliseconds since 1970, as a number or as text (platforms.md B2)."""
    number = number_of(source, key)
    if number is None or number <= 0:
        return None
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None


def type_name(value: str | None) -> str:
    """A platform's name for a kind of thing, kept short."""
    return (value or "unknown")[:_TYPE_CHARACTERS_MAX]
