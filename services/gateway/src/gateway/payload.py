"""Reading what a platform sent, tolerantly: a field that is not as expected is simply not there.

Hand-written instead of a library's models: those fail a whole update for one new literal or one
missing field that nobody reads, and lose all but the first item of a batch (platforms.md A8, B8).
Only what an item cannot do without makes it `Unreadable`.
"""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

JsonObject = dict[str, Any]

TEXT_CHARACTERS_MAX = 8192
"""As much as `TextSaid` holds; WhatsApp lets people write more, and nobody answers with a book."""
CHOICE_CHARACTERS_MAX = 256
"""As much as `ChoiceTapped` holds; ours are far shorter, so a longer one is not ours anyway."""
NAME_CHARACTERS_MAX = 256
"""Names, labels and kinds; both platforms allow far less."""
ID_CHARACTERS_MAX = 512
"""A platform's id of a message, a person or a file; the longest in use have about 200."""

_MILLISECONDS_FROM = 100_000_000_000
"""A time above this is in milliseconds: in seconds it would be the year 5138."""
_MILLISECONDS_MAX = 253_402_300_799_999
"""The end of the year 9999, which is as far as our dates go."""
_DIGITS_MAX = 20
"""More than a number of 64 bits has."""
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


def text_of(source: JsonObject, key: str, characters_max: int = NAME_CHARACTERS_MAX) -> str | None:
    """A text that is not empty, cut to its limit, or None."""
    value = source.get(key)
    return value[:characters_max] if isinstance(value, str) and value else None


def id_of(source: JsonObject, key: str) -> str | None:
    """An id, whole, or None: a part of one would be somebody else's."""
    value = source.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= ID_CHARACTERS_MAX else None


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
    if type(value) is int:  # True is an int as well, and none here
        return value
    # Not str.isdigit(): that accepts digits that int() does not.
    if isinstance(value, str) and len(value) <= _DIGITS_MAX and value.isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def decimal_of(source: JsonObject, key: str, *, within: float) -> float | None:
    """A number from `-within` to `within`, also when it was sent as text, or None."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and -within <= number <= within else None


def time_of(source: JsonObject, key: str) -> datetime | None:
    """A time in seconds or milliseconds since 1970, as a number or as text (platforms.md B2)."""
    number = number_of(source, key)
    if number is None or not 0 < number <= _MILLISECONDS_MAX:
        return None
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)


def plain_values(source: JsonObject, fields_max: int) -> Iterator[tuple[str, str]]:
    """The fields that are texts, numbers or yes and no, as text; the others are passed over."""
    for key, value in list(source.items())[:fields_max]:
        if isinstance(value, bool):
            yield key[:NAME_CHARACTERS_MAX], "true" if value else "false"
        elif isinstance(value, str | int | float):
            yield key[:NAME_CHARACTERS_MAX], str(value)[:TEXT_CHARACTERS_MAX]


def type_name(value: str | None) -> str:
    """A platform's name for a kind of thing, kept short."""
    return (value or "unknown")[:_TYPE_CHARACTERS_MAX]
