"""What happened, as it is owed to webhooks."""

import json
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import (
    EventCancelled,
    EventChanged,
    EventFinished,
    EventPublished,
    Message,
    RegistrationCancelled,
    RegistrationCheckedIn,
    RegistrationCheckInUndone,
    RegistrationConfirmed,
    RegistrationOffered,
    RegistrationQueued,
    RegistrationTransferred,
    derived_id,
)
from registry.database import Database
from registry.together import Together
from registry.webhooks.deliveries import Owed, insert_owed
from registry.webhooks.subscriptions import EVERYTHING, list_wishes
from runtime.clock import Clock

FACTS: dict[str, type[Message]] = {
    fact.subject: fact
    for fact in (
        RegistrationConfirmed,
        RegistrationCancelled,
        RegistrationQueued,
        RegistrationOffered,
        RegistrationTransferred,
        RegistrationCheckedIn,
        RegistrationCheckInUndone,
        EventPublished,
        EventChanged,
        EventCancelled,
        EventFinished,
    )
}
"""What a webhook can be told, by its subject, which is also its `type`."""


def decode_fact(subject: str, body: bytes) -> Message:
    """The fact behind a message of the EVENTS stream.

    Raises:
        ValueError: none of those that webhooks are told, or not in its form.
    """
    if (kind := FACTS.get(subject)) is None:
        raise ValueError("no such fact")
    return kind.model_validate_json(body)


def body_of(fact: Message) -> str:
    """What is sent about a fact, as the specification recommends it: ids, and nothing personal."""
    data = fact.model_dump(mode="json", exclude=set(Message.model_fields))
    said = {"type": fact.subject, "timestamp": fact.occurred_at.isoformat(), "data": data}
    return json.dumps(said, separators=(",", ":"))


class Intake:
    """Keeps what webhooks are owed.

    Facts that wait together are kept in one transaction: on a hot event hundreds come in a second,
    and most installations have no webhook at all.
    """

    def __init__(self, *, database: Database, clock: Clock, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake
        self._together = Together(self._keep)

    async def take_in(self, fact: Message) -> None:
        """Owe this fact to everybody who wants to be told; heard again, it changes nothing.

        Raises:
            Unavailable: the database is away.
            Retry: it is too busy.
        """
        await self._together.add(fact)

    async def _keep(self, facts: Sequence[Message]) -> None:
        if await self._database.run(partial(self._insert, facts)):
            self._wake()

    async def _insert(self, facts: Sequence[Message], connection: AsyncConnection) -> int:
        wishes = await list_wishes(connection)
        owed = [
            Owed(
                id=derived_id(webhook_id, str(fact.id)),
                webhook_id=webhook_id,
                message_id=fact.id,
                type=fact.subject,
                body=body_of(fact),
            )
            for fact in facts
            for webhook_id, wanted in wishes
            if fact.subject in wanted or EVERYTHING in wanted
        ]
        await insert_owed(connection, owed, self._clock.now())
        return len(owed)
