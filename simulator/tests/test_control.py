"""The control API as a stranger meets it."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulator_driver import SETTINGS, WA, App, Driver, calling, serving, until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ANN = "people/telegram/42"
KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


async def test_health_answers_as_soon_as_it_serves(sim: Driver) -> None:
    assert (await sim.http.get("/sim/health")).json() == {"status": "ok"}


async def test_people_get_fresh_ids_or_the_ones_they_are_given(sim: Driver) -> None:
    made = [await sim.person("telegram", says=None) for _ in range(3)]
    assert len(set(made)) == 3
    assert await sim.person("telegram", says=None, id=42) == "42"
    assert await sim.person("whatsapp", says=None, id="+16505551234") == "16505551234"
    again = await sim.http.post("/sim/people", json={"platform": "telegram", "id": "42"})
    assert again.status_code == 200
    listed = (await sim.http.get("/sim/people")).json()
    assert [person["id"] for person in listed] == [*made, "42", "16505551234"]


async def test_a_whatsapp_person_is_found_by_phone_and_by_user_id(sim: Driver) -> None:
    person = (await sim.http.post("/sim/people", json={"platform": "whatsapp"})).json()
    await sim.act("whatsapp", person["user_id"], "say", text="hi")
    assert len(await sim.chat("whatsapp", person["phone"])) == 1


NOBODY = "There is nobody with the id {} on {}."
REFUSED_ACTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("people/telegram/1/say", {"text": "x"}, 404, NOBODY.format("'1'", "telegram")),
    (f"{ANN}/say", {"text": ""}, 422, "text: String should have at least 1 character."),
    (f"{ANN}/say", {}, 422, "text: Field required."),
    (f"{ANN}/tap", {"label": "No"}, 409, "No message in the chat offers 'No'."),
    (f"{ANN}/tap", {}, 422, "Say what to tap: either its label or its data."),
    (
        f"{ANN}/open",
        {"url": "https://t.me/other_bot?start=x"},
        409,
        "The link opens @other_bot; the bot here is @turnout_demo_bot.",
    ),
    (
        f"{ANN}/open",
        {"url": "https://wa.me/1?text=x"},
        422,
        "Only a t.me link opens a Telegram chat.",
    ),
    (
        f"{ANN}/open",
        {"url": "https://t.me/turnout_demo_bot?start=a.b"},
        422,
        "A start payload has at most 64 characters out of A-Z, a-z, 0-9, _ and -.",
    ),
    ("people/whatsapp/491/say", {"text": "x"}, 404, NOBODY.format("'491'", "whatsapp")),
    (f"{ANN}/unblock", {}, 409, "Ann has not blocked the bot."),
    (
        f"{ANN}/send",
        {"kind": "revoke"},
        422,
        "Telegram does not tell bots that a message was deleted.",
    ),
    (
        "people",
        {"platform": "telegram", "id": "x"},
        422,
        "A Telegram id is a positive whole number of at most 16 digits.",
    ),
    ("people", {"platform": "sms"}, 422, "platform: Input should be 'telegram' or 'whatsapp'."),
    (
        "clock",
        {"advance_seconds": -1},
        422,
        "advance_seconds: Input should be greater than or equal to 0.",
    ),
    (
        "templates",
        {"name": "x", "language": "en_US", "body": "{{1}} hi"},
        422,
        "A template's body neither begins nor ends with a parameter.",
    ),
]


@pytest.mark.parametrize(("path", "body", "status", "sentence"), REFUSED_ACTS)
async def test_what_cannot_be_done_is_refused_with_a_sentence(
    sim: Driver, path: str, body: dict[str, Any], status: int, sentence: str
) -> None:
    await sim.person("telegram", id="42")
    answer = await sim.http.post(f"/sim/{path}", json=body)
    assert (answer.status_code, answer.json()) == (status, {"detail": sentence})


async def test_links_open_chats(sim: Driver) -> None:
    ann = await sim.person("telegram", says=None)
    await sim.act("telegram", ann, "open", url="https://t.me/turnout_demo_bot?start=ev_7")
    assert (await sim.chat("telegram", ann))[-1]["text"] == "/start ev_7"
    vera = await sim.person("whatsapp", says=None)
    link = f"https://wa.me/{WA.display_phone}?text=Register%20PYCON"
    await sim.act("whatsapp", vera, "open", url=link)
    assert (await sim.chat("whatsapp", vera))[-1]["text"] == "Register PYCON"
    bare = await sim.http.post(
        f"/sim/people/whatsapp/{vera}/open", json={"url": f"https://wa.me/{WA.display_phone}"}
    )
    assert bare.json()["detail"] == "The link fills in no text, so there is nothing to send."


async def test_next_waits_for_the_bot_and_says_204_if_it_stays_silent(sim: Driver) -> None:
    ann = await sim.person("telegram")
    path = f"/sim/people/telegram/{ann}/next"
    assert (await sim.http.get(path, params={"timeout": 0.05})).status_code == 204

    waiting = asyncio.create_task(sim.http.get(path, params={"timeout": 5}))
    await sim.bot("sendMessage", chat_id=ann, text="first")
    assert (await waiting).json()["text"] == "first"
    await sim.bot("sendMessage", chat_id=ann, text="second")
    assert (await sim.http.get(path, params={"after": 2})).json()["text"] == "second"
    assert (await sim.http.get(path)).json()["text"] == "first", "since the last act"


async def test_a_tap_by_label_takes_the_newest_message_that_offers_it(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    for data in ("old", "new"):
        markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": data}]]}
        await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=markup)
    await sim.bot("sendMessage", chat_id=ann, text="no buttons here")
    await sim.act("telegram", ann, "tap", label="Yes")
    await sim.act("telegram", ann, "tap", label="Yes", n=2)
    await until(lambda: len(app.updates) == 3)
    pressed = [u["callback_query"]["data"] for u in app.updates if "callback_query" in u]
    assert pressed == ["new", "old"]


async def test_links_and_reply_keyboards_can_be_tapped_too(sim: Driver) -> None:
    ann = await sim.person("telegram")
    markup = {"inline_keyboard": [[{"text": "Map", "url": "https://example.org"}]]}
    await sim.bot("sendMessage", chat_id=ann, text="Where", reply_markup=markup)
    assert (await sim.act("telegram", ann, "tap", label="Map"))["opened"] == "https://example.org"
    await sim.bot("sendMessage", chat_id=ann, text="Size", reply_markup={"keyboard": [["S", "M"]]})
    await sim.act("telegram", ann, "tap", label="M")
    assert (await sim.chat("telegram", ann))[-1]["text"] == "M"


async def test_a_chat_entry_has_all_that_testers_read(sim: Driver) -> None:
    ann = await sim.person("telegram")
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=KEYBOARD)
    said, sent = await sim.chat("telegram", ann)
    expected = {"n", "from", "text", "choices", "document", "template", "status", "error_code",
                "edited_at", "at"}  # fmt: skip
    assert expected <= set(sent)
    assert (said["n"], said["from"], sent["n"], sent["from"]) == (1, "person", 2, "bot")
    assert sent["choices"] == [{"label": "Yes", "data": "y", "row": 0}]
    assert sent["at"].endswith("+00:00")


async def test_a_reset_forgets_people_but_not_what_was_set_up(sim: Driver, app: App) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    await until(lambda: app.updates)
    await sim.fault("telegram", "500")
    await sim.http.patch("/sim/templates", json={"name": "event_reminder", "status": "paused"})
    await sim.http.post("/sim/clock", json={"advance_seconds": 60})
    last_n = (await sim.ledger())[-1]["n"]

    assert (await sim.http.post("/sim/reset")).status_code == 200

    assert (await sim.http.get(f"/sim/people/telegram/{ann}/chat")).status_code == 404
    assert await sim.ledger() == []
    assert (await sim.stats("telegram"))["webhooks"]["posted"] == 0
    assert {t["status"] for t in (await sim.http.get("/sim/templates")).json()} == {"APPROVED"}
    assert (await sim.http.get("/sim/clock")).json()["offset_seconds"] == 60
    ben = await sim.person("telegram")
    assert (await sim.bot("sendMessage", chat_id=ben, text="x")).status_code == 200
    await until(lambda: len(app.updates) == 2)
    assert app.updates[1]["update_id"] > app.updates[0]["update_id"]
    assert (await sim.ledger())[0]["n"] > last_n


async def test_the_ledger_is_a_gapless_record_of_calls_and_webhooks(sim: Driver, app: App) -> None:
    await sim.listen(app)
    webhooks = sim.world.core.stats["whatsapp"].webhooks
    vera = await sim.person("whatsapp", says="hi")
    await until(lambda: webhooks.delivered == 1)
    await sim.text(vera, "hello", biz_opaque_callback_data="ob_1")
    await until(lambda: webhooks.delivered == 3)
    ann = await sim.person("telegram", says=None)
    await sim.bot("sendMessage", chat_id=ann, text="too early")

    lines = await sim.ledger()
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))
    whatsapp = [
        (line["direction"], line["method"], line["person"], line["text"], line["outcome"])
        for line in lines
        if line["platform"] == "whatsapp"
    ]
    assert whatsapp == [
        ("webhook", "message", vera, "hi", "200"),
        ("call", "messages", vera, "hello", "accepted"),
        ("webhook", "status", vera, "sent", "200"),
        ("webhook", "status", vera, "delivered", "200"),
    ]
    assert lines[-1]["outcome"] == "refused"
    assert lines[-1]["code"] == 403
    assert await sim.ledger(after=lines[-2]["n"]) == lines[-1:]


async def test_templates_are_made_changed_and_listed(sim: Driver) -> None:
    made = await sim.http.post(
        "/sim/templates", json={"name": "welcome", "language": "ru", "body": "Привет, {{1}}!"}
    )
    assert (made.status_code, made.json()["status"]) == (201, "APPROVED")
    names = {t["name"] for t in (await sim.http.get("/sim/templates")).json()}
    # What Meta gives to a new account, what the driver submitted, and this one.
    assert names == {"hello_world", "event_reminder", "seat_offer", "welcome"}
    missing = await sim.http.patch("/sim/templates", json={"name": "no", "status": "paused"})
    assert missing.status_code == 404


async def test_the_clock_is_written_and_every_living_service_waited_for(tmp_path: Path) -> None:
    clock_file, state_file = tmp_path / "run" / "clock.json", tmp_path / "state.json"
    asked = 0

    async def health(_: Request) -> JSONResponse:
        nonlocal asked
        asked += 1
        is_there = clock_file.exists() and asked > 2  # a service takes a moment to notice
        offset = json.loads(clock_file.read_text())["offset_seconds"] if is_there else 0.0
        return JSONResponse({"clock_offset_seconds": offset})

    async with serving(Starlette(routes=[Route("/health", health)])) as url:
        port = int(url.rsplit(":", 1)[1])
        processes = [
            {"name": "gateway", "replica": 1, "pid": os.getpid(), "port": port, "log": "x"},
            {"name": "registry", "replica": 1, "pid": 2**22 + 1, "port": 1, "log": "x"},
            {"name": "nats", "replica": 1, "pid": os.getpid(), "port": 1, "log": "x"},
        ]
        state_file.write_text(json.dumps({"processes": processes}))
        settings = replace(SETTINGS, clock_file=str(clock_file), state_file=str(state_file))
        async with calling(settings) as sim:
            answer = await sim.http.post("/sim/clock", json={"advance_seconds": 3600})
            assert answer.status_code == 200, answer.text
            assert answer.json()["offset_seconds"] == 3600
    assert asked >= 3
    assert json.loads(clock_file.read_text()) == {"offset_seconds": 3600.0}
    async with calling(settings) as restarted:
        assert (await restarted.http.get("/sim/clock")).json()["offset_seconds"] == 3600


async def test_a_service_that_does_not_follow_the_clock_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.clock.SERVICES_WAIT_SECONDS_MAX", 0.2)
    state_file = tmp_path / "state.json"
    process = {"name": "notifier", "replica": 2, "pid": os.getpid(), "port": 1, "log": "x"}
    state_file.write_text(json.dumps({"processes": [process]}))
    settings = replace(
        SETTINGS, clock_file=str(tmp_path / "clock.json"), state_file=str(state_file)
    )
    async with calling(settings) as sim:
        answer = await sim.http.post("/sim/clock", json={"advance_seconds": 1})
    assert answer.status_code == 504
    assert "notifier#2" in answer.json()["detail"]


async def test_the_page_brings_all_it_needs_itself(sim: Driver) -> None:
    page = await sim.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for name in ("style.css", "main.js", "phone.js", "message.js", "text.js", "api.js"):
        content = (await sim.http.get(f"/page/{name}")).text
        assert content
        assert "//cdn" not in content
        assert "innerHTML" not in content, "texts of bots must never become HTML"
    assert "https://" not in page.text
