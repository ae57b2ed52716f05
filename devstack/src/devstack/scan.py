"""Looking through logs for what must never be in them: secrets, and anything personal.

`leaks(paths, words)` after a run in which the words were really used: it knows the values, so it
finds them in any form of line, in a traceback, in a URL, in another service's words. What nobody
put in cannot be missed, so a test also plants one and sees that it is found.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

WORD_CHARACTERS_MIN = 5
"""Shorter words are in any log by chance."""

SECRET_NAME = re.compile(r"_(TOKEN|SECRET|KEY|PASSWORD|DSN)(_PREVIOUS)?$")
"""Which settings are secrets, by their names."""

E_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}")
PHONE = re.compile(r"(?<![\w.:+-])\+?[1-9]\d{10,14}(?![\w.:-])")
"""A number of a phone's length on its own: not a part of a longer one, an id, or a time."""
BOT_TOKEN = re.compile(r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{10,}")


def secrets_of(environment: Mapping[str, str]) -> dict[str, str]:
    """What of a process's environment is secret, by the variable's name."""
    return {name: value for name, value in environment.items() if SECRET_NAME.search(name)}


def leaks(paths: Iterable[Path], words: Mapping[str, str]) -> list[str]:
    """Where one of the words is in one of the files, or something that looks personal.

    Args:
        paths: the logs; one that does not exist has nothing in it.
        words: what must not be there, by what it is called in the answer. Each is looked for as
            it is, as JSON, URLs and base64 write it.

    Returns:
        One line for each line of a log and each find: the file, its line's number, and what it
        is, never the text itself: the answer may be printed.

    Raises:
        ValueError: a word is too short to be looked for.
    """
    if short := [name for name, word in words.items() if len(word) < WORD_CHARACTERS_MIN]:
        raise ValueError(f"too short to be looked for: {', '.join(short)}")
    wanted = re.compile("|".join(_forms(words))) if words else None
    names = {form: name for name, word in words.items() for form in _written(word)}
    found = []
    for path in paths:
        if not path.exists():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
            kinds = {names[one] for one in wanted.findall(line)} if wanted else set()
            kinds |= {
                kind
                for kind, pattern in (
                    ("an e-mail address", E_MAIL),
                    ("a phone number", PHONE),
                    ("a bot's token", BOT_TOKEN),
                )
                if pattern.search(line)
            }
            found += [f"{path.name}:{number}: {kind}" for kind in sorted(kinds)]
    return found


def _forms(words: Mapping[str, str]) -> list[str]:
    # The longest first: of two that begin alike the whole one is named.
    forms = {form for word in words.values() for form in _written(word)}
    return [re.escape(form) for form in sorted(forms, key=len, reverse=True)]


def _written(word: str) -> set[str]:
    return {
        word,
        json.dumps(word)[1:-1],
        quote(word, safe=""),
        base64.b64encode(word.encode()).decode().rstrip("="),
    }
