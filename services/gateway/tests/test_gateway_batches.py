"""Batches as large and as mixed as WhatsApp sends them: of each item one thing comes, once."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

from gateway_cases import METADATA, NOW, PHONE_ID
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts import DeliveryReported, InboundMessage, derived_id, inbound_id
from gateway import whatsapp

ITEMS_MAX = 1000
OTHERS = "999999999999999"

Item = tuple[str, str]
"""A kind, and which one of it; the same item again is a repetition."""

KINDS = [
    *("text", "choice", "reaction", "unsupported", "sent", "delivered", "failed"),
    *("group", "played", "of another tool", "errors", "user_actions", "user_preferences"),
    *("nobody's", "unreadable", "moved", "moved by field", "template", "unknown field", "others"),
]
DETAILS: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": {"body": "hi"}},
    "choice": {
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": "a", "title": "A"}},
    },
    "reaction": {"type": "reaction", "reaction": {"message_id": "w", "emoji": "👍"}},
    "unsupported": {"type": "unsupported", "errors": [{"code": 131051}]},
    "group": {"type": "text", "text": {"body": "hi"}, "group_id": "G"},
    "nobody's": {"type": "text", "text": {"body": "hi"}, "from": None},
    "unreadable": {"type": "text", "text": {}},
    "moved": {"type": "system", "system": {"type": "user_changed_number", "wa_id": "16500000000"}},
}
STATUSES = {"sent": "sent", "delivered": "delivered", "failed": "failed", "played": "played"}
FIELDS = {"template": "message_template_status_update", "unknown field": "of next year"}


def as_change(item: Item) -> tuple[str, str, Any]:
    """The field, the list and the thing in it; a list of "" is the value itself."""
    kind, name = item
    if kind in DETAILS:
        sender = {"id": f"wamid.{name}", "from": f"1650555{name:0>6}", "timestamp": "1763800000"}
        return "messages", "messages", sender | DETAILS[kind]
    if kind in STATUSES:
        ours = {"biz_opaque_callback_data": str(UUID(int=int(name)))}
        return "messages", "statuses", {"status": STATUSES[kind], "id": "wamid.O"} | ours
    if kind == "of another tool":
        return "messages", "statuses", {"status": "sent", "biz_opaque_callback_data": "order 7"}
    if kind == "moved by field":
        ids = {"previous": f"US.{name}", "current": f"US.new{name}"}
        return "user_id_update", "user_id_update", {"user_id": ids}
    if kind == "others":
        return "messages", "", {"metadata": {"phone_number_id": OTHERS}, "messages": [{}]}
    if kind in FIELDS:
        return FIELDS[kind], "", {"event": name}
    return "messages", kind, {"code": 1, "wa_id": "1"}


def comes_to(item: Item) -> tuple[str, Any]:
    """The place where the item is to be found, and as what."""
    kind, name = item
    if kind in ("nobody's", "unreadable"):
        return "unreadable", None
    if kind in DETAILS and kind != "group":
        return "heard", inbound_id("whatsapp", PHONE_ID, f"wamid.{name}")
    if kind == "moved by field":
        return "heard", inbound_id("whatsapp", PHONE_ID, f"moved:US.{name}:US.new{name}")
    if kind in STATUSES and kind != "played":
        return "reported", derived_id(UUID(int=int(name)), f"platform-{kind}")
    counted = {
        "played": "status-other",
        "of another tool": "status-not-ours",
        "unknown field": "unknown",
        "others": "unknown-account",
        "user_preferences": "preference-other",
    }
    return "counted", FIELDS.get(kind, kind) if kind == "template" else counted.get(kind, kind)


def batch_of(items: list[Item], cuts: list[int]) -> bytes:
    """A notification that spreads the items over entries and changes as the cuts say."""
    entries: list[list[dict[str, Any]]] = [[]]
    for number, item in enumerate(items):
        field, key, thing = as_change(item)
        cut = cuts[number % len(cuts)]
        if cut == 0:
            entries.append([])
        last: dict[str, Any] = entries[-1][-1] if entries[-1] else {"field": None}
        if key and last["field"] == field and last["value"].get("metadata") is METADATA and cut > 1:
            last["value"].setdefault(key, []).append(thing)
        else:
            value = {"metadata": METADATA, key: [thing]} if key else thing
            entries[-1].append({"field": field, "value": value})
    whole = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": changes} for changes in entries],
    }
    return json.dumps(whole).encode()


items = st.tuples(st.sampled_from(KINDS), st.integers(0, 400).map(str))
batches = st.one_of(
    st.lists(items, min_size=1, max_size=60),
    # Hypothesis makes no long lists by itself: one that is drawn, over and over, counted on.
    st.builds(
        lambda few, size: [
            (kind, str(int(name) + number // len(few)))
            for number in range(size)
            for kind, name in [few[number % len(few)]]
        ],
        st.lists(items, min_size=1, max_size=20),
        st.integers(1, ITEMS_MAX),
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches, st.lists(st.integers(0, 30), min_size=1, max_size=20))
@example([("text", str(n)) for n in range(ITEMS_MAX)], [2])
@example([(kind, "7") for kind in KINDS for _ in range(50)], [0, 1, 2])
def test_each_item_of_a_batch_ends_in_one_place_once(batch: list[Item], cuts: list[int]) -> None:
    reading = whatsapp.read(batch_of(batch, cuts), {PHONE_ID}, NOW)

    found = [comes_to(item) for item in batch]
    kept = {what for where, what in found if where in ("heard", "reported")}
    assert set(reading.messages) == kept
    assert all(message.id == key for key, message in reading.messages.items())
    heard = {what for where, what in found if where == "heard"}
    for key, message in reading.messages.items():
        assert isinstance(message, InboundMessage if key in heard else DeliveryReported)
    # What has no id cannot be told from its repetition: each telling is counted.
    assert Counter(reading.unused) == Counter(what for where, what in found if where == "counted")
    assert len(reading.unreadable) == sum(where == "unreadable" for where, _ in found)
    assert len(reading.kinds) == len(kept) + len(reading.unused) + len(reading.unreadable)


def test_the_order_of_a_chat_is_the_order_of_the_batch() -> None:
    batch = [("text", str(number)) for number in range(ITEMS_MAX)]

    reading = whatsapp.read(batch_of(batch, [0, 2, 2, 1]), {PHONE_ID}, NOW)

    assert list(reading.messages) == [comes_to(item)[1] for item in batch]
