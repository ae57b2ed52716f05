"""Which language somebody is greeted in, before anybody has said which."""

from dataclasses import dataclass

from babel.core import get_global
from babel.languages import get_territory_language_info

from contracts import Address, Sender
from conversation.dialogue.codes import own_words
from conversation.texts import Language


@dataclass(frozen=True, slots=True)
class Guess:
    """A language, and whether the hint for it is worth trusting."""

    language: Language
    sure: bool


CALLING_CODES: dict[str, str] = {
    # Russian has a standing there; the 7 is Kazakhstan's as well, with the same answer.
    "7": "RU",
    "375": "BY",
    "996": "KG",
    "992": "TJ",
    "998": "UZ",
    "993": "TM",
    "995": "GE",
    "373": "MD",
    # English is official there.
    "1": "US",
    "44": "GB",
    "353": "IE",
    "61": "AU",
    "64": "NZ",
    "65": "SG",
    "91": "IN",
    "27": "ZA",
    "234": "NG",
    "254": "KE",
    "233": "GH",
    "63": "PH",
    "92": "PK",
    "356": "MT",
}
"""Country calling codes (ITU-T E.164) and the territory that stands for them."""

_NOT_PRESUMED = frozenset({"UA"})
"""Many speak Russian there and would rather not be addressed in it unasked."""
_OFFICIAL = ("official", "de_facto_official")


def guess_of(address: Address, sender: Sender, text: str = "") -> Guess:
    """The language to greet in.

    Args:
        address: Telegram's people have their app's language; WhatsApp's a country, in the number
            or before the BSUID (platforms.md B3).
        sender: what the platform says of the person.
        text: what was said first; where there is no better hint, its script is one.
    """
    guess = _of_platform(address, sender)
    if not guess.sure and _is_in_cyrillic(own_words(text)):
        return Guess("ru", sure=False)
    return guess


def _of_platform(address: Address, sender: Sender) -> Guess:
    if address.platform == "telegram":
        return _of_app((sender.language or "").replace("_", "-").casefold().partition("-")[0])
    number = sender.phone or address.chat_id
    if (digits := number.removeprefix("+")).isdigit():
        return _of_number(digits)
    return _of_territory(address.chat_id.partition(".")[0])


def _of_app(code: str) -> Guess:
    if code == "ru":
        return Guess("ru", sure=True)
    if code == "en":
        return Guess("en", sure=True)
    # The country where it is spoken most tells which other language is likely understood.
    likely = get_global("likely_subtags").get(code, "")
    territory = likely.rpartition("_")[2]
    return Guess(_of_territory(territory).language, sure=False)


def _of_number(digits: str) -> Guess:
    for length in (3, 2, 1):
        if (territory := CALLING_CODES.get(digits[:length])) is not None:
            return _of_territory(territory)
    return Guess("en", sure=False)


def _of_territory(territory: str) -> Guess:
    spoken = get_territory_language_info(territory)
    russian, english = spoken.get("ru"), spoken.get("en")
    if territory in _NOT_PRESUMED:
        return Guess("en", sure=False)
    if russian is not None and russian["official_status"] in _OFFICIAL:
        return Guess("ru", sure=True)
    if russian is not None and english is None:
        return Guess("ru", sure=False)
    official = english is not None and english["official_status"] in _OFFICIAL
    return Guess("en", sure=official)


def _is_in_cyrillic(text: str) -> bool:
    """Letters that Ukrainian has and Russian has not tell that it is not Russian."""
    letters = [char for char in text.casefold() if char.isalpha()]
    cyrillic = [char for char in letters if "\u0400" <= char <= "\u04ff"]
    return len(cyrillic) * 2 > len(letters) and not set("іїєґ") & set(cyrillic)
