"""Misbehaviour on demand."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from simulator_driver import WA, Driver


@pytest.mark.parametrize(
    ("kind", "more", "code", "description"),
    [
        ("429", {"retry_after": 7}, 429, "Too Many Requests: retry after 7"),
        ("500", {}, 500, "Internal Server Error"),
        ("unauthorized", {}, 401, "Unauthorized"),
        ("error", {"code": 403}, 403, "Forbidden: bot was blocked by the user"),
        ("error", {"code": 400}, 400, "Bad Request: chat not found"),
    ],
)
async def test_telegram_fails_as_asked_and_as_often(
    sim: Driver, kind: str, more: dict[str, Any], code: int, description: str
) -> None:
    ann = await sim.person("telegram")
    await sim.fault("telegram", kind, count=1, **more)

    failed = await sim.bot("sendMessage", chat_id=ann, text="x")
    worked = await sim.bot("sendMessage", chat_id=ann, text="x")

    assert (failed.status_code, failed.json()["description"]) == (code, description)
    assert failed.headers.get("Retry-After") == ("7" if kind == "429" else None)
    assert worked.status_code == 200
    stats = await sim.stats("telegram")
    assert (stats["refused"], stats["over_limit"], stats["accepted"]) == ({str(code): 1}, 0, 1)


@pytest.mark.parametrize(
    ("kind", "more", "status", "code"),
    [
        ("429", {}, 429, 130429),
        ("429", {"code": 131056}, 429, 131056),
        ("500", {}, 500, 131000),
        ("unauthorized", {}, 401, 190),
        ("error", {"code": 131031}, 403, 131031),
        ("error", {"code": 133004}, 503, 133004),
    ],
)
async def test_whatsapp_fails_as_asked_and_as_often(
    sim: Driver, kind: str, more: dict[str, Any], status: int, code: int
) -> None:
    vera = await sim.person("whatsapp")
    await sim.fault("whatsapp", kind, count=1, **more)

    failed, worked = await sim.text(vera), await sim.text(vera)

    assert (failed.status_code, failed.json()["error"]["code"]) == (status, code)
    assert worked.status_code == 200
    assert (await sim.stats("whatsapp"))["refused"] == {str(code): 1}


async def test_a_dropped_answer_means_that_the_message_was_sent(served: Driver) -> None:
    ann, vera = await served.person("telegram"), await served.person("whatsapp")
    for platform in ("telegram", "whatsapp"):
        await served.fault(platform, "drop_response", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        await served.bot("sendMessage", chat_id=ann, text="sent all the same")
    with pytest.raises(httpx.RemoteProtocolError):
        await served.text(vera, "sent all the same")

    for platform, person in (("telegram", ann), ("whatsapp", vera)):
        assert (await served.chat(platform, person))[-1]["text"] == "sent all the same"
        assert (await served.stats(platform))["accepted"] == 1
    calls = await served.ledger(direction="call")
    assert [(c["outcome"], c["fault"]) for c in calls] == [("accepted", "drop_response")] * 2


async def test_a_time_out_means_that_nothing_was_sent(served: Driver) -> None:
    ann, vera = await served.person("telegram"), await served.person("whatsapp")
    for platform in ("telegram", "whatsapp"):
        await served.fault(platform, "timeout", count=1, delay_seconds=0.3)
    began = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        await served.bot("sendMessage", chat_id=ann, text="x")
    with pytest.raises(httpx.RemoteProtocolError):
        await served.text(vera)
    assert time.monotonic() - began > 0.6
    for platform, person in (("telegram", ann), ("whatsapp", vera)):
        assert len(await served.chat(platform, person)) == 1


async def test_a_slow_answer_comes_late_for_what_was_sent_at_once(sim: Driver) -> None:
    ann, vera = await sim.person("telegram"), await sim.person("whatsapp")
    for platform in ("telegram", "whatsapp"):
        await sim.fault(platform, "slow", count=1, delay_seconds=0.3)
    began = time.monotonic()
    assert (await sim.bot("sendMessage", chat_id=ann, text="x")).status_code == 200
    assert (await sim.text(vera)).status_code == 200
    assert time.monotonic() - began > 0.6


async def test_a_rule_can_mean_one_person_or_one_endpoint(sim: Driver) -> None:
    ann, ben = await sim.person("telegram"), await sim.person("telegram")
    await sim.fault("telegram", "500", person=ann)
    assert (await sim.bot("sendMessage", chat_id=ann, text="x")).status_code == 500
    assert (await sim.bot("sendMessage", chat_id=ben, text="x")).status_code == 200
    await sim.http.delete("/sim/faults")

    await sim.fault("telegram", "500", endpoint="getMe")
    assert (await sim.bot("getMe")).status_code == 500
    assert (await sim.bot("sendMessage", chat_id=ann, text="x")).status_code == 200


async def test_without_an_endpoint_a_rule_means_messages_only(sim: Driver) -> None:
    ann, vera = await sim.person("telegram"), await sim.person("whatsapp")
    for platform in ("telegram", "whatsapp"):
        await sim.fault(platform, "500", count=1)
    assert (await sim.bot("sendChatAction", chat_id=ann, action="typing")).status_code == 200
    assert (await sim.graph(f"{WA.waba_id}/message_templates")).status_code == 200
    assert (await sim.bot("sendMessage", chat_id=ann, text="x")).status_code == 500
    assert (await sim.text(vera)).status_code == 500


async def test_a_share_hits_some_and_seconds_end_by_themselves(sim: Driver) -> None:
    people = [await sim.person("telegram") for _ in range(20)]
    fault = await sim.fault("telegram", "500", share=0.5)
    answers = [await sim.bot("sendMessage", chat_id=person, text="x") for person in people]
    assert 3 < sum(answer.status_code == 500 for answer in answers) < 17
    assert (await sim.http.delete(f"/sim/faults/{fault}")).status_code == 204

    await sim.fault("telegram", "500", seconds=0.2)
    began = time.monotonic()
    while (await sim.bot("sendMessage", chat_id=people[0], text="x")).status_code == 500:
        assert time.monotonic() - began < 3
    assert (await sim.http.get("/sim/faults")).json() == []


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"platform": "telegram", "kind": "error"}, 422, "A fault of the kind error needs a code."),
        ({"platform": "telegram", "kind": "drop_status"}, 422, "Only WhatsApp has statuses."),
        (
            {"platform": "telegram", "kind": "500", "person": "7"},
            404,
            "There is nobody with the id '7' on telegram.",
        ),
        (
            {"platform": "telegram", "kind": "500", "cuont": 1},
            422,
            "cuont: Extra inputs are not permitted.",
        ),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    sim: Driver, body: dict[str, Any], status: int, sentence: str
) -> None:
    answer = await sim.http.post("/sim/faults", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (status, sentence)
