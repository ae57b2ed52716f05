"""What the admin reads, in both languages."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from contracts import Platform
from gateway.webhooks.findings import Name

Language = Literal["en", "ru"]
Moment = Literal["began", "over"]
PLATFORM_NAMES: dict[Platform, str] = {"telegram": "Telegram", "whatsapp": "WhatsApp"}


def in_words(
    moment: Moment, language: Language, *, platform: Platform, account: str, finding: Name
) -> str:
    """What is said when a finding began or is over."""
    catalogue = _catalogue(language)
    what: str = catalogue["what"][finding]
    sentence: str = catalogue[moment]
    return sentence.format(platform=PLATFORM_NAMES[platform], account=account, what=what)


@cache
def _catalogue(language: Language) -> dict[str, Any]:
    source = files("gateway.webhooks") / "locale" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))
