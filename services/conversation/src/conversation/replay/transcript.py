"""A chat written down: what the world was like, what the person did, and what was answered."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from contracts import EventStatus, NoticeKind, Platform, RegistrationStatus
from conversation.replay.registry import Manner

LINE_CHARACTERS_MAX = 96
CLOCK = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

Media = Literal["photo", "voice", "audio", "video", "document", "sticker", "location"]
Sent = Media | Literal["contact", "poll", "reaction"]
"""What a person can send that is no text."""

_SPAN = re.compile(r"(\d+) (second|minute|hour|day)s?")


class Unreadable(Exception):
    """The file is no transcript; the message says why, without quoting what people said."""


class _Told(BaseModel):
    """A part of a transcript: a mistyped key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _span(value: object) -> object:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    return timedelta(**{f"{found[2]}s": int(found[1])}) if found else value


class ToldEvent(_Told):
    """An event as the registry knew it."""

    title: str
    code: str
    starts_at: AwareDatetime
    timezone: str = "Europe/Berlin"
    location: str = ""
    description: str = ""
    max_participants: int = 20
    seats_left: int = 12
    waiting: int = 0
    status: EventStatus = "published"
    registration_opens_at: AwareDatetime | None = None
    registration_closes_at: AwareDatetime | None = None


class ToldRegistration(_Told):
    """What the person had at an event when the chat began."""

    event: str
    """Its title or code."""
    status: RegistrationStatus = "confirmed"
    name: str = "Ann Example"
    position: int | None = None
    offer_expires_at: AwareDatetime | None = None


class ToldElsewhere(_Told):
    """The person as they are known from another messenger."""

    email: str = "ann@example.org"
    platform: Platform
    name: str = "Ann Example"
    registrations: tuple[ToldRegistration, ...] = ()


class Notice(_Told):
    """Something is due to be told about what the person has at an event."""

    kind: NoticeKind
    event: str


class Meanwhile(_Told):
    """What happened without the person."""

    registry: Manner | None = None
    fails: bool = False
    """The next command cannot be carried out."""
    events: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Changed values by the event's title or code."""
    offered: str | None = None
    """A seat came free at this event, for this person."""
    expired: str | None = None
    """It was kept long enough."""
    notice: Notice | None = None


class Heard(_Told):
    """One bubble of the bot, with the labels of its choices."""

    text: str
    choices: tuple[str, ...] = ()
    document: Literal["ticket", "calendar", "mydata"] | None = None


class Turn(_Told):
    """One thing that happened, and what was answered. A bare text is something said."""

    says: str | None = None
    taps: str | None = None
    """The label of a choice; the newest message that offers it is meant."""
    sends: Sent | None = None
    edits: str | None = None
    """An earlier message of the person now reads like this."""
    passes: Annotated[timedelta | None, BeforeValidator(_span)] = None
    """"20 minutes", "31 days"."""
    meanwhile: Meanwhile | None = None
    hears: tuple[Heard, ...] | None = None
    """None: nobody has written it down yet."""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"says": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if len(self.happened) != 1:
            raise ValueError("a turn says, taps, sends, edits, passes or has a meanwhile")
        return self

    @property
    def happened(self) -> dict[str, object]:
        """What happened, under its name."""
        things = ("says", "taps", "sends", "edits", "passes", "meanwhile")
        return {name: at for name in things if (at := getattr(self, name)) is not None}


PYCON = ToldEvent(
    title="PyCon",
    code="K7Q2MX",
    starts_at=datetime(2026, 12, 6, 17, 0, tzinfo=UTC),
    location="Hall 3",
)
JAZZ = ToldEvent(
    title="Jazz on the Roof",
    code="JAZZ42",
    starts_at=datetime(2026, 12, 12, 19, 0, tzinfo=UTC),
    location="Dachgarten",
    seats_left=0,
    waiting=2,
)


class Transcript(_Told):
    """One person's chat."""

    about: str = ""
    platform: Literal["telegram", "whatsapp"] = "telegram"
    language: str = "en"
    """Of the app on Telegram; of the country that the number belongs to on WhatsApp."""
    name: str | None = "Ann Example"
    """What the person is called on the platform."""
    phone: str | None = None
    """On WhatsApp; its country tells the language. None: one of the language's country."""
    clock: AwareDatetime = CLOCK
    events: tuple[ToldEvent, ...] = (PYCON, JAZZ)
    registrations: tuple[ToldRegistration, ...] = ()
    proof_by_email: bool = False
    """Seats are held until an address is proven; every code is 123456."""
    elsewhere: ToldElsewhere | None = None
    turns: tuple[Turn, ...]


def read(path: Path) -> Transcript:
    """Read a transcript.

    Raises:
        Unreadable: it is none.
        OSError: there is no such file.
    """
    try:
        return Transcript.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise Unreadable(f"{path}: no YAML{where}") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        )
        raise Unreadable(f"{path}: {wrong}") from error


def write(transcript: Transcript, path: Path) -> None:
    """Write it so that a person likes to read it; what was left out stays left out."""
    path.write_text(as_text(transcript), encoding="utf-8")


def as_text(transcript: Transcript) -> str:
    """The transcript as its file holds it."""
    told = transcript.model_dump(exclude_unset=True, exclude={"turns"})
    told["turns"] = [_told(turn) for turn in transcript.turns]
    return yaml.dump(
        told, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=LINE_CHARACTERS_MAX
    )


def _told(turn: Turn) -> object:
    told: dict[str, object] = {}
    for name, happened in turn.happened.items():
        match happened:
            case timedelta():
                told[name] = span_in_words(happened)
            case Meanwhile():
                told[name] = happened.model_dump(exclude_unset=True)
            case _:
                told[name] = happened
    if turn.hears is None:
        return turn.says if turn.says is not None else told
    told["hears"] = [
        {
            "text": heard.text,
            **({"choices": _InOneLine(heard.choices)} if heard.choices else {}),
            **({"document": heard.document} if heard.document else {}),
        }
        for heard in turn.hears
    ]
    return told


def span_in_words(span: timedelta) -> str:
    """As `passes` is written."""
    seconds = int(span.total_seconds())
    units = {86_400: "day", 3600: "hour", 60: "minute", 1: "second"}
    size = next(size for size in units if seconds % size == 0)
    count = seconds // size
    return f"{count} {units[size]}{'' if count == 1 else 's'}"


class _InOneLine(list[str]):
    """A list that is written in one line."""


class _Dumper(yaml.SafeDumper):
    """Several lines are written as several lines."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_line(dumper: yaml.SafeDumper, items: _InOneLine) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_InOneLine, _represent_line)
_Dumper.add_representer(tuple, lambda dumper, items: dumper.represent_list(items))
