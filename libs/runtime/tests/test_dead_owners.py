"""All dead letters of one chat are found by its key, and taken out together."""

import asyncio
import inspect
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from dead_desk import WORDS, Desk, notice, outbound, said, stored_inbound
from nats.js.errors import NotFoundError

import contracts
from contracts import (
    AddRegistration,
    Address,
    ChangePreferences,
    ClaimSeat,
    Message,
    PeerChanged,
    Sender,
)
from contracts.topology import DEAD
from runtime.dead.forgetting import forget
from runtime.dead.letters import Letter
from runtime.dead.owners import CHAT_FIELDS, letter_subject, owner_of
from runtime.dead.ways import way_back

ANN = Address(platform="telegram", account="123456", chat_id="4242")
BEN = Address(platform="telegram", account="123456", chat_id="4243")
TWIN = Address(platform="whatsapp", account="123456", chat_id="4242")
"""Somebody else, whose key is the same on another platform."""
SAMPLES = Path(contracts.__file__).parents[2] / "tests" / "samples"
NOW = datetime.now(UTC)


def _common() -> dict[str, Any]:
    return {"id": uuid4(), "occurred_at": NOW, "correlation_id": uuid4()}


def claim(chat: Address) -> ClaimSeat:
    return ClaimSeat(
        **_common(),
        event_id=uuid4(),
        address=chat,
        sender=Sender(),
        name="Ann Lee",
        email_claimed="ann@example.com",
        language="en",
        registered_via="telegram",
    )


def added(email: str) -> AddRegistration:
    return AddRegistration(**_common(), event_id=uuid4(), name="Ann Lee", email_claimed=email)


def of_all_kinds(chat: Address) -> list[tuple[str, Message]]:
    """Where a chat's messages are when they are set aside, and they themselves."""
    inbound = said().model_copy(update={"address": chat})
    reply, bulk = outbound(address=chat), outbound(address=chat, priority="bulk")
    wish = ChangePreferences(**_common(), chat=chat, muted=True)
    wants_in = claim(chat)
    moved = PeerChanged(**_common(), address=chat, at=NOW, heard=True)
    key, platform = chat.chat_key, chat.platform
    return [
        (f"inbound.{platform}.7.{key}", inbound),
        (f"outbound.reply.{platform}.7.{key}", reply),
        (f"bulk.bulk.{platform}.7.{key}", bulk),
        (reply.route(), outbound(address=chat)),
        (f"parked.{platform}.{chat.account_key}.{key}", outbound(address=chat)),
        (f"reach.{platform}.{key}", moved),
        (f"command.change-preferences.3.{key}", wish),
        (f"command.claim-seat.3.{wants_in.event_id}", wants_in),
    ]


async def kept_at(desk: Desk) -> list[str]:
    """The subjects of DEAD, oldest first."""
    state = (await desk.jetstream.stream_info("DEAD")).state
    found = []
    for number in range(max(state.first_seq, 1), state.last_seq + 1):
        try:
            found.append((await desk.jetstream.get_msg("DEAD", seq=number)).subject or "")
        except NotFoundError:
            continue
    return found


async def set_aside(desk: Desk, subject: str, body: bytes) -> None:
    await desk.broker.set_aside(subject, body, reason="r", id=str(uuid4()), origin="tester")


async def set_aside_before(desk: Desk, subject: str, body: bytes) -> None:
    """As releases did it before the chat's key ended every subject."""
    headers = {"Turnout-Subject": subject, "Turnout-Reason": "r", "Turnout-Origin": "tester"}
    await desk.jetstream.publish(f"dead.{subject}", body, headers=headers)


async def test_every_letter_that_concerns_a_chat_ends_in_its_platform_and_key(desk: Desk) -> None:
    for subject, message in of_all_kinds(ANN):
        await set_aside(desk, subject, message.model_dump_json().encode())
    await set_aside(desk, "notice.due", notice().model_dump_json().encode())
    await set_aside(desk, "webhook.whatsapp", b'{"a":')
    await set_aside(desk, f"inbound.telegram.7.{ANN.chat_key}", b'{"a":')

    *known, due, webhook, unreadable = await kept_at(desk)
    kinds = [subject.split(".")[0] for subject, _ in of_all_kinds(ANN)]
    assert known == [f"dead.{kind}.telegram.{ANN.chat_key}" for kind in kinds]
    assert (due, webhook) == ("dead.notice.none.none", "dead.webhook.none.none")
    assert unreadable == f"dead.inbound.telegram.{ANN.chat_key}", "its subject tells whose it is"


