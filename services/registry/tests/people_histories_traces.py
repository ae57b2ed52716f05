"""Whether anything is left of people who were forgotten, in whatever table."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from people_histories_house import PeopleHouse
from people_histories_model import People, Person

import registry.carrying_out  # noqa: F401 - so that all tables are known
from contracts import TendPeople, derived_id
from registry.tables import Base

_ALL = " UNION ALL ".join(
    f"SELECT '{table}' AS place, t::text AS content FROM {table} AS t"
    for table in Base.metadata.tables
)
UNTIL_PURGED = frozenset({"email_proofs", "forgettings"})
"""What was asked for in the last hour is still counted, and who is purged is still known."""
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anybody gave up a number: so that every id leads to where its person is."""
PURGED_AFTER = (timedelta(0), timedelta(hours=1), timedelta(hours=19), timedelta(hours=2))
"""Each after the one before; all of them within a day."""


@dataclass
class Traces:
    """What may be found nowhere any more."""

    names: set[str] = field(default_factory=set)
    chats: set[str] = field(default_factory=set)

    @property
    def marks(self) -> set[str]:
        """All of it."""
        return self.names | self.chats

    def forget(self, people: People, person: Person) -> None:
        """Note what only this person had, who is being forgotten."""
        self.names |= _names(people, [person]) - _names(
            people, [other for other in people.everybody if other is not person]
        )
        homes = {chat for chat in people.moves if people.home(chat, _EVER) in person.chats}
        self.chats |= {chat.chat_id for chat in person.chats | homes}

    def come_back(self, chat_id: str) -> None:
        """Somebody speaks in this chat again."""
        self.chats.discard(chat_id)

    async def search(self, house: PeopleHouse, but: Collection[str] = ()) -> None:
        """See that nothing of it is in any table."""
        if not self.marks:
            return
        for row in await house.driver.fetch(_ALL):
            if row["place"] not in but:
                found = [mark for mark in self.marks if mark in row["content"]]
                assert not found, f"{row['place']} has {found}: {row['content']}"


def _names(people: People, some: Collection[Person]) -> set[str]:
    written = {people.names[key] for person in some for key in person.registrations}
    return written.union(*(person.said_names for person in some))


def purge(house: PeopleHouse, number: int) -> TendPeople:
    """The tick at which something is purged, after the time until then."""
    house.now += PURGED_AFTER[number]
    return TendPeople(
        id=derived_id(UUID(int=8), f"purge:{number}"),
        occurred_at=house.now,
        correlation_id=UUID(int=8),
        due_at=house.now,
    )
