"""The code that proves an address, wherever in a text it stands and however it is written."""

import re
import unicodedata
from typing import Final

from contracts.people import CODE_DIGITS

LOOKED_AT_CHARACTERS_MAX: Final = 1000
"""A mail with a code is shorter."""

_INVISIBLE = dict.fromkeys(map(ord, "\ufe0f\u20e3\u200b\u200e\u200f\u2060\ufeff"))
"""Between the digits of emoji, and what copying brings along."""
_RUN = re.compile(r"\d+")
_GROUPED = re.compile(r"\d(?:[ \u2010-\u2015-]{0,3}\d)*")
"""Groups as people read a code aloud: 123 456, 123-456, 1 2 3 4 5 6."""
_MARKS = " .!:#№+()[]*\n"
_ALONE = re.compile(r"[\d\s\u2010-\u2015-]+")
_CALLED_CODE = re.compile(r"\b(?:code|код)", re.IGNORECASE)


def code_of(text: str) -> str | None:
    """The one number of so many digits in the text, or None when there is none, or two of them."""
    said = _in_ascii(text)
    if said is None:
        return None
    whole = {run for run in _RUN.findall(said) if len(run) == CODE_DIGITS}
    if whole:
        return whole.pop() if len(whole) == 1 else None
    grouped = {"".join(_RUN.findall(group)) for group in _GROUPED.findall(said)}
    found = {code for code in grouped if len(code) == CODE_DIGITS}
    return found.pop() if len(found) == 1 else None


def code_said_in(text: str) -> str | None:
    """The code of a text that is nothing else, or calls it one: it is meant wherever it is said."""
    said = _in_ascii(text)
    if said is None:
        return None
    alone = _ALONE.fullmatch(said.strip(_MARKS))
    return code_of(text) if alone or _CALLED_CODE.search(said) else None


def has_digits(text: str) -> bool:
    """Whether a number stands in the text, though it may be no code."""
    return any(unicodedata.decimal(char, None) is not None for char in text)


def is_number(text: str) -> bool:
    """Whether the text is nothing but a number, or calls one a code."""
    said = _in_ascii(text)
    if said is None or not has_digits(said):
        return False
    return _ALONE.fullmatch(said.strip(_MARKS)) is not None or _CALLED_CODE.search(said) is not None


def is_code(digits: str) -> bool:
    """Whether this is the form that the registry is told a code in."""
    return len(digits) == CODE_DIGITS and digits.isascii() and digits.isdigit()


def _in_ascii(text: str) -> str | None:
    """The text with the digits of all scripts as ours, and any one space as a plain one."""
    if len(text) > LOOKED_AT_CHARACTERS_MAX:
        return None
    return "".join(map(_plain, text.translate(_INVISIBLE)))


def _plain(char: str) -> str:
    number = unicodedata.decimal(char, None)
    if number is not None:
        return str(number)
    return " " if unicodedata.category(char) == "Zs" else char
