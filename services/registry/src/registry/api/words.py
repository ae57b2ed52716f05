"""In which language sentences are told."""

from typing import Annotated

from fastapi import Depends, Header, Query

from registry.links import Language


async def _read_language(
    language: Annotated[
        Language | None, Query(description="Of sentences: `en` or `ru`; else as Accept-Language.")
    ] = None,
    accept_language: Annotated[str | None, Header()] = None,
) -> Language:
    """The language asked for, else the first of the browser's that we have, else English."""
    if language is not None:
        return language
    for wanted in (accept_language or "").split(","):
        match wanted.partition(";")[0].strip().casefold().partition("-")[0]:
            case "ru":
                return "ru"
            case "en":
                return "en"
    return "en"


ReadLanguage = Annotated[Language, Depends(_read_language)]
