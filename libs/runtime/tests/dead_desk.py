"""An operator before real streams, and what may be set aside there."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import nats
from nats.js import JetStreamContext

from contracts import Address, InboundMessage, NoticeDue, OutboundMessage, TextSaid
from contracts.topology import CONVERSATION_NOTICE_DUE, DEAD, EVENTS, INBOUND
from runtime.broker import Broker
from runtime.provision import _make_consumer as make_consumer
from runtime.provision import _make_stream as make_stream
from runtime.settings import ServiceSettings

WORDS = "my phone is +79161234567"
NOW = datetime.now(UTC)


@dataclass
class Desk:
    """An operator, and what is in the streams."""

    url: str
    broker: Broker
    jetstream: JetStreamContext
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.dead", *arguments),
            env=os.environ | {"NATS_URL": self.url} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.processes.append(process)
        return process

    async def dead(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """The command's exit code, what it printed, and what it said beside that."""
        process = await self.start(*arguments, **environment)
        printed, said = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return process.returncode, printed.decode(), said.decode()

    async def listed(self, *arguments: str) -> list[dict[str, Any]]:
        _, printed, _ = await self.dead("list", "--each", "--json", *arguments)
        letters: list[dict[str, Any]] = json.loads(printed)["letters"]
        return letters

    async def set_aside(
        self,
        message: InboundMessage | OutboundMessage | NoticeDue,
        subject: str,
        *,
        reason: str = "bug: KeyError",
        origin: str = "conversation-inbound",
    ) -> None:
        """As `runtime.endings` does it."""
        await self.broker.set_aside(
            subject,
            message.model_dump_json().encode(),
            reason=reason,
            id=f"SOME-1-{message.id}",
            origin=origin,
            headers={"Turnout-Message-Id": str(message.id), "Turnout-Deliveries": "8"},
        )

    async def stored(self, stream: str) -> list[dict[str, Any]]:
        """Bodies, oldest first."""
        return [body for body, _ in await self.stored_with_headers(stream)]

    async def stored_with_headers(self, stream: str) -> list[tuple[dict[str, Any], dict[str, str]]]:
        state = (await self.jetstream.stream_info(stream)).state
        found = []
        for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
            try:
                raw = await self.jetstream.get_msg(stream, seq=sequence)
            except nats.js.errors.NotFoundError:
                continue
            found.append((json.loads(raw.data or b"null"), dict(raw.headers or {})))
        return found

    async def left(self) -> int:
        return (await self.jetstream.stream_info("DEAD")).state.messages


@asynccontextmanager
async def desk_at(nats_url: str) -> AsyncIterator[Desk]:
    """The streams as they are provisioned, empty, with the one consumer that is needed here; all
    of them would take seconds.
    """
    broker = Broker("tester", ServiceSettings(nats_url=nats_url))
    await broker.frame.connect()
    desk = Desk(nats_url, broker, broker.jetstream)
    for stream in (INBOUND, EVENTS, DEAD):
        with suppress(nats.js.errors.NotFoundError):
            await desk.jetstream.delete_stream(stream.name)
        await make_stream(desk.jetstream, stream, replicas=1)
    await make_consumer(desk.jetstream, CONVERSATION_NOTICE_DUE)
    yield desk
    for process in desk.processes:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await broker.stop()


def said(text: str = WORDS, chat: str = "42") -> InboundMessage:
    return InboundMessage(
        id=uuid4(),
        occurred_at=NOW,
        correlation_id=uuid4(),
        address=Address(platform="telegram", account="123456", chat_id=chat),
        sender={"name": "Ann"},
        sent_at=NOW,
        provider_id=str(uuid4()),
        content=TextSaid(text=text),
    )


def outbound(**changes: Any) -> OutboundMessage:
    values: dict[str, Any] = {
        "id": uuid4(),
        "occurred_at": NOW,
        "correlation_id": uuid4(),
        "address": Address(platform="telegram", account="123456", chat_id="42"),
        "priority": "reply",
        "language": "en",
        "text": WORDS,
    }
    return OutboundMessage(**(values | changes))


def notice(**changes: Any) -> NoticeDue:
    values: dict[str, Any] = {
        "id": uuid4(),
        "occurred_at": NOW,
        "correlation_id": uuid4(),
        "kind": "reminder-1h",
        "registration_id": uuid4(),
        "event_id": uuid4(),
        "event_version": 1,
        "expires_at": NOW,
    }
    return NoticeDue(**(values | changes))


def stored_inbound(message: InboundMessage) -> str:
    """Where INBOUND keeps it; the lane matters to nobody who reads the subject."""
    return f"inbound.telegram.7.{message.address.chat_key}"
