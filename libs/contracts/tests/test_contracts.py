"""Names, subjects and streams agree, and what was ever written can still be read."""

import inspect
import json
import re
from itertools import product
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import contracts
from contracts import (
    Address,
    Choice,
    Message,
    OutboundMessage,
    Query,
    derived_id,
    inbound_id,
)
from contracts.topology import (
    BUCKETS,
    BULK,
    CHANNELS,
    COMMAND_LANES,
    OUTBOUND,
    PARTITIONS,
    PLATFORMS,
    STREAMS,
)

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.json"))
MESSAGES = [
    value
    for value in vars(contracts).values()
    if inspect.isclass(value) and issubclass(value, Message) and hasattr(value, "subject")
]
MESSAGES_BY_NAME = {message.__name__: message for message in MESSAGES}


def words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", name)]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_the_subject_of_a_message_can_be_guessed_from_its_name(message: type[Message]) -> None:
    first, *rest = message.subject.split(".")
    if first == "command":
        assert rest[0].split("-") == words(message.__name__)
    elif first in ("registration", "event", "notice"):
        assert [first, *"-".join(rest).split("-")] == words(message.__name__)
    else:
        assert message.__name__ in {
            "InboundMessage",
            "CommandOutcome",
            "ChatForgotten",
            "OutboundMessage",
            "DeliveryReported",
            "PeerChanged",
        }


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_has_exactly_one_stream(message: type[Message]) -> None:
    published = re.sub(r"\{stream\}", "out", message.subject)
    published = re.sub(r"\{[a-z_]+\}", "x", published)
    takers = [
        stream.name
        for stream in STREAMS
        if any(covers(pattern, published) for pattern in stream.subjects)
    ]
    assert len(takers) == 1


def covers(pattern: str, subject: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", "[^.]+").replace(">", ".+")
    return re.fullmatch(expression, subject) is not None


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_ever_written_still_means_the_same(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    message = MESSAGES_BY_NAME[path.stem.split(".")[0]].model_validate(sample["body"])
    assert message.route() == sample["subject"]
    assert_kept(sample["body"], json.loads(message.model_dump_json()))


def assert_kept(before: object, after: object) -> None:
    """Everything that was said is still said; fields may have been added."""
    if isinstance(before, dict):
        assert isinstance(after, dict)
        for key, value in before.items():
            assert_kept(value, after[key])
    else:
        assert after == before


def test_every_message_has_a_sample() -> None:
    assert {path.stem.split(".")[0] for path in SAMPLES} == set(MESSAGES_BY_NAME)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_newer_neighbour_may_add_a_field(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    message = MESSAGES_BY_NAME[path.stem.split(".")[0]]
    assert message.model_validate({**sample["body"], "added_later": 1}) == message.model_validate(
        sample["body"]
    )


def test_every_query_says_what_its_answer_is() -> None:
    queries = [
        value
        for value in vars(contracts).values()
        if inspect.isclass(value) and issubclass(value, Query) and value is not Query
    ]
    assert len({query.subject for query in queries}) == len(queries) > 0
    assert all(query.answer.__name__.endswith("Answer") for query in queries)


def test_consumers_read_what_their_stream_stores() -> None:
    for stream in STREAMS:
        stored = [stream.transform[1]] if stream.transform else list(stream.subjects)
        first_tokens = {subject.split(".")[0] for subject in stored}
        for consumer in stream.consumers:
            assert consumer.stream == stream.name
            assert {one.split(".")[0] for one in consumer.filter_subjects} <= first_tokens
    names = [consumer.name for stream in STREAMS for consumer in stream.consumers]
    assert len(set(names)) == len(names)


def test_every_lane_of_the_ordered_streams_has_a_consumer() -> None:
    lanes = {stream.name: len(stream.consumers) for stream in STREAMS}
    assert lanes["INBOUND"] == PARTITIONS
    assert lanes["COMMANDS"] == COMMAND_LANES


def test_every_message_to_a_person_has_one_lane_and_a_chat_keeps_to_it() -> None:
    """So that each class of a chat's has one message in flight."""
    kinds = {"outbound": ("reply", "transactional"), "bulk": ("reminder", "bulk")}
    for stream in (OUTBOUND, BULK):
        first = stream.consumers[0].filter_subject.split(".")[0]
        for priority, platform, partition in product(kinds[first], CHANNELS, range(PARTITIONS)):
            stored = [first, priority, platform, str(partition), "chat"]
            lanes = [
                consumer
                for consumer in stream.consumers
                for subject in consumer.filter_subjects
                if all(e in ("*", g) for e, g in zip(subject.split("."), stored, strict=True))
            ]
            assert len(lanes) == 1, stored
            assert lanes[0].in_flight_max == 1


def test_every_bucket_has_one_owner() -> None:
    assert len({bucket.name for bucket in BUCKETS}) == len(BUCKETS)


@given(
    account=st.text(min_size=1, max_size=64).filter(lambda text: text.isprintable()),
    chat=st.text(min_size=1, max_size=64),
)
def test_a_chat_key_is_one_token_and_can_be_read_back(account: str, chat: str) -> None:
    address = Address(platform="telegram", account=account, chat_id=chat)
    assert re.fullmatch(r"[A-Za-z0-9_=-]+", address.chat_key)
    assert Address.from_key("telegram", address.chat_key) == address


def test_a_foreign_key_is_no_address() -> None:
    with pytest.raises(ValueError, match="account-chat"):
        Address.from_key("telegram", "nonsense")


def test_ids_are_the_same_for_the_same_cause_and_differ_otherwise() -> None:
    one = inbound_id("telegram", "123456", "42")
    assert one == inbound_id("telegram", "123456", "42")
    assert one != inbound_id("telegram", "123457", "42")
    assert one != inbound_id("whatsapp", "123456", "42")
    assert derived_id(one, 0) == derived_id(one, 0)
    assert derived_id(one, 0) != derived_id(one, 1)


@given(st.uuids(), st.one_of(st.integers(), st.text()))
def test_a_derived_id_is_a_name_based_uuid(cause: UUID, name: int | str) -> None:
    assert derived_id(cause, name) == uuid5(cause, str(name))


def test_an_id_never_changes_between_releases() -> None:
    # If this fails, messages in flight during an upgrade would be said twice.
    one = inbound_id("telegram", "123456", "42")
    assert one == UUID("356e4a33-9def-5d30-ad4c-a0ad0f520daf")


def test_replies_and_bulk_go_to_different_streams() -> None:
    sample = json.loads(next(p for p in SAMPLES if p.stem == "OutboundMessage.1").read_text())
    message = OutboundMessage.model_validate(sample["body"])
    assert message.route().startswith("out.reply.telegram.")
    bulk = message.model_copy(update={"priority": "reminder"})
    assert bulk.route().startswith("bulk.reminder.telegram.")


@pytest.mark.parametrize("bad", ["", "ж", "a" * 49, "with space"])
def test_a_choice_id_fits_into_a_telegram_button(bad: str) -> None:
    with pytest.raises(ValidationError):
        Choice(id=bad, label="x")


def test_every_channel_is_in_the_topology() -> None:
    assert set(CHANNELS) == set(get_args(contracts.Platform)) == {*PLATFORMS, "email"}
