"""What stands on a poster, in the language of those who pass by."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_location

from registry.links import EventLinks, Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """Everything that a poster tells."""

    title: str
    starts_at: datetime
    timezone: str
    location: str
    links: EventLinks
    language: Language


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language."""

    scan: str
    at: str
    """With `{time}` and `{city}`."""
    write: str
    """Above the short code."""


WORDS: dict[Language, Words] = {
    "en": Words(
        scan="Scan to register",
        at="{time} ({city} time)",
        write="No camera? Send us this code",
    ),
    "ru": Words(
        scan="Наведите камеру, чтобы записаться",
        at="{time} (время: {city})",
        write="Без камеры? Пришлите нам этот код",
    ),
}


def date_of(poster: Poster) -> str:
    """The day: "Sunday, December 6, 2026"."""
    local = poster.starts_at.astimezone(ZoneInfo(poster.timezone))
    day = _plain(format_date(local, "full", locale=poster.language))
    return day[:1].upper() + day[1:]


def time_of(poster: Poster) -> str:
    """The hour in the event's zone: "6:00 PM (Berlin time)"."""
    zone = ZoneInfo(poster.timezone)
    local = poster.starts_at.astimezone(zone)
    return WORDS[poster.language].at.format(
        time=_plain(format_time(local, "short", tzinfo=zone, locale=poster.language)),
        city=get_timezone_location(zone, locale=poster.language, return_city=True),
    )


def _plain(text: str) -> str:
    # CLDR puts narrow no-break spaces into dates, which few fonts have.
    return text.replace("\u202f", " ").replace("\u00a0", " ")