@pytest.mark.parametrize("keep", [set_aside, set_aside_before], ids=["now", "before"])
async def test_a_chat_is_forgotten_at_once_and_nobody_else_is(desk: Desk, keep: Any) -> None:
    for chat in (ANN, BEN, TWIN):
        for subject, message in of_all_kinds(chat):
            await keep(desk, subject, message.model_dump_json().encode())
    await keep(desk, "notice.due", notice().model_dump_json().encode())
    each = len(of_all_kinds(ANN))

    assert await forget(desk.broker.nats, ANN) == each
    assert await desk.left() == 2 * each + 1
    bodies = [json.dumps(body) for body in await desk.stored("DEAD")]
    assert sum('"chat_id": "4243"' in body for body in bodies) == each
    assert sum('"platform": "whatsapp"' in body for body in bodies) == each
    assert await forget(desk.broker.nats, ANN) == 0
    assert await forget(desk.broker.nats, TWIN) == each


@pytest.mark.parametrize("keep", [set_aside, set_aside_before], ids=["now", "before"])
async def test_what_no_chat_owns_goes_if_it_names_the_person(desk: Desk, keep: Any) -> None:
    hers = [
        ("webhook.telegram", b'{"message": {"chat": {"id": 4242}, "text": 1}}'),
        ("webhook.whatsapp", b'{"entry": [{"text": {"body": "I am\\nANN@example.com"}}]}'),
        ("webhook.telegram", b'{"message": {"chat": {"id": 4242'),
        ("command.add-registration.3.x", added("ann@example.com").model_dump_json().encode()),
    ]
    others = [
        ("webhook.telegram", b'{"message": {"chat": {"id": 42421}}}'),
        ("webhook.telegram", b"\xff not even text"),
        ("command.add-registration.3.x", added("joann@example.com").model_dump_json().encode()),
        ("command.change-event.3.x", b'{"details": {"max_participants": 4242}}'),
    ]
    for subject, body in (*hers, *others):
        await keep(desk, subject, body)

    count = await desk.broker.forget_dead(ANN, mentions=["ann@example.com"])
    assert count == len(hers)
    assert await desk.left() == len(others)


@pytest.mark.parametrize("keep", [set_aside, set_aside_before], ids=["now", "before"])
async def test_who_is_back_keeps_what_has_happened_since(desk: Desk, keep: Any) -> None:
    at = datetime.now(UTC)
    for hours in (-2, -1, 1, 2):
        moment = {"occurred_at": at + timedelta(hours=hours)}
        for subject, message in of_all_kinds(ANN):
            body = message.model_copy(update=moment).model_dump_json().encode()
            await keep(desk, subject, body)
        known = added("ann@example.com").model_copy(update=moment)
        await keep(desk, "command.add-registration.3.x", known.model_dump_json().encode())
    each = len(of_all_kinds(ANN)) + 1

    mentions = ["ann@example.com"]
    assert await desk.broker.forget_dead(ANN, mentions=mentions, before=at) == 2 * each
    assert await desk.broker.forget_dead(ANN, mentions=mentions, before=at) == 0
    assert await desk.left() == 2 * each
    assert await desk.broker.forget_dead(ANN, mentions=mentions) == 2 * each


async def test_what_was_discarded_is_forgotten_with_the_chat(desk: Desk) -> None:
    for chat in (ANN, BEN):
        inbound = said().model_copy(update={"address": chat})
        await desk.set_aside(inbound, stored_inbound(inbound))
    code, _, _ = await desk.dead("discard", "--all", "--because", "spam", "--yes")
    assert code == 0
    # And as releases kept it before: without a key, but with one in its headers.
    old = {"Turnout-Subject": f"inbound.telegram.7.{ANN.chat_key}", "Turnout-Discarded": "spam"}
    await desk.jetstream.publish("dead.discarded", b"", headers=old)

    code, printed, _ = await desk.dead("forget", "telegram", ANN.chat_key)
    assert (code, printed) == (0, "2 forgotten\n")
    assert await kept_at(desk) == [f"dead.discarded.telegram.{BEN.chat_key}"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["telegram", "*"], "this is no chat's key"),
        (["telegram", "123456-*"], "this is no chat's key"),
        (["telegram", "123456->"], "this is no chat's key"),
        (["pigeon", "123456-4242"], "invalid choice"),
    ],
)
async def test_a_pattern_forgets_nobody(desk: Desk, arguments: list[str], sentence: str) -> None:
    inbound = said()
    await desk.set_aside(inbound, stored_inbound(inbound))
    code, _, beside = await desk.dead("forget", *arguments)
    assert code == 2
    assert sentence in beside
    assert await desk.left() == 1


