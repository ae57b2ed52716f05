"""The templates as our files describe them."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Language = Literal["en", "ru"]
Category = Literal["utility", "marketing", "authentication"]

LANGUAGES: tuple[Language, ...] = ("en", "ru")
LANGUAGE_CODES: Mapping[Language, str] = MappingProxyType({"en": "en_US", "ru": "ru"})
"""Meta's codes of the languages that our templates are submitted in."""
SENT_CHARACTERS_MAX = 1024
"""A body with its parameters put in; Meta answers 132005 to a longer one. Counted in UTF-16 units,
the stricter of the two ways, because Meta does not say which it uses."""

PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Button(_Part):
    """A quick reply. What is tapped comes back as its payload, given with each message."""

    choice: str | None = None
    """The payload is the id of the message's own choice with this verb: `drop` → `drop:<id>`."""
    payload: str | None = None
    """The payload is always this one."""
    en: str
    ru: str

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if (self.choice is None) == (self.payload is None):
            raise ValueError("a button has either a choice or a payload")
        return self

    def label(self, language: Language) -> str:
        """What is on it."""
        return self.en if language == "en" else self.ru

    def payload_among(self, choice_ids: Sequence[str]) -> str | None:
        """What comes back when it is tapped; None: the message has no such choice."""
        if self.payload is not None:
            return self.payload
        found = (one for one in choice_ids if one.partition(":")[0] == self.choice)
        return next(found, None)


class Wording(_Part):
    """A template in one language."""

    body: str
    """`{{1}}` is the first parameter."""
    examples: tuple[str, ...]
    """One for each parameter; Meta's reviewers want to see them."""
    copy_button: str | None = None
    """Authentication only: the button that copies the code."""


class TemplateFile(_Part):
    """One file of `data`; its name is the template's."""

    name: str
    category: Category
    parameters: tuple[str, ...]
    """What each stands for, in the order of their numbers."""
    buttons: tuple[Button, ...] = ()
    code_expiration_minutes: Annotated[int, Field(ge=1, le=90)] | None = None
    """Authentication only."""
    en: Wording
    ru: Wording

    def wording(self, language: Language) -> Wording:
        """The template in this language."""
        return self.en if language == "en" else self.ru

    def sent(self, language: Language, parameters: Sequence[str]) -> str:
        """The body as a person reads it."""
        return PLACEHOLDER.sub(
            lambda found: parameters[int(found[1]) - 1], self.wording(language).body
        )

    def takes(self, language: Language, parameters: Sequence[str]) -> bool:
        """Whether these parameters are as many as it has, and the whole is short enough."""
        if len(parameters) != len(self.parameters):
            return False
        text = self.sent(language, [" ".join(value.split()) for value in parameters])
        return len(text.encode("utf-16-le")) // 2 <= SENT_CHARACTERS_MAX


def parse(name: str, text: str) -> TemplateFile:
    """A template from the text of its file.

    Raises:
        ValueError: it is no TOML, or not what `TemplateFile` describes.
    """
    return TemplateFile.model_validate({"name": name, **tomllib.loads(text)})


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, TemplateFile]:
    """Every template, by name."""
    folder = files("notifier.templates") / "data"
    found = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")),
        key=lambda entry: entry.name,
    )
    named = ((entry.name.removesuffix(".toml"), entry) for entry in found)
    return MappingProxyType(
        {name: parse(name, entry.read_text(encoding="utf-8")) for name, entry in named}
    )
