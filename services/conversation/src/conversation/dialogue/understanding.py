"""What somebody means who types: everything that can be tapped can be said in words."""

import re

from conversation.dialogue.state import Offer, Role

_WORDS: dict[str, tuple[str, ...]] = {
    # The id of a choice, and how people say it. Both languages always work.
    "start": ("start", "старт", "начать", "начало", "заново"),
    "events": ("events", "event list", "мероприятия", "события", "список мероприятий", "афиша"),
    "my": ("my", "my registrations", "registrations", "мои", "мои записи", "мои регистрации"),
    "tickets": ("ticket", "my ticket", "tickets", "билет", "мой билет", "билеты", "мои билеты"),
    "cancel": ("cancel", "cancel registration", "отмена", "отменить", "отменить запись"),
    "back": ("back", "go back", "назад"),
    "help": ("help", "?", "помощь", "помоги", "помогите", "справка"),
    "lang": ("language", "change language", "язык", "сменить язык"),
    "lang:en": ("english", "in english", "английский", "по-английски"),
    "lang:ru": ("russian", "in russian", "русский", "по-русски"),
}
_ROLES: dict[Role, tuple[str, ...]] = {
    "yes": (
        "yes",
        "y",
        "yep",
        "yeah",
        "ok",
        "okay",
        "sure",
        "да",
        "ага",
        "ок",
        "хорошо",
        "конечно",
    ),
    "no": ("no", "n", "nope", "нет", "не надо", "не нужно"),
    "next": ("next", "more", "дальше", "далее", "ещё", "еще"),
    "previous": ("previous", "prev", "раньше"),
}
_CHOICE_OF = {word: choice for choice, words in _WORDS.items() for word in words}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words}

CODE_ALPHABET = "A-HJ-NP-Z2-9"
"""Short codes have no 0, O, 1 and I, which people mix up."""
_COMMAND = re.compile(r"/([^\s@]+)(?:@\S+)?(?: (.*))?")
_DEEP_LINK = re.compile(rf"event_([{CODE_ALPHABET}]{{6}})")
_LINK_TEXT = re.compile(
    rf"(?:register|регистрация)\s*:.*\(([{CODE_ALPHABET}]{{6}})\)", re.IGNORECASE | re.DOTALL
)
_BRACKETED_CODE = re.compile(rf"\(([{CODE_ALPHABET}]{{6}})\)")
_NUMBER = re.compile(r"[#№]?\s*([0-9]{1,2})\s*[.)]?")

YES_OR_NO = frozenset(_ROLES["yes"] + _ROLES["no"])


def choice_of(text: str, offered: tuple[Offer, ...], *, free_text: bool) -> str | None:
    """The id of the choice that the text stands for, or None when it is just text.

    Args:
        text: what was typed.
        offered: the choices of the last prompt.
        free_text: a name or an address is expected, so that less is read into the text.
    """
    said = " ".join(text.split())
    if command := _COMMAND.fullmatch(said):
        return _command(command[1].casefold().replace("_", " "), command[2] or "")
    if link := _LINK_TEXT.search(said):
        return f"ev:{link[1].upper()}"
    if not free_text and (code := _BRACKETED_CODE.search(said)):
        return f"ev:{code[1]}"
    word = said.casefold().rstrip("!.") or said
    return (
        _numbered(said, offered)
        or _labelled(said.casefold(), offered)
        or _in_role(word, offered)
        or _CHOICE_OF.get(word)
    )


def is_yes_or_no(text: str) -> bool:
    """Whether it is an answer to a question that may not have been asked."""
    return text.strip().casefold().rstrip("!.") in YES_OR_NO


def _command(name: str, argument: str) -> str:
    if name == "start" and (link := _DEEP_LINK.fullmatch(argument)):
        return f"ev:{link[1]}"
    if name == "language" and argument.casefold() in ("en", "ru"):
        return f"lang:{argument.casefold()}"
    return _CHOICE_OF.get(name, "unknown")


def _numbered(said: str, offered: tuple[Offer, ...]) -> str | None:
    number = _NUMBER.fullmatch(said)
    if number and 1 <= int(number[1]) <= len(offered):
        return offered[int(number[1]) - 1].id
    return None


def _labelled(said: str, offered: tuple[Offer, ...]) -> str | None:
    return next((offer.id for offer in offered if offer.label.casefold() == said), None)


def _in_role(word: str, offered: tuple[Offer, ...]) -> str | None:
    role = "back" if _CHOICE_OF.get(word) == "back" else _ROLE_OF.get(word)
    return next((offer.id for offer in offered if role and offer.role == role), None)
