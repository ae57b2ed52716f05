"""The chat's document keeps its promises about size, memory and age."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from conversation_talk import NOW, SPACE, Talk, World, an_event, messages_of, russian

from contracts import OutboundMessage
from conversation.dialogue import Owed, State
from conversation.document import DOCUMENT_BYTES_MAX, SEEN_MIN, ChatDocument
from conversation.seen import SEEN_AGE_MAX, SEEN_MAX, SeenInputs

SAMPLES = Path(__file__).parent / "samples"


def number(n: int) -> UUID:
    return uuid5(SPACE, f"seen {n}")


def a_document(inputs: int, owed: tuple[Owed, ...] = ()) -> ChatDocument:
    document = ChatDocument(state=State())
    for n in range(inputs):
        document = document.after(number(n), State(), owed, NOW + timedelta(seconds=n))
    return document


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("document-*.json")), ids=lambda p: p.name)
def test_every_document_ever_written_still_parses(sample: Path) -> None:
    stored = json.loads(sample.read_text(encoding="utf-8"))
    document = ChatDocument.model_validate(stored)
    assert holds(json.loads(document.model_dump_json()), stored)


def holds(now: object, then: object) -> bool:
    """Whether nothing of `then` was lost; fields may have been added."""
    if isinstance(now, dict) and isinstance(then, dict):
        return all(key in now and holds(now[key], value) for key, value in then.items())
    if isinstance(now, list) and isinstance(then, list):
        return len(now) == len(then) and all(map(holds, now, then))
    return now == then


def test_the_last_256_inputs_are_remembered() -> None:
    document = a_document(SEEN_MAX + 10)
    assert not document.has_seen(number(9))
    assert document.has_seen(number(10))
    assert document.has_seen(number(SEEN_MAX + 9))


def test_inputs_are_forgotten_when_they_can_come_no_more() -> None:
    document = a_document(3)
    later = document.after(number(3), State(), (), NOW + SEEN_AGE_MAX + timedelta(seconds=1.5))
    assert [later.has_seen(number(n)) for n in range(4)] == [False, False, True, True]


def test_a_torn_memory_is_an_error_and_not_a_forgotten_one() -> None:
    with pytest.raises(ValueError, match="seen"):
        ChatDocument(state=State(), seen="AAAA").has_seen(number(0))


def test_only_recent_debts_are_published_again() -> None:
    document = a_document(1)
    assert set(document.pending(NOW + timedelta(minutes=19))) == {number(0)}
    assert document.pending(NOW + timedelta(minutes=21)) == {}


def a_long_message() -> OutboundMessage:
    talk = russian()
    talk.says("/start")
    return talk.heard[0].model_copy(update={"text": "ж" * 4096})


def test_a_large_document_forgets_its_oldest_inputs_first() -> None:
    document = a_document(SEEN_MAX, (a_long_message(),) * 7)
    assert len(document.model_dump_json().encode()) > DOCUMENT_BYTES_MAX
    body = document.encoded()
    stored = ChatDocument.model_validate_json(body)
    assert len(body) <= DOCUMENT_BYTES_MAX
    assert SEEN_MIN <= len(SeenInputs.unpacked(stored.seen)) < SEEN_MAX
    assert stored.has_seen(number(SEEN_MAX - 1))
    assert stored.owed == document.owed


def test_a_document_that_cannot_fit_is_an_error_and_not_a_loss() -> None:
    with pytest.raises(ValueError, match="bytes"):
        a_document(SEEN_MAX, (a_long_message(),) * 12).encoded()


def test_the_longest_answers_to_the_most_that_is_kept_fit() -> None:
    alphabet = "ABCDEFGHJKLM"
    events = [
        an_event(
            n,
            title="Ж" * 119 + str(n),
            code=f"AAAAA{alphabet[n]}",
            location="ж" * 200,
            description="ж" * 1500,
        )
        for n in range(10)
    ]
    talk = russian()
    talk.world = World(events)
    for text in ("привет", "1", "да", "Ж" * 80, "a@example.org", "да"):
        talk.says(text)
    for _ in range(5):
        assert talk.says("/events" + " " * 2000) == ""
    before = len(talk.items)
    talk.gets_a_seat()
    assert talk.state is not None
    owed = tuple(talk.heard[-6:])
    assert len(messages_of(owed)) == 6
    document = a_document(SEEN_MAX).after(talk.items[before].id, talk.state, owed, NOW)
    stored = ChatDocument.model_validate_json(document.encoded())
    assert len(SeenInputs.unpacked(stored.seen)) >= SEEN_MIN


def test_a_waiting_chat_with_everything_kept_fits() -> None:
    talk = Talk()
    for text in ("hi", "1", "yes", "Ann Lee", "ann@example.org", "yes"):
        talk.says(text)
    for _ in range(10):
        talk.says("ж" * 8000)
    assert talk.state is not None
    document = a_document(SEEN_MAX).after(number(-1), talk.state, tuple(talk.heard[-1:]), NOW)
    stored = ChatDocument.model_validate_json(document.encoded())
    assert stored.state == talk.state
    assert len(SeenInputs.unpacked(stored.seen)) == SEEN_MAX
