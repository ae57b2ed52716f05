"""When something is, in words: in the event's own zone and the reader's language."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, format_time, get_timezone_location

from conversation.texts import Language, texts

REMEMBERED_MAX = 1024
"""Moments in words; the same few events are told to many."""


@lru_cache(REMEMBERED_MAX)
def in_words(at: datetime, zone_name: str, language: Language) -> str:
    """Date, time and zone: "Sunday, December 6, 2026, 6:00 PM (Berlin time)"."""
    zone = ZoneInfo(zone_name)
    local = at.astimezone(zone)
    return texts(language).say(
        "moment.full",
        date=_plain(format_date(local, "full", locale=language)),
        time=_time(local, zone, language),
        city=get_timezone_location(zone, locale=language, return_city=True),
    )


@lru_cache(REMEMBERED_MAX)
def in_brief(at: datetime, zone_name: str, language: Language) -> str:
    """Short enough for a row of a list: "Sun, Dec 6, 6:00 PM"."""
    zone = ZoneInfo(zone_name)
    local = at.astimezone(zone)
    return texts(language).say(
        "moment.brief",
        date=_plain(format_skeleton("MMMEd", local, locale=language)),
        time=_time(local, zone, language),
    )


def of_day(at: datetime, zone_name: str, language: Language) -> str:
    """A moment of the last hour: "6:00 PM (Berlin time)"."""
    zone = ZoneInfo(zone_name)
    return texts(language).say(
        "moment.of-day",
        time=_time(at.astimezone(zone), zone, language),
        city=get_timezone_location(zone, locale=language, return_city=True),
    )


def _time(local: datetime, zone: ZoneInfo, language: Language) -> str:
    return _plain(format_time(local, "short", tzinfo=zone, locale=language))


def _plain(text: str) -> str:
    # CLDR puts narrow no-break spaces into dates; some phones draw them as boxes.
    return text.replace("\u202f", " ").replace("\u00a0", " ")
