"""Domains of e-mail addresses that people mistype, and what they mean."""

COMMON_DOMAINS = (
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "icloud.com",
    "yahoo.com",
    "proton.me",
    "protonmail.com",
    "yandex.ru",
    "yandex.com",
    "mail.ru",
    "inbox.ru",
    "rambler.ru",
    "gmx.de",
    "web.de",
)
"""Domains that most people use; a domain one slip away from one of them is questioned."""

REAL_NEIGHBOURS = frozenset(
    {
        *("mail.com", "ymail.com", "email.com", "gmx.com", "gmx.net", "gmx.at", "gmx.ch"),
        *("list.ru", "bk.ru", "ya.ru", "vk.com", "me.com", "live.com", "mac.com", "pm.me"),
        *("outlook.de", "outlook.fr", "hotmail.de", "hotmail.fr", "yahoo.de", "yahoo.fr"),
        *("yahoo.co.uk", "yahoo.co.in", "yandex.by", "yandex.kz", "yandex.ua", "yandex.uz"),
        *("mail.de", "mail.ee", "mail.bg", "mail.kz", "mail.by", "internet.ru", "xmail.ru"),
    }
)
"""Near a common domain and in use by themselves: not questioned."""

ONLY_HERE = {
    "gmail": "gmail.com",
    "googlemail": "googlemail.com",
    "icloud": "icloud.com",
    "protonmail": "protonmail.com",
}
"""Providers with one domain: another ending is a slip, however far it is."""

BARE = {
    **ONLY_HERE,
    "yandex": "yandex.ru",
    "mail": "mail.ru",
    "rambler": "rambler.ru",
    "outlook": "outlook.com",
    "hotmail": "hotmail.com",
    "yahoo": "yahoo.com",
    "proton": "proton.me",
}
"""What is meant by a provider's name without any ending."""

DISTINCT = tuple(domain for domain in COMMON_DOMAINS if len(domain) > len("inbox.ru"))
"""Long enough to be seen at the end of an address that lacks its @."""

_ENDINGS = {
    ending: meant
    for meant, slips in {
        "com": ("con", "vom", "xom", "cim", "cpm", "cmo", "ocm", "comm", "coom", "c0m", "coml"),
        "ru": ("ry", "rru", "ruu", "tu", "ri"),
        "net": ("ner", "nett", "ent"),
        "org": ("orgg", "ogr", "prg"),
    }.items()
    for ending in slips
}
"""Endings that no domain has (IANA's list of top-level domains), and what they mean."""

_WITHOUT_DOT = {domain.replace(".", ""): domain for domain in COMMON_DOMAINS}


def meant_domain(typed: str) -> str | None:
    """The domain that was probably meant, or None when this one looks meant."""
    domain = typed.strip(" .").casefold()
    if domain in COMMON_DOMAINS or domain in REAL_NEIGHBOURS:
        return None
    provider, dot, _ = domain.partition(".")
    if dot and provider in ONLY_HERE:
        return ONLY_HERE[provider]
    if not dot and (known := BARE.get(domain) or _WITHOUT_DOT.get(domain)):
        return known
    for common in COMMON_DOMAINS:
        if _one_slip_apart(domain, common):
            return common
    if dot:
        rest, _, ending = domain.rpartition(".")
        return f"{rest}.{_ENDINGS[ending]}" if ending in _ENDINGS else None
    # The dot is missing, and something else is wrong as well.
    return next((_WITHOUT_DOT[one] for one in _WITHOUT_DOT if _one_slip_apart(domain, one)), None)


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
