"""Links that open a chat with us at one event."""

from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from contracts import AccountsAnswer

Language = Literal["en", "ru"]
TITLE_LENGTH_MAX = 60
TITLE_BYTES_MAX = 120
"""As a link writes it, where a Cyrillic letter takes six: the fewer dots a QR code has, the farther
away it is read."""
_REGISTER: dict[Language, str] = {"en": "Register", "ru": "Регистрация"}
_UNSAFE = str.maketrans(dict.fromkeys("()[]_", " "))
"""What brackets and underscores enclose could be taken for a code."""


class TelegramLink(BaseModel):
    """Opens the bot, and `start` tells it which event is meant."""

    url: str = Field(examples=["https://t.me/turnout_demo_bot?start=event_K7Q2MX"])
    username: str = Field(examples=["turnout_demo_bot"])


class WhatsAppLink(BaseModel):
    """Opens a chat with our number and fills in `text`, which is yet to be sent."""

    url: str = Field(
        examples=["https://wa.me/15550783881?text=Register%3A%20PyCon%20Berlin%20%28K7Q2MX%29"]
    )
    phone: str = Field(examples=["15550783881"])
    """Country code and number, digits only."""
    text: str = Field(examples=["Register: PyCon Berlin (K7Q2MX)"])


class EventLinks(BaseModel):
    """How people get to one event; a platform without an account of ours is null."""

    code: str = Field(examples=["K7Q2MX"])
    """Whoever cannot follow a link writes this."""
    telegram: TelegramLink | None
    whatsapp: WhatsAppLink | None


def links_of(code: str, title: str, accounts: AccountsAnswer, language: Language) -> EventLinks:
    """The links of one event, to the first account of each platform."""
    text = filled_in(code, title, language)
    bot = accounts.telegram[0].username if accounts.telegram else None
    phone = accounts.whatsapp[0].phone if accounts.whatsapp else None
    return EventLinks(
        code=code,
        telegram=bot and TelegramLink(url=f"https://t.me/{bot}?start=event_{code}", username=bot),
        whatsapp=phone
        and WhatsAppLink(
            url=f"https://wa.me/{phone}?text={quote(text, safe='')}", phone=phone, text=text
        ),
    )


def filled_in(code: str, title: str, language: Language) -> str:
    """The sentence that WhatsApp fills in; the code stands in its only brackets, at its end."""
    words = shortened(" ".join(title.translate(_UNSAFE).split()), TITLE_LENGTH_MAX)
    while len(quote(words, safe="")) > TITLE_BYTES_MAX:
        words = shortened(words, len(words) - 1)
    return " ".join(part for part in (f"{_REGISTER[language]}:", words, f"({code})") if part)


def shortened(text: str, length_max: int) -> str:
    """At most `length_max` characters, cut between words where there is a gap near the end."""
    if len(text) <= length_max:
        return text
    cut = text[: length_max - 1]
    words, gap, _ = cut.rpartition(" ")
    return (words if gap and len(words) > length_max // 2 else cut).rstrip() + "…"
