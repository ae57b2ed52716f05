"""How updates reach the bot: queues, order, retries, expiry."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from simulator_driver import App, Driver, Hook, calling, until, with_telegram
from starlette.responses import JSONResponse, Response

from simulator.telegram.webhook import retry_wait_seconds

KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


def texts(app: App) -> list[str]:
    return [update["message"]["text"] for update in app.updates if "message" in update]


async def test_an_update_carries_the_secret_and_rising_ids(sim: Driver, app: App) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    await sim.act("telegram", ann, "say", text="two")
    await until(lambda: len(app.updates) == 2)

    assert {h.headers["x-telegram-bot-api-secret-token"] for h in app.hooks} == {"s3cret"}
    assert {h.headers["content-type"] for h in app.hooks} == {"application/json"}
    first, second = app.updates
    assert second["update_id"] == first["update_id"] + 1
    assert second["message"]["message_id"] == first["message"]["message_id"] + 1


async def test_what_is_said_before_a_webhook_is_set_waits_for_it(sim: Driver, app: App) -> None:
    ann = await sim.person("telegram", says="first")
    await sim.act("telegram", ann, "say", text="second")
    info = (await sim.bot("getWebhookInfo")).json()["result"]
    assert (info["url"], info["pending_update_count"]) == ("", 2)

    await sim.listen(app)

    await until(lambda: texts(app) == ["first", "second"])


async def test_one_chat_stays_in_order_behind_a_refused_head(sim: Driver, app: App) -> None:
    await sim.listen(app)
    app.answers = [Response(status_code=500), Response(status_code=500)]
    ann = await sim.person("telegram", says="1")
    for text in ("2", "3"):
        await sim.act("telegram", ann, "say", text=text)

    await until(lambda: len(app.updates) == 5)

    assert texts(app) == ["1", "1", "1", "2", "3"]
    first, second, third, *_ = app.hooks
    assert second.at - first.at < 1.0, "the first retry comes at once"
    assert 1.8 < third.at - second.at < 3.5, "the second after two seconds"
    assert first.body == second.body == third.body
    webhooks = (await sim.stats("telegram"))["webhooks"]
    assert (webhooks["posted"], webhooks["retried"], webhooks["refused"]) == (3, 2, 2)
    assert webhooks["pending"] == 0


async def test_another_chat_and_a_press_do_not_wait_for_a_blocked_chat(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    await until(lambda: texts(app) == ["/start"])
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=KEYBOARD)
    app.hooks.clear()

    async def refuse_the_text(hook: Hook) -> Response:
        return Response(status_code=500 if b"stuck" in hook.body else 200)

    app.answer = refuse_the_text
    await sim.act("telegram", ann, "say", text="stuck")
    await sim.act("telegram", ann, "say", text="behind it")
    await sim.act("telegram", ann, "tap", label="Yes")
    await sim.person("telegram", says="another chat")

    await until(lambda: "another chat" in texts(app))
    await until(lambda: any("callback_query" in update for update in app.updates))
    assert "behind it" not in texts(app)
    info = (await sim.bot("getWebhookInfo")).json()["result"]
    assert info["pending_update_count"] == 2
    assert info["last_error_message"] == (
        "Wrong response from the webhook: 500 Internal Server Error"
    )


async def test_retry_after_is_followed(sim: Driver, app: App) -> None:
    await sim.listen(app)
    app.answers = [Response(status_code=503, headers={"Retry-After": "1"})]
    await sim.person("telegram")

    await until(lambda: len(app.hooks) == 2)

    assert 0.9 < app.hooks[1].at - app.hooks[0].at < 2.0


async def test_no_answer_in_time_is_a_failure(app: App) -> None:
    release = asyncio.Event()

    async def late(_: Hook) -> Response:
        if len(app.hooks) == 1:
            await release.wait()
        return Response()

    app.answer = late
    async with calling(with_telegram(webhook_answer_seconds_max=0.3)) as sim:
        await sim.listen(app)
        await sim.person("telegram")
        await until(lambda: len(app.hooks) == 2)
        release.set()
        assert app.updates[0] == app.updates[1]


def test_waits_double_up_to_a_random_minute_or_two() -> None:
    rng = random.Random(1)
    waits = [retry_wait_seconds(failures, None, rng) for failures in range(1, 12)]
    assert waits[:7] == [0, 2, 4, 8, 16, 32, 64] or waits[:6] == [0, 2, 4, 8, 16, 32]
    assert all(60 <= wait <= 120 for wait in waits[7:])
    assert retry_wait_seconds(1, 7, rng) == 7
    assert retry_wait_seconds(1, 10**6, rng) == 3600


@pytest.mark.parametrize(
    ("advance_seconds", "kind", "is_dropped"),
    [
        (151, "callback_query", True),
        (100, "callback_query", False),
        (151, "message", False),
        (86_401, "message", True),
    ],
)
async def test_an_update_expires_by_business_time(
    sim: Driver, app: App, advance_seconds: int, kind: str, is_dropped: bool
) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    await until(lambda: texts(app) == ["/start"])
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=KEYBOARD)
    entered, release = asyncio.Event(), asyncio.Event()

    async def refuse_once_released(_: Hook) -> Response:
        entered.set()
        await release.wait()
        return Response(status_code=500)

    app.answer = refuse_once_released
    if kind == "message":
        await sim.act("telegram", ann, "say", text="late")
    else:
        await sim.act("telegram", ann, "tap", data="y")
    await entered.wait()
    await sim.http.post("/sim/clock", json={"advance_seconds": advance_seconds})
    app.answer = None
    release.set()

    outcome = "dropped" if is_dropped else "delivered"
    before = 0 if is_dropped else 1
    await until(lambda: vars(sim.world.core.stats["telegram"].webhooks)[outcome] == before + 1)
    assert len(app.hooks) == (2 if is_dropped else 3)


async def test_a_method_in_the_answer_is_called(sim: Driver, app: App) -> None:
    await sim.listen(app)

    async def answer(hook: Hook) -> Response:
        query = hook.json.get("callback_query")
        if query is None:
            return Response()
        return JSONResponse({"method": "answerCallbackQuery", "callback_query_id": query["id"]})

    app.answer = answer
    ann = await sim.person("telegram")
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=KEYBOARD)
    await sim.act("telegram", ann, "tap", label="Yes")

    await until(lambda: any(query.is_answered for query in sim.world.bot.queries.values()))
    [call] = [line for line in await sim.ledger() if line["method"] == "answerCallbackQuery"]
    assert (call["outcome"], call["via"], call["person"]) == ("accepted", "webhook reply", ann)


async def test_methods_that_may_not_stand_in_an_answer_are_ignored(sim: Driver, app: App) -> None:
    await sim.listen(app)
    app.answers = [JSONResponse({"method": "deleteWebhook"})]
    await sim.person("telegram")
    await until(lambda: app.hooks)
    await sim.person("telegram")
    await until(lambda: len(app.hooks) == 2)
    assert (await sim.bot("getWebhookInfo")).json()["result"]["url"]


async def test_blocking_is_told_as_my_chat_member(sim: Driver, app: App) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    await sim.act("telegram", ann, "block")
    await sim.act("telegram", ann, "unblock")
    await until(lambda: len(app.updates) == 3)

    changes = [u["my_chat_member"] for u in app.updates if "my_chat_member" in u]
    assert [change["new_chat_member"]["status"] for change in changes] == ["kicked", "member"]


async def test_edits_and_contacts_arrive_and_reactions_only_if_asked_for(
    sim: Driver, app: App
) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram", says="helo")
    await sim.act("telegram", ann, "send", kind="edit", text="hello")
    await sim.act("telegram", ann, "send", kind="contact")
    await sim.bot("sendMessage", chat_id=ann, text="Thanks")
    await sim.act("telegram", ann, "send", kind="reaction")
    await until(lambda: len(app.updates) == 3)
    _, edit, contact = app.updates
    assert edit["edited_message"]["message_id"] == 1
    assert edit["edited_message"]["text"] == "hello"
    assert edit["edited_message"]["edit_date"]
    assert contact["message"]["contact"]["user_id"] == int(ann)

    kinds = ["message", "message_reaction"]
    url = f"{app.url}/telegram"
    while (await sim.bot("setWebhook", url=url, allowed_updates=kinds)).status_code == 429:
        await asyncio.sleep(0.05)  # it is allowed once a second
    await sim.act("telegram", ann, "send", kind="reaction")
    await until(lambda: "message_reaction" in app.updates[-1])


async def test_set_webhook_answers_as_the_server_does(sim: Driver, app: App) -> None:
    async def set_webhook(**params: Any) -> tuple[int, str]:
        sim.world.bot.set_webhook_limit._taken.clear()
        answer = await sim.bot("setWebhook", **params)
        return answer.status_code, answer.json()["description"]

    url = f"{app.url}/telegram"
    assert await set_webhook(url=url) == (200, "Webhook was set")
    assert await set_webhook(url=url) == (200, "Webhook is already set")
    too_soon = await sim.bot("setWebhook", url=url)
    assert (too_soon.status_code, too_soon.headers["Retry-After"]) == (429, "1")
    cases = [
        ({"url": url, "secret_token": "x" * 257}, "secret token is too long"),
        ({"url": url, "secret_token": "a b"}, "secret token contains unallowed characters"),
        ({"url": "ftp://x"}, "bad webhook: An HTTPS URL must be provided for webhook"),
    ]
    for params, words in cases:
        assert await set_webhook(**params) == (400, f"Bad Request: {words}")
    for asked, kept in (
        (["message", "nonsense"], ["message"]),
        ("not json", ["message"]),
        ([], None),
    ):
        await set_webhook(url=url, allowed_updates=asked)
        info = (await sim.bot("getWebhookInfo")).json()["result"]
        assert info.get("allowed_updates") == kept, asked
    deleted = await sim.bot("deleteWebhook")
    assert deleted.json() == {"ok": True, "result": True, "description": "Webhook was deleted"}
    assert (await sim.bot("deleteWebhook")).json()["description"] == "Webhook is already deleted"


async def test_pending_updates_can_be_dropped(sim: Driver, app: App) -> None:
    await sim.person("telegram", says="old")
    answer = await sim.bot("setWebhook", url=f"{app.url}/telegram", drop_pending_updates=True)
    assert answer.json()["ok"]
    await sim.person("telegram", says="new")
    await until(lambda: app.updates)
    assert texts(app) == ["new"]


async def test_a_turned_round_press_overtakes_the_text(sim: Driver, app: App) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=KEYBOARD)
    await until(lambda: app.updates)
    await sim.fault("telegram", "reorder_webhook", count=1)
    await sim.act("telegram", ann, "say", text="said first")
    await sim.act("telegram", ann, "tap", label="Yes")
    await until(lambda: len(app.updates) == 3)
    assert "callback_query" in app.updates[1]
    assert texts(app)[-1] == "said first"


async def test_a_doubled_update_is_the_same_update(sim: Driver, app: App) -> None:
    await sim.listen(app)
    await sim.fault("telegram", "duplicate_webhook", count=1)
    await sim.person("telegram")
    await until(lambda: len(app.hooks) == 2)
    assert app.hooks[0].body == app.hooks[1].body
    assert json.loads(app.hooks[0].body)["message"]["text"] == "/start"
