"""Names and e-mail addresses as people type them."""

import re
import unicodedata
from typing import Literal

from email_validator import EmailNotValidError, validate_email

from contracts.commands import EMAIL_CHARACTERS_MAX, NAME_CHARACTERS_MAX, NAME_CHARACTERS_MIN
from conversation.dialogue.domains import DISTINCT, meant_domain

NameTrouble = Literal["email", "link", "question", "digits", "signs", "length"]
"""Why something is not taken for a name."""

AROUND_AN_ADDRESS_CHARACTERS_MAX = 2 * EMAIL_CHARACTERS_MAX
"""In a longer text nobody looks for an address."""

_JOINERS = "\u200c\u200d"
"""Invisible, and needed by Persian and Indic names."""
_MADE_OF = ("L", "M", "N")
"""Letters, the marks on them, and numbers, as in Elizabeth 2."""
_LINK = re.compile(
    r"://|\bwww\.|\b(?:t|wa)\.me/|\w\.(?:com|net|org|info|biz|io|ru|рф|su|xyz|site|online)\b",
    re.IGNORECASE,
)
_FANCY = re.compile("[\U0001d400-\U0001d7ff]")
"""Mathematical letters, which some write their names in and hardly any printer can draw."""
_EMOJI_PARTS = "\ufe0f\ufe0e\u20e3"

_AT = re.compile(r"\s*(?:\(at\)|\[at\]|\{at\}|\sat\s|\sсобака\s|\(собака\)|@+|\"|＠)\s*")
"""What stands for @; the quotation mark is what a Russian keyboard makes of its key."""
_DOT = re.compile(r"\s*(?:\(dot\)|\[dot\]|\sdot\s|\sточка\s|,|\.\.+|[。．])\s*")
_AROUND = " \t\r\n<>()[]{}\"'«»“”.,;:!?/"
_LATIN_OF_CYRILLIC = str.maketrans("асеорхуАВСЕНКМОРТХ", "aceopxyABCEHKMOPTX")


def name_of(text: str) -> str | None:
    """The name in any script with plain spaces, or None when it cannot be one.

    Pictures are left out: they cannot be printed on a ticket, nor sorted in a list of guests.
    """
    composed = unicodedata.normalize("NFC", _FANCY.sub(_in_plain_letters, text))
    # Control and invisible format characters (direction marks …) would break tickets and lists.
    seen = "".join(char for char in composed if char.isspace() or _is_printed(char))
    words = (word.strip(_JOINERS) for word in seen.split())
    name = " ".join(word for word in words if word)
    if not NAME_CHARACTERS_MIN <= len(name) <= NAME_CHARACTERS_MAX:
        return None
    return name if any(char.isalpha() for char in name) else None


def name_trouble(text: str) -> NameTrouble | None:
    """What speaks against this as a name, in the order that helps most."""
    if "@" in text:
        return "email"
    if _LINK.search(text):
        return "link"
    if text.rstrip().endswith(("?", "？", "؟")) and any(char.isalpha() for char in text):
        return "question"
    if any(char.isalpha() for char in text):
        return None if name_of(text) is not None else "length"
    if any(char.isdigit() for char in text):
        return "digits"
    return "signs"


def email_of(text: str) -> str | None:
    """The address in its normal form, or None; only its form is looked at, not its domain."""
    try:
        found = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError:
        return None
    return found.normalized


def suggested_email(email: str) -> str | None:
    """The address that was probably meant, or None when this one looks meant."""
    local, _, domain = email.rpartition("@")
    plain = local.translate(_LATIN_OF_CYRILLIC)
    lookalike = not local.isascii() and plain.isascii()
    meant = meant_domain(domain)
    if meant is None and not lookalike:
        return None
    return f"{plain if lookalike else local}@{meant or domain}"


def meant_email(text: str) -> str | None:
    """The address that is probably meant by something that is none, or None."""
    if len(text) > AROUND_AN_ADDRESS_CHARACTERS_MAX:
        return None
    said = f" {text.casefold() if text.isupper() else text} ".replace("mailto:", " ")
    # One address among other words; before anything else is read into them.
    found = {email for word in said.split() if (email := email_of(word.strip(_AROUND)))}
    if found:
        return _corrected(found.pop()) if len(found) == 1 else None
    said = _DOT.sub(".", _AT.sub("@", said))
    words = [word.strip(_AROUND) for word in said.split()]
    for candidate in (*(word for word in words if "@" in word), "".join(words)):
        local, at, domain = candidate.rpartition("@")
        if not at:
            continue
        whole = f"{local.strip('.')}@{meant_domain(domain) or domain}"
        if (email := email_of(whole)) is not None:
            return email
    return _without_at("".join(words))


def _without_at(said: str) -> str | None:
    for domain in DISTINCT:
        if "@" not in said and said.endswith(domain):
            return email_of(f"{said.removesuffix(domain).strip(_AROUND + '#')}@{domain}")
    return None


def is_like_an_address(text: str) -> bool:
    """Whether an address was meant, however badly it is written."""
    return "@" in text or meant_email(text) is not None


def _corrected(email: str) -> str:
    return suggested_email(email) or email


def _in_plain_letters(fancy: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", fancy[0])


def _is_printed(char: str) -> bool:
    if char in _JOINERS:
        return True
    if char in _EMOJI_PARTS:
        return False
    category = unicodedata.category(char)
    return category[0] in (*_MADE_OF, "P") or (category in ("Sk", "Sm", "Sc") and char in "`´^+")
