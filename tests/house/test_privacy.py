"""What `docs/privacy.md` says is kept of people is what there is: tables, streams, messages."""

import inspect
import json
import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, MetaData, Table, Text

import contracts
import registry.access_tables  # so that the models are whole
import registry.delivery_tables
import registry.messages.tables
import registry.move_tables
import registry.person_tables  # noqa: F401 - the same
from contracts import Message
from contracts.topology import BUCKETS, DELIVERY, EVENTS, STREAMS
from registry.tables import Base
from tests.house.source import ROOT, complain

DOCUMENT = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
SAMPLES = ROOT / "libs" / "contracts" / "tests" / "samples"
SAY_SO = "say in docs/privacy.md what it is, and how long it is kept"
DAY_SECONDS = 24 * 60 * 60
CODES_ONLY = {"DeliveryReported.reason"}
"""Short codes of our own in the messages that hold nothing but ids."""
SUBJECT_KEYS = {
    *("platform", "chat", "person", "stream", "priority"),
    *("event_id", "about_event_id", "message_id", "token_id", "webhook_id", "outbound_id"),
}
"""What a subject may be made of; `chat` and `person` are the chat's key or an id."""
TEXTS: tuple[Any, ...] = (str, float, bytes, dict)
"""Types that can hold what a person wrote, or where they are."""


