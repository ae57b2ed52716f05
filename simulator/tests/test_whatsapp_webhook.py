"""How messages and statuses reach the app: signature, identities, order, retries, batches."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from simulator_driver import WA, App, Driver, calling, parts, until, with_whatsapp
from starlette.responses import Response

from simulator.whatsapp.webhook import retry_wait_seconds

Json = dict[str, Any]
DAY_SECONDS = 86_400


def pick(*titles: str) -> Json:
    replies = [{"type": "reply", "reply": {"id": f"c:{t}", "title": t}} for t in titles]
    interactive = {"type": "button", "body": {"text": "Pick"}, "action": {"buttons": replies}}
    return {"type": "interactive", "interactive": interactive}


async def test_the_signature_is_of_the_very_bytes_and_non_ascii_is_escaped(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    await sim.person("whatsapp", name="Вера", says="привет 😀")
    [hook] = await until(lambda: app.of("/whatsapp"))

    assert b"\\u043f\\u0440" in hook.body
    assert hook.body.isascii()
    expected = hmac.new(WA.app_secret.encode(), hook.body, hashlib.sha256).hexdigest()
    assert hook.headers["x-hub-signature-256"] == f"sha256={expected}"
    assert hook.value["messages"][0]["text"]["body"] == "привет 😀"


@pytest.mark.parametrize(
    ("identity", "shows_phone", "shows_bsuid"),
    [("phone", True, False), ("phone+bsuid", True, True), ("bsuid+username", False, True)],
)
async def test_identity_modes_tell_phone_or_user_id_or_both(
    sim: Driver, app: App, identity: str, *, shows_phone: bool, shows_bsuid: bool
) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi", identity=identity)
    await sim.text(vera)
    [hook] = await until(lambda: [h for h in app.of("/whatsapp") if parts(h, "messages")])
    await until(lambda: len(app.statuses) == 2)

    message, contact = hook.value["messages"][0], hook.value["contacts"][0]
    assert ("from" in message, "from_user_id" in message) == (shows_phone, shows_bsuid)
    assert ("wa_id" in contact, "user_id" in contact) == (shows_phone, shows_bsuid)
    assert ("username" in contact["profile"]) == (identity == "bsuid+username")
    for status in app.statuses:
        assert ("recipient_id" in status, "recipient_user_id" in status) == (
            shows_phone,
            shows_bsuid,
        )


async def test_a_message_is_sent_delivered_and_read_with_our_own_mark(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    sent = (await sim.text(vera, biz_opaque_callback_data="ob_1")).json()["messages"][0]["id"]
    await until(lambda: len(app.statuses) == 2)
    await sim.act("whatsapp", vera, "read")
    await until(lambda: len(app.statuses) == 3)

    assert [status["status"] for status in app.statuses] == ["sent", "delivered", "read"]
    assert {status["id"] for status in app.statuses} == {sent}
    assert {status["biz_opaque_callback_data"] for status in app.statuses} == {"ob_1"}
    assert (await sim.chat("whatsapp", vera))[-1]["status"] == "read"


@pytest.mark.parametrize("kind", ["blocked", "nobody", "late"])
async def test_what_cannot_be_delivered_is_accepted_and_fails_later(
    sim: Driver, app: App, kind: str
) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    await until(lambda: len(app.messages) == 1)
    if kind == "blocked":
        await sim.act("whatsapp", vera, "block")
    if kind == "late":
        await sim.http.post("/sim/clock", json={"advance_seconds": DAY_SECONDS})

    answer = await sim.text("4915550009999" if kind == "nobody" else vera)

    assert answer.status_code == 200
    [status] = await until(lambda: app.statuses)
    code = 131047 if kind == "late" else 131026
    assert (status["status"], status["errors"][0]["code"]) == ("failed", code)
    assert not status["errors"][0]["title"].startswith("(#")
    assert "contacts" not in app.of("/whatsapp")[-1].value
    assert "recipient_user_id" not in status
    if kind != "nobody":
        shown = (await sim.chat("whatsapp", vera))[-1]
        assert (shown["status"], shown["error_code"]) == ("failed", code)


async def test_the_window_closes_after_a_day_and_an_answer_opens_it(sim: Driver, app: App) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")

    async def status_of_a_text() -> str:
        await sim.text(vera)
        shown = await until_settled(sim, vera)
        return str(shown["status"])

    await sim.http.post("/sim/clock", json={"advance_seconds": DAY_SECONDS - 60})
    assert await status_of_a_text() == "delivered"
    await sim.http.post("/sim/clock", json={"advance_seconds": 120})
    assert await status_of_a_text() == "failed"
    await sim.act("whatsapp", vera, "say", text="I am back")
    assert await status_of_a_text() == "delivered"


async def until_settled(sim: Driver, person: str) -> Json:
    entries = sim.world.core.people.get("whatsapp", person).chat.entries
    await until(lambda: entries[-1].status in ("delivered", "failed"))
    return (await sim.chat("whatsapp", person))[-1]


async def test_in_sync_mode_the_closed_window_is_an_error_at_once() -> None:
    async with calling(with_whatsapp(window="sync")) as sim:
        vera = await sim.person("whatsapp", says=None)
        answer = await sim.text(vera)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131047)


async def test_a_tap_says_what_was_tapped_and_where(sim: Driver, app: App) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    sent = (await sim.send(vera, **pick("Yes", "No"))).json()["messages"][0]["id"]
    await sim.act("whatsapp", vera, "tap", label="No")
    await until(lambda: len(app.messages) == 2)

    tapped = app.messages[-1]
    assert tapped["context"] == {"from": WA.display_phone, "id": sent}
    assert tapped["interactive"] == {
        "type": "button_reply",
        "button_reply": {"id": "c:No", "title": "No"},
    }


async def test_a_row_is_a_list_reply_and_a_quick_reply_is_a_button(sim: Driver, app: App) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    rows = [{"id": "r1", "title": "Row 1", "description": "first"}]
    action = {"button": "Open", "sections": [{"rows": rows}]}
    interactive = {"type": "list", "body": {"text": "Pick"}, "action": action}
    await sim.send(vera, type="interactive", interactive=interactive)
    await sim.act("whatsapp", vera, "tap", data="r1")
    await sim.http.post(
        "/sim/templates",
        json={"name": "ask", "language": "en_US", "body": "Coming?", "buttons": ["Yes"]},
    )
    button = {
        "type": "button",
        "sub_type": "quick_reply",
        "index": "0",
        "parameters": [{"type": "payload", "payload": "p:yes"}],
    }
    asked = {"name": "ask", "language": {"code": "en_US"}, "components": [button]}
    await sim.send(vera, type="template", template=asked)
    await sim.act("whatsapp", vera, "tap", label="Yes")
    await until(lambda: len(app.messages) == 3)

    assert app.messages[1]["interactive"]["list_reply"] == rows[0]
    assert app.messages[2]["type"] == "button"
    assert app.messages[2]["button"] == {"payload": "p:yes", "text": "Yes"}


async def test_only_200_is_an_answer_and_the_first_retry_comes_at_once(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    app.answers = [Response(status_code=204)]
    vera = await sim.person("whatsapp", says="hi")
    await until(lambda: len(app.hooks) == 2)

    assert app.hooks[0].body == app.hooks[1].body
    assert (
        app.hooks[0].headers["x-hub-signature-256"] == app.hooks[1].headers["x-hub-signature-256"]
    )
    assert app.hooks[1].at - app.hooks[0].at < 1.0
    await until(lambda: sim.world.core.stats["whatsapp"].webhooks.pending == 0)
    assert (await sim.chat("whatsapp", vera))[0]["status"] == "delivered"
    webhooks = (await sim.stats("whatsapp"))["webhooks"]
    assert (webhooks["posted"], webhooks["retried"], webhooks["refused"]) == (1, 1, 1)


async def test_a_refused_message_does_not_hold_up_the_next(sim: Driver, app: App) -> None:
    await sim.listen(app)
    app.answers = [Response(status_code=500)]
    vera = await sim.person("whatsapp", says="one")
    await sim.act("whatsapp", vera, "say", text="two")
    await until(lambda: len(app.messages) == 3)
    assert sorted(m["text"]["body"] for m in app.messages) == ["one", "one", "two"]


def test_retry_gaps_grow_for_a_week() -> None:
    waits = [retry_wait_seconds(failures) for failures in range(1, 15)]
    assert waits[:7] == [0, 5, 30, 120, 600, 3600, 21600]
    assert set(waits[7:]) == {86400}
    assert sum(waits) > 7 * DAY_SECONDS


async def test_messages_of_one_person_come_in_order_unless_a_fault_turns_them_round(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="1")
    for text in ("2", "3", "4"):
        await sim.act("whatsapp", vera, "say", text=text)
    await until(lambda: len(app.messages) == 4)
    assert [m["text"]["body"] for m in app.messages] == ["1", "2", "3", "4"]

    await sim.fault("whatsapp", "reorder_webhook", count=1)
    for text in ("5", "6"):
        await sim.act("whatsapp", vera, "say", text=text)
    await until(lambda: len(app.messages) == 6)
    assert [m["text"]["body"] for m in app.messages[4:]] == ["6", "5"]


async def test_statuses_can_be_dropped_and_turned_round(sim: Driver, app: App) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    await sim.fault("whatsapp", "reorder_status", count=1)
    await sim.text(vera)
    await until(lambda: len(app.statuses) == 2)
    assert [status["status"] for status in app.statuses] == ["delivered", "sent"]

    await sim.http.delete("/sim/faults")
    await sim.fault("whatsapp", "drop_status", count=1)
    await sim.text(vera)
    await until(lambda: len(app.statuses) == 3)
    assert app.statuses[-1]["status"] == "delivered"
    assert (await sim.chat("whatsapp", vera))[-1]["status"] == "delivered"


async def test_a_batch_carries_several_entries_messages_and_statuses(sim: Driver, app: App) -> None:
    await sim.listen(app)
    await sim.http.post("/sim/whatsapp/batching", json={"max": 10, "window_seconds": 0.3})
    first = await sim.person("whatsapp", says="one")
    await sim.person("whatsapp", says="two")
    await sim.text(first)
    await until(lambda: len(app.messages) == 2 and app.statuses)

    [batch] = [hook for hook in app.of("/whatsapp") if parts(hook, "messages")]
    assert len(parts(batch, "messages")) == 2
    assert [status["status"] for status in parts(batch, "statuses")] == ["sent"]
    assert len(batch.json["entry"]) == 2


async def test_a_callback_url_must_know_the_verify_token(sim: Driver, app: App) -> None:
    async with calling(with_whatsapp(verify_token="other")) as other:
        answer = await other.http.post(
            "/sim/whatsapp/callback", json={"url": f"{app.url}/whatsapp"}
        )
        assert answer.status_code == 400
        assert answer.json()["detail"] == (
            "The callback URL answered the verification with 403, not 200."
        )
    gone = await sim.http.post("/sim/whatsapp/callback", json={"url": "http://127.0.0.1:1/x"})
    assert gone.status_code == 400
    assert gone.json()["detail"].startswith("The callback URL could not be reached")


async def test_what_is_said_before_a_callback_is_known_waits_for_it(sim: Driver, app: App) -> None:
    await sim.person("whatsapp", says="early")
    assert (await sim.stats("whatsapp"))["webhooks"]["pending"] == 1
    await sim.listen(app)
    await until(lambda: [m["text"]["body"] for m in app.messages] == ["early"])


async def test_a_change_of_number_is_told_and_the_old_one_reaches_nobody(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    person = (await sim.http.post("/sim/people", json={"platform": "whatsapp"})).json()
    changed = await sim.act("whatsapp", person["id"], "number", new="+49 1555 0000042")
    assert (changed["id"], changed["phone"]) == (person["id"], "4915550000042")
    assert changed["user_id"] != person["user_id"]
    await until(lambda: len(app.of("/whatsapp")) == 2)

    [system] = app.messages
    assert system["from"] == person["id"]
    assert system["system"]["type"] == "user_changed_number"
    assert system["system"]["wa_id"] == "4915550000042"
    [update] = [c for h in app.of("/whatsapp") for e in h.json["entry"] for c in e["changes"]][1:]
    assert update["field"] == "user_id_update"
    assert update["value"]["user_id_update"][0]["user_id"] == {
        "previous": person["user_id"],
        "current": changed["user_id"],
    }
    await sim.text(person["id"])
    [status] = await until(lambda: app.statuses)
    assert status["errors"][0]["code"] == 131026


async def test_what_is_not_a_text_arrives_in_its_own_shape(sim: Driver, app: App) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    await sim.text(vera)
    kinds = ["contact", "sticker", "voice", "photo", "location", "reaction", "revoke"]
    for kind in kinds:
        await sim.act("whatsapp", vera, "send", kind=kind)
    await sim.act("whatsapp", vera, "send", kind="edit", text="hello", n=1)
    await until(lambda: len(app.messages) == 9)

    types = [message["type"] for message in app.messages[1:]]
    assert types == [
        *("contacts", "sticker", "audio", "image", "location", "reaction", "revoke", "edit")
    ]
    assert app.messages[3]["audio"]["voice"] is True
    media = (await sim.graph(app.messages[4]["image"]["id"])).json()
    assert media["sha256"] == app.messages[4]["image"]["sha256"]
    edit = app.messages[8]["edit"]
    assert edit["original_message_id"] == app.messages[0]["id"]
    assert edit["message"] == {"type": "text", "text": {"body": "hello"}}
