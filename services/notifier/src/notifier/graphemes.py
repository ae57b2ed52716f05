"""Where one character, as people see it, ends and the next begins.

A flag is two code points, a family of emoji up to eleven, and "й" may be two: cut in between, they
become something else. The rules are those of UAX #29 (extended grapheme clusters), a little wider
where the standard library knows less than the Unicode tables: then too much stays together, never
too little. Python's strings hold code points, so a surrogate pair cannot be cut at all.
"""

import unicodedata

_ZERO_WIDTH_JOINER = "\u200d"
_ZERO_WIDTH_NON_JOINER = "\u200c"
_HALFWIDTH_VOICED_MARKS = "\uff9e\uff9f"
_VIRAMA_CLASS = 9
"""The combining class of the signs that tie a consonant to the next one (rule GB9c)."""


def joined(text: str, at: int) -> bool:
    """Whether a cut before `text[at]` would part what people see as one character."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":
        # GB3; below the first combining mark nothing else joins.
        return before == "\r" and after == "\n"
    return (
        _extends(after)
        or before == _ZERO_WIDTH_JOINER
        or _is_prepended(before)
        or (unicodedata.combining(before) == _VIRAMA_CLASS and after.isalpha())
        or _is_syllable(before, after)
        or (_is_regional(before) and _is_regional(after) and _regionals_before(text, at) % 2 == 1)
    )


def cut_before(text: str, at: int) -> int:
    """The last place up to `at` where a cut parts nothing.

    Where there is none but the beginning, `at` itself: somebody heaped more marks on one letter
    than a message holds.
    """
    place = at
    while joined(text, place):
        place -= 1
    return place or at


def cut_after(text: str, at: int) -> int:
    """The first place from `at` on where a cut parts nothing; the end, if need be."""
    place = at
    while joined(text, place):
        place += 1
    return place


def _extends(character: str) -> bool:
    # GB9 and GB9a: marks, joiners, skin tones, and the tags that make the flag of Scotland.
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character in (_ZERO_WIDTH_JOINER, _ZERO_WIDTH_NON_JOINER)
        or character in _HALFWIDTH_VOICED_MARKS
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _is_prepended(character: str) -> bool:
    # GB9b: the signs that stand over the number which follows them, in Arabic and its relatives.
    return (
        "\u0600" <= character <= "\u0605"
        or character in "\u06dd\u070f\u0890\u0891\u08e2"
        or character in "\U000110bd\U000110cd"
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regionals_before(text: str, at: int) -> int:
    start = at
    while start and _is_regional(text[start - 1]):
        start -= 1
    return at - start


def _is_syllable(before: str, after: str) -> bool:
    # GB6 to GB8: the letters of one Korean syllable, written apart.
    left, right = _hangul(before), _hangul(after)
    return (
        (left == "L" and right in ("L", "V", "LV", "LVT"))
        or (left in ("LV", "V") and right in ("V", "T"))
        or (left in ("LVT", "T") and right == "T")
    )


def _hangul(character: str) -> str | None:
    if "\u1100" <= character <= "\u115f" or "\ua960" <= character <= "\ua97c":
        return "L"
    if "\u1160" <= character <= "\u11a7" or "\ud7b0" <= character <= "\ud7c6":
        return "V"
    if "\u11a8" <= character <= "\u11ff" or "\ud7cb" <= character <= "\ud7fb":
        return "T"
    if "\uac00" <= character <= "\ud7a3":
        return "LV" if (ord(character) - 0xAC00) % 28 == 0 else "LVT"
    return None
