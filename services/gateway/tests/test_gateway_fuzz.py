"""Authentic webhooks with any of their parts gone wrong: read without a fall, and as nobody else.

A platform may send shapes that nobody has documented; what comes of them is at worst unreadable.
"""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from gateway_cases import BOT, NOW, PHONE_ID, Case, cases

from contracts import ChatMoved, ContactShared, InboundMessage
from gateway import telegram, whatsapp
from gateway.reading import Reading

MUTANTS_PER_CASE = 60
NODES_CHANGED_MAX = 3
REASON_CHARACTERS_MAX = 80

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**53, 10**19, -(10**19), 0.5, 1e300, -1e300),
    *("", " ", "0", "-1", "42", "x", "²", "٤٢", "1e3", "\x00", "\ud800", "\u202e", "x" * 9000),
    *("telegram.*.>", "US.", "us.7", "US.7", "US.ENT.7", "+16500000000", "wamid.*", "9" * 400),
    *([], {}, [[]], [{}], [None], [1, "x", {}], {"": {}}, {"id": {"id": {}}}, {"type": "text"}),
]

BASES = [case for case in cases() if case.messages]


def read(case: Case, body: bytes) -> Reading:
    if case.platform == "telegram":
        return telegram.read(body, BOT, NOW)
    return whatsapp.read(body, {PHONE_ID}, NOW)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every node but the root."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def mutated(body: Any, chance: random.Random) -> Any:
    """The body with a few nodes dropped, replaced, moved, or doubled."""
    body = copy.deepcopy(body)
    for _ in range(chance.randint(1, NODES_CHANGED_MAX)):
        ways = list(places(body))
        if not ways:
            return body
        *path, key = chance.choice(ways)
        holder = body
        for step in path:
            holder = holder[step]
        match chance.randrange(5):
            case 0:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(chance.choice(ODD))
            case 2:  # another type of the same
                value = holder[key]
                holder[key] = chance.choice([str(value), [value], {"value": value}, {}])
            case 3:  # what stands elsewhere
                *other, last = chance.choice(ways)
                there = body
                try:
                    for step in other:
                        there = there[step]
                    holder[key] = copy.deepcopy(there[last])
                except (KeyError, IndexError, TypeError):
                    holder[key] = None
            case _:
                if isinstance(holder, list):
                    holder.append(copy.deepcopy(holder[key]))
                else:
                    holder[f"{key}2"] = holder.pop(key)
    return body


def words(node: Any) -> set[str]:
    """Every text and number of the payload."""
    if isinstance(node, dict):
        return set().union(*map(words, node.values())) if node else set()
    if isinstance(node, list):
        return set().union(*map(words, node)) if node else set()
    if isinstance(node, str):
        # Half an emoji is turned into a question mark on the way.
        node = node.encode("utf-8", "replace").decode()
        # A text is also what int() would make of it, and what stands in it.
        return {node, node.lstrip("+"), *([str(int(node))] if _is_number(node) else [])} | set(
            node.split()
        )
    if isinstance(node, float) and node.is_integer():
        return {str(int(node))}
    return {str(node)}


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 100


def check(reading: Reading, case: Case, payload: Any) -> None:
    """Nobody is spoken for who is not named, and nothing of what was sent is told in a reason."""
    named = words(payload)
    for message in reading.messages.values():
        if not isinstance(message, InboundMessage):
            continue
        assert message.address.chat_id in named
        assert message.address.account == (BOT if case.platform == "telegram" else PHONE_ID)
        assert message.sender.phone is None or message.sender.phone in named
        if isinstance(message.content, ChatMoved):
            assert message.content.previous in named
            assert message.content.previous != message.address.chat_id
        if isinstance(message.content, ContactShared) and message.content.own:
            _check_own(message, message.content)
        assert message == InboundMessage.model_validate_json(message.model_dump_json())
    kinds = telegram.COUNTED_KINDS if case.platform == "telegram" else whatsapp.COUNTED_KINDS
    assert set(reading.unused) <= kinds
    assert all(len(reason) < REASON_CHARACTERS_MAX for reason in reading.unreadable)


def _check_own(message: InboundMessage, contact: ContactShared) -> None:
    if message.sender.phone is not None:
        assert "".join(filter(str.isdecimal, contact.phone)) == message.sender.phone


@pytest.mark.parametrize("case", BASES, ids=[case.name for case in BASES])
def test_whatever_goes_wrong_with_a_webhook_it_is_read_and_speaks_for_nobody_else(
    case: Case,
) -> None:
    chance = random.Random(case.name)
    payload = json.loads(case.body)
    for _ in range(MUTANTS_PER_CASE):
        mutant = mutated(payload, chance)

        check(read(case, json.dumps(mutant).encode()), case, mutant)


def test_bytes_that_are_torn_or_overwritten_are_read_as_well() -> None:
    chance = random.Random("torn")
    for case in BASES:
        for _ in range(MUTANTS_PER_CASE // 4):
            body = bytearray(case.body)
            for _ in range(chance.randint(1, 4)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            torn = bytes(body[: chance.randint(0, len(body))]) if chance.random() < 0.3 else body
            reading = read(case, bytes(torn))
            assert len(reading.kinds) <= 1


def test_the_check_itself_sees_a_message_in_somebody_else_s_name() -> None:
    case = BASES[0]
    payload = json.loads(case.body)

    with pytest.raises(AssertionError):
        check(read(case, case.body), case, {"nobody": "here"})
    check(read(case, case.body), case, payload)
