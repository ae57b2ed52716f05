"""What the actors of a soak know of each other: events, registrations, offers and promises."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from contracts import CancelEvent
from tests.chaos.registry_crowd import Crowd, Told
from tests.chaos.registry_desk import Desk

EVENTS = 20
SEATS_MIN, SEATS_MAX = 5, 30
STARTS_IN_HOURS_MIN, STARTS_IN_HOURS_MAX = 36.0, 400.0
KNOWN_MAX = 500
"""Registrations that are remembered for later acts; the oldest are forgotten."""

Known = tuple[UUID, UUID, int]
"""(registration, event, person)."""
T = TypeVar("T")


@dataclass
class Scene:
    """Shared by all actors of one soak."""

    crowd: Crowd
    desk: Desk
    chance: random.Random
    events: list[UUID] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    offered: list[tuple[UUID, UUID]] = field(default_factory=list)
    """Offers that were told: (registration, event)."""
    late: list[Known] = field(default_factory=list)
    """Offers whose owners let them run out."""
    promised: list[Known] = field(default_factory=list)
    """Transfers; the person is the one who may accept."""
    turns: defaultdict[int, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """A chat has at most one unanswered command, as in the conversation."""
    _replaced: set[UUID] = field(default_factory=set)

    async def open(self) -> None:
        """Publish the first events."""
        self.events = [await self._new_event() for _ in range(EVENTS)]

    async def _new_event(self) -> UUID:
        return await self.desk.publishes(
            f"Event {len(self.events) + len(self._replaced)}",
            seats=self.seats(),
            starts_at=self.crowd.now() + self.time_until_start(),
        )

    def seats(self) -> int:
        """A capacity."""
        return self.chance.randint(SEATS_MIN, SEATS_MAX)

    def time_until_start(self) -> timedelta:
        """How far ahead an event is."""
        return timedelta(hours=self.chance.uniform(STARTS_IN_HOURS_MIN, STARTS_IN_HOURS_MAX))

    async def replace(self, event_id: UUID) -> None:
        """Publish another event in the place of one that is over or called off."""
        if event_id in self._replaced:
            return
        self._replaced.add(event_id)
        self.events[self.events.index(event_id)] = await self._new_event()

    async def call_off(self, event_id: UUID) -> None:
        """Cancel an event, and publish another."""
        await self.crowd.send(self.crowd.make(CancelEvent, "desk", event_id=event_id))
        await self.replace(event_id)

    def learn(self, told: Told, number: int) -> None:
        """Remember the registration that person `number` was told of."""
        if told.kind in ("seat-claimed", "waiting-listed", "seat-transferred"):
            event_id = UUID(told.registration["event"]["id"])
            self.known.append((UUID(told.registration["id"]), event_id, number))
            del self.known[:-KNOWN_MAX]

    def some(self, of: list[T]) -> T | None:
        """Take one out; None when there is none."""
        return of.pop(self.chance.randrange(len(of))) if of else None
