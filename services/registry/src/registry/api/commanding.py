"""Every write is a command in the stream; the API publishes it and waits for its outcome."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Header, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Command, derived_id
from contracts.ids import TURNOUT
from registry.api.problems import Problem
from registry.database import Database
from registry.journal import HandledOutcome, find_outcome
from runtime.broker import Broker
from runtime.failures import Retry, Unavailable

OUTCOME_WAIT_SECONDS_MAX = 5.0
POLL_SECONDS_MIN, POLL_SECONDS_MAX = 0.01, 0.2
IDEMPOTENCY_KEY_CHARACTERS_MAX = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call: the id of its command, and the id that says what exactly was asked."""

    command_id: UUID
    correlation_id: UUID
    """From key and content: the same key with another content gives another id."""
    repeatable: bool
    """The caller named it by an `Idempotency-Key`, so that it may have been made before."""


async def read_call(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=IDEMPOTENCY_KEY_CHARACTERS_MAX,
            description="Any text of yours; the same key makes the same change once.",
        ),
    ] = None,
) -> Call:
    """The call behind a request that changes something."""
    command_id = (
        derived_id(TURNOUT, f"api:{request.method}:{request.url.path}:{idempotency_key}")
        if idempotency_key
        else uuid4()
    )
    content = await request.body() + (request.headers.get("If-Match") or "").encode()
    return Call(
        command_id=command_id,
        correlation_id=derived_id(command_id, hashlib.sha256(content).hexdigest()),
        repeatable=idempotency_key is not None,
    )


class Commander:
    """Publishes commands and waits for what becomes of them."""

    def __init__(self, *, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    async def once(
        self, call: Call, command: Callable[[], Awaitable[Command]]
    ) -> HandledOutcome | None:
        """Make a call's change, or find that it was made before.

        Args:
            call: what was asked.
            command: makes the command; it is asked only when the call is new.

        Returns:
            The outcome; None when it takes longer than a request may wait.

        Raises:
            Problem: the key was used for something else, or `command` refused.
            Unavailable: the database is away, or the stream did not take the command.
        """
        earlier = await self.outcome(call.command_id) if call.repeatable else None
        return _same(call, earlier) or await self._carry_out(call, await command())

    async def outcome(self, command_id: UUID) -> HandledOutcome | None:
        """What became of a command; None while nothing did."""
        return await self._database.run(partial(_find, command_id))

    async def _carry_out(self, call: Call, command: Command) -> HandledOutcome | None:
        await self._broker.publish(command)
        deadline = time.monotonic() + OUTCOME_WAIT_SECONDS_MAX
        wait_seconds = POLL_SECONDS_MIN
        while time.monotonic() < deadline:
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, POLL_SECONDS_MAX)
            try:
                if found := _same(call, await self.outcome(call.command_id)):
                    return found
            except (Unavailable, Retry):
                # The command is safe in the stream, so the caller gets an address to ask at.
                continue
        return None


async def _find(command_id: UUID, connection: AsyncConnection) -> HandledOutcome | None:
    return await find_outcome(connection, command_id)


def _same(call: Call, found: HandledOutcome | None) -> HandledOutcome | None:
    if found is not None and found.correlation_id != call.correlation_id:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request",
            "A key stands for one request. Take a new key for this one.",
        )
    return found
