"""Living a history: the registry carries out every step, and is judged by what is written then."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

from people_histories import CHATS, START, Author, History, parts
from people_histories_codes import judge_codes
from people_histories_house import Houses, PeopleHouse
from people_histories_model import People, judge_people
from people_histories_seats import Happening, judge_seats
from people_histories_traces import PURGED_AFTER, UNTIL_PURGED, Traces, purge

from contracts import Address, Command, EmailProven, ForgetPerson, ListRegistrations, MoveIdentity
from registry.audit_replay import rebuild
from registry.carrying_out import decode
from registry.queries import _list_registrations
from registry.results import Result
from registry.sweep import INVARIANTS

_SWEEP = "SELECT " + ", ".join(f'({query}) AS "{name}"' for name, query in INVARIANTS.items())
_REGISTRATION = (
    *("user_id", "registered_via", "status", "created_at", "cancelled_at", "end_reason"),
    *("priority", "queue_number", "offer_expires_at", "hold_expires_at", "transfer_to"),
    *("transfer_expires_at", "checked_in_at", "checked_in_by"),
)
"""Everything but the name, which is personal, and the ticket, which follows from the id."""
_EVENT = (
    *("code", "title", "description", "timezone", "location", "max_participants", "status"),
    *("version", "start_version", "registration_opens_at", "registration_closes_at", "starts_at"),
    *("taken", "over_by", "held", "offered", "waiting", "checked_in", "queue_last"),
)


DAY, NO_TIME = timedelta(days=1), timedelta(0)
"""Who has a seat is shown it through a day of the event; nobody waits for what has begun."""


@dataclass
class Life:
    """One history while it happens."""

    house: PeopleHouse
    author: Author
    people: People = field(default_factory=People)
    traces: Traces = field(default_factory=Traces)
    seen: Counter[str] = field(default_factory=Counter)
    """What was answered how often: a history in which nothing happens shows nothing."""

    async def go_on(self, command: Command) -> None:
        """One command, and whatever it has the registry say to itself."""
        before, now = self.house.rows, self.house.now
        parties = [
            user_id
            for person in self.people.parties(command, before, now)
            if (user_id := self.people.ids.get(person))
        ]
        done = await self.house.carry_out(command)
        after = await self.house.look()
        if not done.is_new:
            assert after == before, "a command that came again has changed something"
            return
        result = done.stored.result
        await self._judge_traces(command)
        self._count(command, result)
        self.people.hear(command, result, before, after)
        self.people.ids = judge_people(self.people, after)
        asker = getattr(command, "address", None)
        if asker and (person := self.people.behind(asker, command.occurred_at)):
            parties.append(self.people.ids[person])
        happening = Happening(
            command, before, after, frozenset(parties), now, self.house.proof_by_email
        )
        judge_seats(happening)
        judge_codes(happening)
        for said in done.stored.messages:
            if (body := getattr(said, "body", None)) and said.subject.startswith("command."):
                await self.go_on(decode(said.subject, body.encode()))
        # No two commands are carried out in the same moment.
        self.house.now += timedelta(milliseconds=1)

    def _count(self, command: Command, result: Result) -> None:
        why = getattr(result, "reason", None)
        self.seen[" ".join(filter(None, (type(command).__name__, result.kind, why)))] += 1
        if isinstance(result, EmailProven):
            self.seen["a merge that freed a seat"] += result.freed > 0
            self.seen["a seat that was held until the proof"] += bool(result.registrations)

    async def _judge_traces(self, command: Command) -> None:
        """Before the model has heard of it: what was the person's until now is gone."""
        asker = getattr(command, "address", None) or getattr(command, "chat", None)
        if not isinstance(command, ForgetPerson):
            for chat in (asker,) if asker else ():
                self.traces.come_back(chat.chat_id)
                self.traces.come_back(self.people.home(chat, command.occurred_at).chat_id)
            if isinstance(command, MoveIdentity):
                self.traces.come_back(command.previous)
            return
        if person := self.people.behind(asker, command.occurred_at):
            self.traces.forget(self.people, person)
            await self.traces.search(self.house, but=UNTIL_PURGED)

    async def end(self) -> None:
        """What is too slow to be looked at after each command."""
        for number in range(len(PURGED_AFTER) if self.traces.marks else 0):
            await self.go_on(purge(self.house, number))
        await self.traces.search(self.house)
        drift = dict((await self.house.driver.fetch(_SWEEP))[0])
        assert not any(drift.values()), f"drift: {drift}"
        await judge_audit(self.house)
        for chat in CHATS:
            await self._judge_what_is_shown(chat)

    async def _judge_what_is_shown(self, chat: Address) -> None:
        person = self.people.behind(chat, self.house.now)
        rows, now = self.house.rows, self.house.now
        query = ListRegistrations(address=chat)
        answer = await _list_registrations(query, now, self.house.connection)
        theirs = [rows.registrations[key] for key in person.registrations] if person else []
        wanted = {
            row["id"]
            for row in theirs
            if row["status"] != "cancelled"
            and (event := rows.events[row["event_id"]])["status"] == "published"
            and event["date_time"] > now - (DAY if row["status"] == "confirmed" else NO_TIME)
        }
        assert {card.id for card in answer.registrations} == wanted, "not what is theirs"
        assert answer.known is (person is not None), "known or not"


async def judge_audit(house: PeopleHouse) -> None:
    """See that the audit alone tells of every event and registration what the tables do."""
    rebuilt = rebuild(
        SimpleNamespace(
            at=row["at"],
            event_id=row["event_id"],
            registration_id=row["registration_id"],
            before=row["before"],
            after=row["after"],
        )
        for row in await house.driver.fetch("SELECT * FROM audit ORDER BY id")
    )
    for rows, again, names in (
        (house.rows.events, rebuilt.events, _EVENT),
        (house.rows.registrations, rebuilt.registrations, _REGISTRATION),
    ):
        assert rows.keys() == again.keys(), "something was never noted"
        for key, row in rows.items():
            for name in names:
                assert row[name] == getattr(again[key], name), f"another {name} by the audit"


async def live(houses: Houses, history: History) -> Counter[str]:
    """A history from its beginning to its end.

    Returns:
        What was answered how often.

    Raises:
        AssertionError: something is not in order.
    """
    async with houses.house(START, proof_by_email=history.proof_by_email) as house:
        life = Life(house, Author(house, history))
        for command in life.author.opening():
            await life.go_on(command)
        for step in history.steps:
            house.wait(step.wait_minutes)
            for say in parts(step):
                if (said := life.author.command(step, say)) is not None:
                    await life.go_on(said)
        await life.end()
        return life.seen
