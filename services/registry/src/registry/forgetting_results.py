"""What becomes of a look at the people who were forgotten. Ids only: theirs lead to nobody."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from contracts.model import Value


class Purge(Value):
    """The chats of one person were said to be purged."""

    person: UUID
    """As in `forgettings`, where the chats are."""
    place: int
    """The first purge is 0."""


class PeopleTended(Value):
    """A tick's work."""

    kind: Literal["people-tended"] = "people-tended"
    at: AwareDatetime
    purges: tuple[Purge, ...] = ()
    due: int = 0
    """People whose time has come."""
    ended: int = 0
    """Rows that were kept for as long as they may be."""


ForgettingResult = PeopleTended
