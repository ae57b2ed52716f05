"""What all gateways together know of our webhooks: one document, changed by pure functions."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime

from contracts import Platform, derived_id
from contracts.ids import TURNOUT
from contracts.model import Value
from gateway.webhooks.findings import PASSING, Name, Report
from gateway.webhooks.words import Moment

CONFIRMING_LOOKS = 2
"""So many looks in a row must see what passes by itself before anybody is told, and so many must
miss a finding before it is over."""


class Trouble(Value):
    """One finding of one account, from when it was seen until the day after it was over."""

    platform: Platform
    account: str
    finding: Name
    since: AwareDatetime
    seen: int = 1
    """How many looks in a row have seen it."""
    missed: int = 0
    """How many looks in a row have not."""
    told_on: date | None = None
    """The last day on which the admin was told of it."""
    told_over_on: date | None = None

    @property
    def key(self) -> tuple[Platform, str, Name]:
        """What tells it from the others."""
        return self.platform, self.account, self.finding

    @property
    def is_open(self) -> bool:
        """Whether it was there at the last look."""
        return self.missed == 0

    def untold(self, today: date) -> Moment | None:
        """What the admin is to hear next: once a day that it is there, and once that it is over."""
        is_due = self.seen >= (CONFIRMING_LOOKS if self.finding in PASSING else 1)
        if is_due and (self.told_on is None or (self.is_open and self.told_on != today)):
            # Also when it is gone already: it may have been said by a gateway that died before it
            # wrote so, and then whoever heard of it must hear that it is over.
            return "began"
        is_over = self.missed >= CONFIRMING_LOOKS and self.told_on is not None
        return "over" if is_over and self.told_over_on != self.told_on else None

    def message_id(self, moment: Moment, today: date) -> UUID:
        """The same for every gateway that says it."""
        day = today if moment == "began" else self.told_on
        name = f"webhook:{self.platform}:{self.account}:{self.finding}:{moment}:{day}"
        return derived_id(TURNOUT, name)

    def and_told(self, moment: Moment, today: date) -> "Trouble":
        """After the admin was told."""
        if moment == "began":
            return self.model_copy(update={"told_on": today})
        return self.model_copy(update={"told_over_on": self.told_on})


class Troubles(Value):
    """The document. It evolves by addition."""

    version: int = 1
    looked_at: AwareDatetime
    """When a gateway began to look last; the others wait for their turn."""
    troubles: tuple[Trouble, ...] = ()
    pending_updates: Mapping[str, int] = {}
    """Bot → how many updates wait at Telegram."""

    @property
    def open(self) -> tuple[Trouble, ...]:
        """What is wrong now."""
        return tuple(trouble for trouble in self.troubles if trouble.is_open)

    def is_due(self, interval: timedelta, now: datetime) -> bool:
        """Whether it is time for another look, by whichever gateway comes first."""
        # A clock that was turned back must not stop the looks.
        return not timedelta(0) <= now - self.looked_at < interval

    def begun(self, now: datetime) -> "Troubles":
        """After a gateway has taken a look upon itself."""
        return self.model_copy(update={"looked_at": now})

    def after(self, reports: Iterable[Report], now: datetime) -> "Troubles":
        """After a look.

        What is not seen of an account that nobody could look at is neither there nor over. An
        account that is gone takes its troubles along.
        """
        before = {trouble.key: trouble for trouble in self.troubles}
        troubles: list[Trouble] = []
        pending: dict[str, int] = {}
        for report in reports:
            names = {finding.name for finding in report.findings}
            known = {key[2] for key in before if key[:2] == (report.platform, report.account)}
            for name in sorted(names | known):
                old = before.get((report.platform, report.account, name))
                new = _looked_at(old, report, name, name in names, now)
                if new is not None:
                    troubles.append(new)
            if report.pending_updates is not None:
                pending[report.account] = report.pending_updates
        return self.model_copy(update={"troubles": tuple(troubles), "pending_updates": pending})

    def with_told(self, told: Trouble) -> "Troubles":
        """With one trouble as it is after the admin was told."""
        troubles = (told if trouble.key == told.key else trouble for trouble in self.troubles)
        return self.model_copy(update={"troubles": tuple(troubles)})


def _looked_at(
    old: Trouble | None, report: Report, name: Name, is_there: bool, now: datetime
) -> Trouble | None:
    if is_there:
        if old is None:
            return Trouble(
                platform=report.platform, account=report.account, finding=name, since=now
            )
        if old.is_open:
            return old.model_copy(update={"seen": old.seen + 1})
        return old.model_copy(update={"since": now, "seen": 1, "missed": 0})
    if old is None or not report.is_known:
        return old
    missed = old.model_copy(update={"missed": old.missed + 1})
    # Kept until another day begins: a finding that comes and goes is told once a day.
    is_done = missed.untold(now.date()) is None and old.told_on != now.date()
    is_over = missed.missed >= CONFIRMING_LOOKS
    return None if is_over and is_done else missed