def section(title: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(title: str) -> dict[str, list[str]]:
    """The lines of a section's table by the name in their first cell."""
    found: dict[str, list[str]] = {}
    for line in section(title).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            found[cells[0].strip("`")] = cells[1:]
    assert found
    return found


def quoted(cell: str) -> list[str]:
    """The names in a cell."""
    return re.findall(r"`([\w.]+)`", cell)


def unsaid_columns(metadata: MetaData) -> list[str]:
    """Tables and columns of which the document says nothing, or what it does not have."""
    said = rows("Tables")
    offences = [f"{name}: no such table" for name in sorted(said.keys() - metadata.tables.keys())]
    for name, table in sorted(metadata.tables.items()):
        if name not in said:
            offences.append(f"{name}: a table that is not named")
            continue
        personal, plain, how_long = said[name]
        named, there = quoted(personal) + quoted(plain), {column.name for column in table.columns}
        offences += [f"{name}.{column}: not named" for column in sorted(there - {*named})]
        offences += [f"{name}.{column}: no such column" for column in sorted({*named} - there)]
        offences += [f"{name}.{one}: named twice" for one in {*named} if named.count(one) > 1]
        if not how_long:
            offences.append(f"{name}: for how long?")
    return offences


def test_every_table_and_column_is_named() -> None:
    complain(unsaid_columns(Base.metadata), SAY_SO)


def test_a_new_table_or_column_would_be_found() -> None:
    grown = MetaData()
    for table in Base.metadata.sorted_tables:
        table.to_metadata(grown)
    grown.tables["users"].append_column(Column("shoe_size", Text()))
    Table("diaries", grown, Column("entry", Text()))
    assert unsaid_columns(grown) == [
        "diaries: a table that is not named",
        "users.shoe_size: not named",
    ]


@pytest.mark.parametrize(
    ("title", "ages"),
    [
        ("Streams", {stream.name: stream.age_max_seconds for stream in STREAMS}),
        ("Buckets", {bucket.name: bucket.age_max_seconds for bucket in BUCKETS}),
    ],
)
def test_every_stream_and_bucket_is_named_with_its_age(title: str, ages: dict[str, float]) -> None:
    said = rows(title)
    people = {bucket.name for bucket in BUCKETS if bucket.of_people}
    offences = [f"{name}: not named" for name in sorted(ages.keys() - said.keys())]
    offences += [f"{name}: there is none" for name in sorted(said.keys() - ages.keys())]
    for name in sorted(ages.keys() & said.keys()):
        age, how_long = ages[name], said[name][1]
        if name in people:
            is_said = "RETENTION_DAYS" in how_long or how_long == "the same"
        else:
            days = re.match(r"(\d+) days", how_long)
            is_said = (int(days[1]) * DAY_SECONDS if days else 0.0) == age
        if not is_said:
            offences.append(f"{name}: kept for {age / DAY_SECONDS:g} days")
    complain(offences, SAY_SO)


def texts_of(model: type[BaseModel]) -> dict[str, str]:
    """Every field that can hold a text, also of the values within: `Model.field` and its type."""
    return {f"{owner.__name__}.{name}": str(kind) for owner, name, kind in _leaves(model, set())}


def _leaves(
    model: type[BaseModel], seen: set[type[BaseModel]]
) -> Iterator[tuple[type[BaseModel], str, Any]]:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield from _of_type(model, name, field.annotation, seen)


def _of_type(
    model: type[BaseModel], name: str, kind: Any, seen: set[type[BaseModel]]
) -> Iterator[tuple[type[BaseModel], str, Any]]:
    if get_origin(kind) is Literal:
        return
    if get_origin(kind) in (Union, UnionType, tuple, list) or get_args(kind):
        if get_origin(kind) is dict:
            yield model, name, kind
        for inner in get_args(kind):
            yield from _of_type(model, name, inner, seen)
    elif inspect.isclass(kind) and issubclass(kind, BaseModel):
        yield from _leaves(kind, seen)
    elif kind in TEXTS or kind is Any:
        yield model, name, kind


def messages() -> list[type[Message]]:
    """Everything that is said in streams."""
    found = [getattr(contracts, name) for name in contracts.__all__]
    return [
        kind
        for kind in found
        if inspect.isclass(kind) and issubclass(kind, Message) and "subject" in kind.__dict__
    ]


def unsaid_texts(kinds: list[type[Message]]) -> list[str]:
    """Fields of messages that the document puts in neither list, or in both."""
    personal, plain = _listed("Personal"), _listed("Plain")
    there = {name for kind in kinds for name in texts_of(kind)}
    return (
        [f"{name}: not named" for name in sorted(there - personal - plain)]
        + [f"{name}: no such text" for name in sorted((personal | plain) - there)]
        + [f"{name}: both personal and plain" for name in sorted(personal & plain)]
    )


def _listed(start: str) -> set[str]:
    found = re.search(rf"^{start}: (.*?)(?:\n\n|\Z)", section("Messages"), re.MULTILINE | re.DOTALL)
    assert found, start
    return {*quoted(found[1])}


def test_every_text_of_a_message_is_named() -> None:
    complain(unsaid_texts(messages()), SAY_SO)


class Confided(Message):
    """A message that nobody has thought about."""

    subject = "registration.confided"
    secret: tuple[str, ...] | None = None
    where: dict[str, int]


def test_a_new_text_in_a_message_would_be_found() -> None:
    assert unsaid_texts([*messages(), Confided]) == [
        "Confided.secret: not named",
        "Confided.where: not named",
    ]


def with_ids_only(kind: type[Message]) -> list[str]:
    """The texts of a message that promises to have none."""
    return sorted(texts_of(kind).keys() - CODES_ONLY)


def test_what_is_kept_in_events_and_delivery_has_ids_only() -> None:
    prefixes = {
        subject.split(".")[0] for stream in (EVENTS, DELIVERY) for subject in stream.subjects
    }
    kept = [kind for kind in messages() if kind.subject.split(".")[0] in prefixes]
    assert len(kept) > 10
    complain([name for kind in kept for name in with_ids_only(kind)], "an id; ask the registry")
    # What is looked for can be found.
    assert with_ids_only(Confided) == ["Confided.secret", "Confided.where"]


def test_subjects_are_made_of_ids_and_chats_alone() -> None:
    offences = [
        f"{kind.__name__}: {{{key}}}"
        for kind in messages()
        for key in re.findall(r"{(\w+)}", kind.subject)
        if key not in SUBJECT_KEYS
    ]
    complain(offences, "an id, or the key of a chat")


def test_no_subject_holds_what_its_message_says() -> None:
    """Of every recorded message: nothing personal is in its subject but the key of its chat."""
    kinds = {kind.__name__: kind for kind in messages()}
    looked_at = 0
    for path in sorted(SAMPLES.glob("*.json")):
        kind = kinds.get(path.name.split(".")[0])
        if kind is None:
            continue
        body = json.loads(path.read_text(encoding="utf-8"))["body"]
        subject = kind.model_validate(body).route()
        for name in ("name", "email", "email_claimed", "email_to", "to_email", "phone", "text"):
            said = body.get(name)
            if isinstance(said, str) and said:
                looked_at += 1
                assert said not in subject, path.name
                assert said.split("@")[0] not in subject, path.name
    assert looked_at >= 5