async def test_letters_of_both_shapes_are_listed_shown_and_sent_again(desk: Desk) -> None:
    old, new = (said(text).model_copy(update={"address": ANN}) for text in ("old", WORDS))
    body = old.model_dump_json().encode()
    headers = {"Turnout-Subject": stored_inbound(old), "Turnout-Message-Id": str(old.id)}
    await desk.jetstream.publish(f"dead.{stored_inbound(old)}", body, headers=headers)
    await desk.set_aside(new, stored_inbound(new))

    listed = await desk.listed("--subject", "inbound.telegram")
    assert [letter["id"] for letter in listed] == [str(old.id), str(new.id)]
    for message in (old, new):
        _, shown, _ = await desk.dead("show", str(message.id))
        assert str(message.provider_id) in shown
    assert (await desk.dead("redrive", "--all"))[:2] == (0, "2 sent again\n")
    assert [body["id"] for body in await desk.stored("INBOUND")] == [str(old.id), str(new.id)]
    assert await desk.left() == 0


async def test_who_forgets_while_letters_come_takes_those_that_are_there(desk: Desk) -> None:
    bodies = [said().model_copy(update={"address": ANN}) for _ in range(40)]

    async def comes() -> None:
        for message in bodies:
            await desk.set_aside(message, stored_inbound(message))

    coming = asyncio.create_task(comes())
    counts = [await forget(desk.broker.nats, ANN)]
    await coming
    counts.append(await forget(desk.broker.nats, ANN))
    assert sum(counts) == len(bodies)
    assert await desk.left() == 0


async def test_letters_that_nobody_owns_are_gone_after_their_days(desk: Desk) -> None:
    config = (await desk.jetstream.stream_info("DEAD")).config
    assert config.max_age == DEAD.age_max_seconds == 30 * 86_400


MESSAGES = [
    value
    for value in vars(contracts).values()
    if inspect.isclass(value) and issubclass(value, Message) and hasattr(value, "subject")
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_a_message_that_concerns_a_chat_says_so_in_a_field_that_is_looked_at(
    message: type[Message],
) -> None:
    chats = {
        name
        for name, field in message.model_fields.items()
        if field.annotation in (Address, Address | None)
    }
    assert chats <= set(CHAT_FIELDS)
    for path in SAMPLES.glob(f"{message.__name__}.*.json"):
        body = json.loads(path.read_text(encoding="utf-8"))["body"]
        expected = next((body[name] for name in CHAT_FIELDS if name in chats and body[name]), None)
        owner = owner_of("x.y", json.dumps(body).encode())
        assert (owner and owner.model_dump()) == expected


@pytest.mark.parametrize(
    ("subject", "body", "owner"),
    [
        ("command.claim-seat.3.x", b'{"address": {"platform": "telegram"}}', None),
        ("command.claim-seat.3.x", b"[" * 100_000, None),
        ("command.claim-seat.3.x", b'"address"', None),
        (f"delivery.whatsapp.{uuid4()}", b"{}", None),
        ("out.reply.telegram.123456-4242", b"", ANN),
        ("woken.whatsapp.123456.3.123456-4242", b"", TWIN),
        ("reach.telegram.nonsense", b"", None),
    ],
)
def test_an_owner_is_told_or_nobody_is(subject: str, body: bytes, owner: Address | None) -> None:
    assert owner_of(subject, body) == owner
    assert len(letter_subject(subject, owner).split(".")) == 4


def test_the_way_back_is_that_of_where_it_was() -> None:
    wants_in = claim(ANN)
    headers = {"Turnout-Subject": f"command.claim-seat.3.{wants_in.event_id}"}
    letter = Letter.of(7, NOW, headers, wants_in.model_dump_json().encode())
    assert way_back(letter).subject == wants_in.route()
