"""Chats that move to another id: what is said there, and what is stored under each."""

import itertools
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from conversation_stores import stores_at
from conversation_talk import SPACE, a_registration, an_event

from contracts import (
    Address,
    ChatMoved,
    CommandOutcome,
    InboundMessage,
    SeatClaimed,
    Sender,
    TextSaid,
    derived_id,
)
from conversation.document import ChatDocument
from conversation.handlers import Handlers
from runtime.failures import Retry

NUMBER = "16505551234"
BY_NUMBER = Address(platform="whatsapp", account="106540352242922", chat_id=NUMBER)
BY_ID = Address(platform="whatsapp", account="106540352242922", chat_id="US.77")
TO_THE_LAST_LOOK = ("/start", "1", "yes", "Ann Lee", "ann@example.com")

_numbers = itertools.count()


def item(
    text: str, address: Address, phone: str | None = NUMBER, *, later: timedelta = timedelta()
) -> InboundMessage:
    """Something said now, or later."""
    now = datetime.now(UTC) + later
    input_id = uuid5(SPACE, f"moving {next(_numbers)}")
    return InboundMessage(
        id=input_id,
        occurred_at=now,
        correlation_id=input_id,
        address=address,
        sender=Sender(name="Ann", phone=phone),
        content=TextSaid(text=text),
        sent_at=now,
    )


def moved(previous: Address, to: Address, phone: str | None = None) -> InboundMessage:
    """WhatsApp's word that a person has another id now."""
    told = item("", to, phone)
    return told.model_copy(update={"content": ChatMoved(previous=previous.chat_id)})


def outcome_of(command_id: UUID, address: Address) -> CommandOutcome:
    """A seat, as the registry answers the address that the command came from."""
    return CommandOutcome(
        id=derived_id(command_id, "outcome"),
        occurred_at=datetime.now(UTC),
        correlation_id=command_id,
        address=address,
        command_id=command_id,
        outcome=SeatClaimed(registration=a_registration(an_event())),
    )


async def stored_under(
    url: str, settings: dict[str, str], *addresses: Address
) -> list[ChatDocument | None]:
    """The documents as the store has them."""
    redis_urls = [settings["redis_url"]] if settings else None
    async with stores_at(url, redis_urls) as (store,):
        return [(await store.read(address)).document for address in addresses]


async def reach_the_last_look(
    handlers: Handlers, address: Address, phone: str | None = NUMBER
) -> None:
    """Answer every question but the last."""
    for text in TO_THE_LAST_LOOK:
        await handlers.hear(item(text, address, phone))


async def hear(handlers: Handlers, one: InboundMessage) -> None:
    """As the stream does: what was contended comes again."""
    while True:
        try:
            await handlers.hear(one)
        except Retry:
            continue
        return


def a_process(url: str, crash_at: str) -> subprocess.Popen[bytes]:
    """A conversation that dies at a point."""
    return subprocess.Popen(
        [sys.executable, "-m", "conversation"],
        env={**os.environ, "NATS_URL": url, "TURNOUT_TEST": "1", "TURNOUT_CRASH_AT": crash_at},
        stdout=subprocess.DEVNULL,
    )
