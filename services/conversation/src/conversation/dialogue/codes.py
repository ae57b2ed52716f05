"""The short code of an event, wherever in a text it stands: in a link, in brackets, or bare."""

import re
from typing import Final
from urllib.parse import unquote_plus

CODE_ALPHABET: Final = "A-HJ-NP-Z2-9"
"""Short codes have no 0, O, 1 and I, which people mix up."""
CANDIDATES_MAX: Final = 3
"""Bare words of one message that the registry is asked about."""

_CODE = rf"[{CODE_ALPHABET}]{{6}}"
_MISTYPED = "[A-Z0-9]{6}"
"""Where only a code can stand, one that no event has is still told apart from no code at all."""
_LINKED = re.compile(rf"(?<![a-z0-9])event_({_MISTYPED})(?![\w@.-]*@|[a-z0-9_])", re.IGNORECASE)
_INTRODUCTION = re.compile(
    r"(?:register|registration|sign up|регистрация|записаться|запись) ?[:：]", re.IGNORECASE
)
_IN_BRACKETS = re.compile(rf"\(\s*({_MISTYPED})\s*\)", re.IGNORECASE)
_BRACKETED = re.compile(rf"[(\[]\s*({_CODE})\s*[)\]]", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+")
_WHOLE = re.compile(_CODE)

_LATIN_OF_CYRILLIC = str.maketrans("АВСЕНКМРТХУавсенкмртху", "ABCEHKMPTXYABCEHKMPTXY")
"""Letters that look alike; a code is often copied from a poster on a Russian keyboard."""


def certain_code(text: str) -> str | None:
    """The code that the text can only have been sent for: a link's, or the prefilled sentence's.

    People write before and after it, and paste the link itself instead of following it.
    """
    for said in (text, unquote_plus(text)):
        if found := _LINKED.search(said):
            return found[1].upper()
        if (code := _introduced(said)) is not None:
            return code
    return None


def bracketed_code(text: str) -> str | None:
    """A code in brackets: almost certain, but where a name is asked it may be part of one."""
    found = _BRACKETED.search(text)
    return found[1].upper() if found else None


def candidates(text: str) -> tuple[str, ...]:
    """Words that may be codes; "please" is one as well, and only the registry can tell.

    Those with a digit come first, because words have none.
    """
    if "@" in text:
        return ()
    tokens = (token.translate(_LATIN_OF_CYRILLIC).upper() for token in _TOKEN.findall(text))
    found = dict.fromkeys(token for token in tokens if _WHOLE.fullmatch(token))
    ranked = sorted(found, key=lambda code: not _has_digit(code))
    return tuple(ranked[:CANDIDATES_MAX])


def lone_candidate(text: str) -> str | None:
    """A text that is nothing but a word like a code with a digit in it, as no name is."""
    found = candidates(text)
    alone = len(found) == 1 and len(text.split()) == 1 and _has_digit(found[0])
    return found[0] if alone else None


def own_words(text: str) -> str:
    """What the person wrote around a link or the prefilled sentence, which organisers wrote."""
    introduction = _INTRODUCTION.search(text)
    if introduction is not None:
        ends = [match.end() for match in _IN_BRACKETS.finditer(text, introduction.end())]
        text = text[: introduction.start()] + text[ends[-1] if ends else len(text) :]
    return " ".join(word for word in text.split() if "/" not in word and "=" not in word)


def _introduced(text: str) -> str | None:
    """The code behind a title that may have brackets of its own, as in "PyCon (Prague)".

    The last one counts, unless it can be none, or another one is written in capitals as we do.
    """
    introduction = _INTRODUCTION.search(text)
    if introduction is None:
        return None
    found = [match[1] for match in _IN_BRACKETS.finditer(text, introduction.end())]
    in_capitals = [code for code in found if _WHOLE.fullmatch(code)]
    possible = [code for code in found if _WHOLE.fullmatch(code.upper())]
    best = in_capitals or possible or found
    return best[-1].upper() if best else None


def _has_digit(code: str) -> bool:
    return any(char.isdigit() for char in code)
