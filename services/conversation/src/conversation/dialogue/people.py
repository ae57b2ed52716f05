"""Names and e-mail addresses as people type them."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from contracts.commands import NAME_CHARACTERS_MAX, NAME_CHARACTERS_MIN

COMMON_DOMAINS = (
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "icloud.com",
    "yahoo.com",
    "proton.me",
    "yandex.ru",
    "yandex.com",
    "mail.ru",
    "rambler.ru",
    "gmx.de",
    "web.de",
)
"""Domains that most people use; a domain one slip away from one of them is questioned."""

REAL_NEIGHBOURS = frozenset({"mail.com", "ymail.com", "email.com", "gmx.com", "gmx.net"})
"""One slip away from a common domain and in use by themselves: not questioned."""


def name_of(text: str) -> str | None:
    """The name in any script with plain spaces, or None when it cannot be one."""
    composed = unicodedata.normalize("NFC", text)
    # Control and invisible format characters (direction marks …) would break tickets and lists;
    # the joiners stay, because Persian and Indic names need them.
    seen = "".join(
        char
        for char in composed
        if char in "\u200c\u200d" or char.isspace() or unicodedata.category(char)[0] != "C"
    )
    name = " ".join(seen.split())
    if not NAME_CHARACTERS_MIN <= len(name) <= NAME_CHARACTERS_MAX:
        return None
    return name if any(char.isalpha() for char in name) else None


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
    domain = domain.casefold()
    if domain in COMMON_DOMAINS or domain in REAL_NEIGHBOURS:
        return None
    for common in COMMON_DOMAINS:
        if _one_slip_apart(domain, common):
            return f"{local}@{common}"
    return None


def _one_slip_apart(typed: str, meant: str) -> bool:
    """One letter too many, too few, wrong, or two neighbours swapped."""
    if abs(len(typed) - len(meant)) > 1 or typed == meant:
        return False
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:
        start += 1
    left, right = typed[start:], meant[start:]
    return (
        left[1:] == right[1:]
        or left[1:] == right
        or left == right[1:]
        or (left[:2] == right[1::-1] and left[2:] == right[2:])
    )
