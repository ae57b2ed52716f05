"""What the platforms' refusals mean: one table per platform, read and checked when it is imported.

The tables are data that a human reviews against the platforms' documentation, in
`telegram_errors.toml` and `whatsapp_errors.toml`. The first row that fits decides. What no row fits
goes by the ranges of HTTP statuses at the table's end, and is told as one that somebody should add.
"""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Literal, Self

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from contracts import Platform
from notifier.verdicts import (
    Accepted,
    Cause,
    Down,
    Effect,
    Failed,
    Gone,
    Later,
    MediaGone,
    Stopped,
    Throttled,
    Unknown,
    Verdict,
    WindowClosed,
)
from runtime.metrics import counter

_errors = counter(
    "turnout_platform_errors_total",
    "Refusals by a platform's code; `other` are codes that the table does not know.",
    ("platform", "code"),
)

log = structlog.get_logger()

Kind = Literal[
    "accepted",
    "throttled",
    "later",
    "down",
    "stopped",
    "moved",
    "failed",
    "gone",
    "media-gone",
    "window-closed",
    "unknown",
]
"""The verdicts that a row can pass; `moved` only with a new id, and is `failed` without one."""

_OPTIONS: dict[str, frozenset[str]] = {
    "throttled": frozenset({"scope", "after_seconds"}),
    "later": frozenset({"tries_max", "after_seconds"}),
    "stopped": frozenset({"cause", "trial_after_seconds"}),
    "failed": frozenset({"effect"}),
}
"""Which fields say more about which verdict."""


def _range(value: object) -> object:
    """`400` is one code, `"200-299"` all from one to another."""
    if isinstance(value, str):
        first, _, last = value.partition("-")
        return int(first), int(last)
    return (value, value)


class Row(BaseModel):
    """What one answer means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[tuple[int, int], BeforeValidator(_range)]
    """First and last."""
    subcode: int | None = None
    text: str = ""
    """Part of the description; upper and lower case are the same."""
    verdict: Kind
    reason: str | None = None
    """The code in results, where it is another one than `<platform>-<code>`."""
    scope: Literal["chat", "pair", "account"] | None = None
    after_seconds: float | None = Field(default=None, gt=0)
    tries_max: int | None = Field(default=None, ge=1)
    trial_after_seconds: float | None = Field(default=None, gt=0)
    effect: Effect | None = None
    cause: Cause | None = None
    note: str = Field(min_length=3)
    """What happened, for the operator who looks the code up."""
    source: str = Field(min_length=2)
    """Where that is from: a section of the fact sheet on the platforms, or `seen`."""

    @model_validator(mode="after")
    def _only_what_the_verdict_uses(self) -> Self:
        given = set(self.details)
        unused = given - _OPTIONS.get(self.verdict, frozenset())
        if unused:
            raise ValueError(f"{self.verdict} does not use {', '.join(sorted(unused))}")
        if self.verdict == "throttled" and self.scope is None:
            raise ValueError("throttled needs a scope")
        if self.verdict == "stopped" and self.cause is None:
            raise ValueError("stopped needs a cause")
        if self.code[0] > self.code[1]:
            raise ValueError("a range begins with its smaller end")
        return self

    @property
    def details(self) -> dict[str, object]:
        """What is said about the verdict beyond its kind."""
        names = ("scope", "after_seconds", "tries_max", "cause", "trial_after_seconds", "effect")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    def fits(self, code: int, subcode: int | None, text: str) -> bool:
        """Whether it is about this answer."""
        return (
            self.code[0] <= code <= self.code[1]
            and self.subcode in (None, subcode)
            and self.text.casefold() in text.casefold()
        )

    def pass_verdict(self, reason: str) -> Verdict:
        """The verdict, with the row's own reason if it has one."""
        return _MAKE[self.verdict](reason=self.reason or reason, **self.details)


_MAKE: dict[Kind, Callable[..., Verdict]] = {
    "accepted": Accepted,
    "throttled": Throttled,
    "later": Later,
    "down": Down,
    "stopped": Stopped,
    "moved": Failed,
    "failed": Failed,
    "gone": Gone,
    "media-gone": MediaGone,
    "window-closed": WindowClosed,
    "unknown": Unknown,
}


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    refusal: tuple[Row, ...]
    http: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and whether the table knows the answer."""

    verdict: Verdict
    row: Row
    known: bool


class Table:
    """The answers of one platform."""

    def __init__(self, platform: Platform, text: str) -> None:
        """Read a table.

        Raises:
            ValueError: it is no TOML, a row says nothing or too much, a row can never be reached,
                or the ranges leave a status out.
        """
        self.platform = platform
        table = _File.model_validate(tomllib.loads(text))
        self.rows, self.http = table.refusal, table.http
        for earlier, later in _pairs(self.rows):
            if _hides(earlier, later):
                raise ValueError(f"{platform}: the row of {later.code} {later.text!r} is hidden")
        for status in range(100, 600):
            if not any(row.fits(status, None, "") for row in self.http):
                raise ValueError(f"{platform}: nothing is said about the HTTP status {status}")

    @classmethod
    def read(cls, platform: Platform) -> Self:
        """The table beside this file."""
        path = files("notifier").joinpath(f"{platform}_errors.toml")
        return cls(platform, path.read_text(encoding="utf-8"))

    def judge(
        self, code: int, *, text: str = "", subcode: int | None = None, http_status: int
    ) -> Judged:
        """The verdict on a refusal.

        Args:
            code: the platform's own code; the HTTP status where it gave none.
            text: the platform's sentence.
            subcode: Meta's `error_subcode`.
            http_status: decides where no row knows the code.
        """
        reason = f"{self.platform}-{code}"
        for row in self.rows:
            if row.fits(code, subcode, text):
                return Judged(row.pass_verdict(reason), row, known=True)
        status = http_status if 100 <= http_status < 600 else 400
        row = next(row for row in self.http if row.fits(status, None, ""))
        return Judged(row.pass_verdict(reason), row, known=False)

    def count(self, code: int, judged: Judged) -> None:
        """Count a refusal; one that is not in the table is an error of ours."""
        # Whatever a platform or a proxy invents becomes one series.
        label = str(code) if judged.known else "other"
        _errors.labels(platform=self.platform, code=label).inc()
        if not judged.known:
            log.error(
                "a platform refuses with a code that the table does not know",
                platform=self.platform,
                code=code,
                taken_as=type(judged.verdict).__name__,
            )


def _pairs(rows: tuple[Row, ...]) -> Iterator[tuple[Row, Row]]:
    return ((rows[i], rows[j]) for i in range(len(rows)) for j in range(i + 1, len(rows)))


def _hides(earlier: Row, later: Row) -> bool:
    """Whether `later` can never be reached because `earlier` fits whatever it fits."""
    return (
        earlier.code[0] <= later.code[0]
        and later.code[1] <= earlier.code[1]
        and earlier.subcode in (None, later.subcode)
        and earlier.text.casefold() in later.text.casefold()
    )
