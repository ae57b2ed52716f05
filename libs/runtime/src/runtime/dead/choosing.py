"""Which dead letters an operator means."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from runtime.dead.letters import Letter, Letters

_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_OF_BROADCASTS = ("outbound", "bulk", "parked", "notice")
"""First tokens of subjects of what a broadcast is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a letter must be like; what is empty does not matter."""

    ids: frozenset[str] = frozenset()
    """Numbers in DEAD, or ids of messages."""
    reason: str | None = None
    """How the reason begins."""
    origin: str | None = None
    subject: str | None = None
    """How the kind of its subject begins, e.g. `outbound.reply`."""
    broadcast: UUID | None = None
    since: datetime | None = None
    discarded: bool = False
    """Those that were discarded, instead of those that are there."""

    @property
    def is_open(self) -> bool:
        """Whether it means every letter."""
        return self == Choice(discarded=self.discarded)

    def means(self, letter: Letter) -> bool:
        """Whether it means this letter, as far as that shows without its body."""
        kind = letter.kind
        return (
            (letter.discarded is not None) == self.discarded
            and (not self.ids or not self.ids.isdisjoint((str(letter.number), letter.message_id)))
            and letter.reason.startswith(self.reason or "")
            and self.origin in (None, letter.origin)
            and (self.subject is None or f"{kind}.".startswith(f"{self.subject.rstrip('.')}."))
            and (self.since is None or letter.at >= self.since)
            and (self.broadcast is None or kind.split(".")[0] in _OF_BROADCASTS)
        )

    async def among(self, letters: Letters) -> list[Letter]:
        """Those that it means, oldest first."""
        found = [letter async for letter in letters.all() if self.means(letter)]
        if self.broadcast is None:
            return found
        return [
            letter
            for letter in found
            if (whole := await letters.read(letter.number)) is not None
            and str(self.broadcast) in _broadcasts(whole.body or b"")
        ]


def _broadcasts(body: bytes) -> tuple[object, ...]:
    """What a message says of the broadcast that it is one of; a notice calls it its message."""
    try:
        said = json.loads(body)
    except ValueError:
        return ()
    return (said.get("broadcast_id"), said.get("message_id")) if isinstance(said, dict) else ()


def read_time(said: str, now: datetime) -> datetime:
    """`90m`, `6h`, `3d` ago, or a date, or a date and time (UTC unless it says otherwise).

    Raises:
        ValueError: it is none of these.
    """
    if ago := _AGO.fullmatch(said):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    time = datetime.fromisoformat(said)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
