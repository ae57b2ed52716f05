"""What people read: one gettext catalogue per language, compiled in memory at start."""

import gettext
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Literal, NoReturn, get_args

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Texts:
    """One language. Keys stand in the code as literals, so that a sentence is one grep away."""

    def __init__(self, language: Language, catalogue: gettext.NullTranslations) -> None:
        self.language = language
        self._catalogue = catalogue

    def say(self, key: str, **values: object) -> str:
        """The sentence of this key with its places filled.

        Raises:
            KeyError: the catalogue has no such key, or the sentence wants a value not given.
        """
        return self._catalogue.gettext(key).format(**values)

    def count(self, key: str, number: int, **values: object) -> str:
        """The sentence in the plural form that `number` takes; it may show it as `{number}`."""
        return self._catalogue.ngettext(key, key, number).format(number=number, **values)


class _Strict(gettext.NullTranslations):
    """Asked when a key is missing: a person must never be shown a key."""

    def gettext(self, message: str) -> NoReturn:
        raise KeyError(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> NoReturn:
        raise KeyError(msgid1)


@cache
def texts(language: Language) -> Texts:
    """The texts of one language, compiled on first use."""
    source = files("conversation") / "locale" / language / "LC_MESSAGES" / "conversation.po"
    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(source.read_bytes()), locale=language, abort_invalid=True))
    compiled.seek(0)
    catalogue = gettext.GNUTranslations(compiled)
    catalogue.add_fallback(_Strict())
    return Texts(language, catalogue)


def compile_all() -> None:
    """Compile every language now, so that a broken catalogue stops the start and not a chat."""
    for language in LANGUAGES:
        texts(language)
