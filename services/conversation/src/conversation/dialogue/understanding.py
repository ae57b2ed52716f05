"""What somebody means who types: everything that can be tapped can be said in words."""

import re

from conversation.dialogue.codes import bracketed_code, certain_code
from conversation.dialogue.state import Offer
from conversation.dialogue.words import (
    CHOICES,
    COMMANDS,
    NAMES_TOO,
    NUMBERS,
    ROLES,
    on_the_other_keyboard,
    plain,
)

_CHOICE_OF = {word: choice for choice, words in CHOICES.items() for word in words}
_ROLE_OF = {word: role for role, words in ROLES.items() for word in words}
_NUMBER_OF = {word: n for n, words in enumerate(NUMBERS, start=1) for word in words}

_COMMAND = re.compile(r"[/\\]\s?([^\s@]+)(?:@\S+)?(?: (.*))?")
_NUMBER = re.compile(
    r"(?:[#№]|no|nr|number|option|номер|вариант)?\.?\s*([0-9]{1,2})\ufe0f?\u20e3?\s*[.)]?"
)

YES_OR_NO = frozenset(ROLES["yes"] + ROLES["no"])


def choice_of(text: str, offered: tuple[Offer, ...], *, free_text: bool) -> str | None:
    """The id of the choice that the text stands for, or None when it is just text.

    Args:
        text: what was typed.
        offered: the choices of the last prompt.
        free_text: a name or an address is expected, so that less is read into the text.
    """
    if code := certain_code(text):
        return f"ev:{code}"
    said = " ".join(text.split())
    if command := _COMMAND.fullmatch(said):
        return _command(plain(command[1]).replace("_", " "), command[2] or "")
    if not free_text and (code := bracketed_code(said)):
        return f"ev:{code}"
    word = plain(said)
    return (
        _numbered(word, offered)
        or _labelled(word, offered)
        or (None if free_text else _numbered_in_words(word, offered))
        or (None if free_text and word in NAMES_TOO else _worded(word, offered))
        or (None if free_text else _worded(on_the_other_keyboard(word), offered))
    )


def is_yes_or_no(text: str) -> bool:
    """Whether it is an answer to a question that may not have been asked."""
    return plain(text) in YES_OR_NO


def _command(name: str, argument: str) -> str:
    wanted = f"lang:{argument.casefold()}"
    if name in ("language", "lang") and wanted in CHOICES:
        return wanted
    spellings = (name, plain(f"{name} {argument}"), on_the_other_keyboard(name))
    known = {**_CHOICE_OF, **COMMANDS}
    return next((known[one] for one in spellings if one in known), "unknown")


def _worded(word: str, offered: tuple[Offer, ...]) -> str | None:
    # Where the slash is on one keyboard, the other has a full stop.
    return _in_role(word, offered) or _CHOICE_OF.get(word.lstrip("./|"))


def _numbered(word: str, offered: tuple[Offer, ...]) -> str | None:
    number = _NUMBER.fullmatch(word)
    return _at(int(number[1]), offered) if number else None


def _numbered_in_words(word: str, offered: tuple[Offer, ...]) -> str | None:
    number = _NUMBER_OF.get(word)
    return _at(number, offered) if number else None


def _at(number: int, offered: tuple[Offer, ...]) -> str | None:
    return offered[number - 1].id if 1 <= number <= len(offered) else None


def _labelled(word: str, offered: tuple[Offer, ...]) -> str | None:
    return next((offer.id for offer in offered if plain(offer.label) == word), None)


def _in_role(word: str, offered: tuple[Offer, ...]) -> str | None:
    role = "back" if _CHOICE_OF.get(word) == "back" else _ROLE_OF.get(word)
    if role == "no" and {offer.role for offer in offered} == {"yes", "back"}:
        role = "back"  # between going on and going back, no is back
    return next((offer.id for offer in offered if role and offer.role == role), None)
