"""What organisers send."""

import re
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from contracts.commands import EMAIL_CHARACTERS_MAX, NAME_CHARACTERS_MAX, NAME_CHARACTERS_MIN
from contracts.organising import (
    DESCRIPTION_CHARACTERS_MAX,
    LOCATION_CHARACTERS_MAX,
    PARTICIPANTS_MAX,
    REASON_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)

_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(?P<offset>[Zz]|[+-]\d{2}:\d{2})?"
)
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
OFFSET_MIN, OFFSET_MAX = timedelta(hours=-12), timedelta(hours=14)
"""No place on Earth is further from UTC."""
YEAR_MAX = 2200
"""Beyond this a start is a slip of the finger; and arithmetic with zones ends at year 9999."""


def _read_time(value: Any) -> datetime:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("Write it like 2026-09-01T18:30:00+02:00.")
    if found["offset"] is None:
        raise ValueError(
            "The offset from UTC is missing, so this could be any of 26 hours; "
            "write it like 2026-09-01T18:30:00+02:00, or with Z for UTC."
        )
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("There is no such date or time.") from None
    offset = moment.utcoffset()
    if offset is None or not OFFSET_MIN <= offset <= OFFSET_MAX:
        raise ValueError("No place on Earth has this offset; it lies between -12:00 and +14:00.")
    if moment.year > YEAR_MAX:
        raise ValueError(f"The year must not be after {YEAR_MAX}.")
    return moment


def _check_email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("Write it like name@example.org.")
    # Compared with others, so written one way.
    return text.lower()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_zone(name: str) -> str:
    if name not in _zones():
        close = get_close_matches(name, _zones(), n=1)
        hint = f"did you mean {close[0]}?" if close else "write it like Europe/Berlin."
        raise ValueError(f"There is no such time zone; {hint}")
    return name


def _no_control(text: str) -> str:
    if any(ord(char) < 32 and char not in "\n\t" for char in text):
        raise ValueError("It contains a control character; remove it.")
    return text


StartsAt = Annotated[
    datetime,
    BeforeValidator(_read_time),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-09-01T18:30:00+02:00"]}
    ),
]
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_CHARACTERS_MAX),
    AfterValidator(_no_control),
]
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=DESCRIPTION_CHARACTERS_MAX),
    AfterValidator(_no_control),
]
Location = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LOCATION_CHARACTERS_MAX),
    AfterValidator(_no_control),
]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=REASON_CHARACTERS_MAX),
    AfterValidator(_no_control),
]
Zone = Annotated[str, AfterValidator(_check_zone), Field(examples=["Europe/Berlin"])]
Participants = Annotated[int, Field(ge=1, le=PARTICIPANTS_MAX, strict=True)]
Status = Literal["draft", "published"]
WindowEnd = Annotated[
    datetime,
    BeforeValidator(_read_time),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-08-01T09:00:00+02:00"]}
    ),
]
PersonName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=NAME_CHARACTERS_MIN, max_length=NAME_CHARACTERS_MAX
    ),
    AfterValidator(_no_control),
    Field(examples=["Ann Lee"]),
]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=EMAIL_CHARACTERS_MAX),
    AfterValidator(_no_control),
    AfterValidator(_check_email),
    Field(examples=["ann@example.org"]),
]
Scanner = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_no_control),
    Field(examples=["north door"]),
]
GivenReason = Annotated[Reason, StringConstraints(min_length=1)]


class _Body(BaseModel):
    """A misspelt field is refused: silently ignored, it would look as if it had been taken."""

    model_config = ConfigDict(extra="forbid")


class NewEvent(_Body):
    """An event to add."""

    title: Title
    description: Description = ""
    starts_at: StartsAt
    timezone: Zone
    location: Location = ""
    max_participants: Participants
    status: Status = "draft"
    registration_opens_at: WindowEnd | None = None
    """Left out: people can register as soon as it is published."""
    registration_closes_at: WindowEnd | None = None
    """Left out: people can register until it starts."""


class EventChanges(_Body):
    """What is to be different; a field that is left out stays as it is."""

    title: Title | None = None
    description: Description | None = None
    starts_at: StartsAt | None = None
    timezone: Zone | None = None
    location: Location | None = None
    max_participants: Participants | None = None
    status: Status | None = None
    registration_opens_at: WindowEnd | None = None
    """null: as soon as it is published."""
    registration_closes_at: WindowEnd | None = None
    """null: when it starts."""

    @model_validator(mode="after")
    def _no_null(self) -> "EventChanges":
        for name in self.model_fields_set - _NULLABLE:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null; leave it out to keep it as it is.")
        return self


_NULLABLE = {"registration_opens_at", "registration_closes_at"}


class Cancellation(_Body):
    """Why an event or a registration is cancelled."""

    reason: Reason | None = None


class NewRegistration(_Body):
    """Somebody to register by hand."""

    name: PersonName
    email: Email | None = None
    language: Literal["en", "ru"] = "en"


class Move(_Body):
    """Where a registration goes, and why: others wait longer for it."""

    to: Literal["confirmed", "waiting"]
    place: Literal["front", "end"] = "end"
    """Where in the line, when it goes there."""
    reason: GivenReason


class Scan(_Body):
    """A ticket that was shown at the door."""

    ticket: str = Field(min_length=1, max_length=400, examples=["T1.…"])
    scanner: Scanner | None = None
    """Which door or device; whoever shows the same ticket again is told."""
    scanned_at: WindowEnd | None = None
    """When a scanner without a network read it; left out: now. Send the scan's own
    `Idempotency-Key` with it, so that it can be sent again."""
