"""The doors over real HTTP, in front of a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from gateway_house import (
    APP_SECRET,
    BOT,
    PHONE_ID,
    TELEGRAM_SECRET,
    VERIFY_TOKEN,
    Gateway,
    running,
    settings,
    signed,
)

from contracts import inbound_id
from gateway.bodies import BODY_BYTES_MAX
from gateway.handlers import read_whatever_it_is
from gateway.reading import Reading
from runtime.testing import NatsServer

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
SIGNATURE_HEADER = "X-Hub-Signature-256"
OUTBOUND = "11111111-2222-5333-8444-555555555555"
ANNS_PHONE = "16505551234"


def update(number: int = 1, text: str = "hello", chat: int = 42) -> dict[str, Any]:
    return {
        "update_id": number,
        "message": {
            "from": {"id": chat, "first_name": "Ann"},
            "chat": {"id": chat, "type": "private"},
            "date": 1763800000,
            "text": text,
        },
    }


def batch(messages: list[Any], statuses: list[Any] | None = None) -> dict[str, Any]:
    value = {
        "metadata": {"phone_number_id": PHONE_ID},
        "messages": messages,
        "statuses": statuses or [],
    }
    return {"entry": [{"changes": [{"field": "messages", "value": value}]}]}


def text(number: int, sender: str = ANNS_PHONE) -> dict[str, Any]:
    return {
        "from": sender,
        "id": f"wamid.{number}",
        "timestamp": "1763800000",
        "type": "text",
        "text": {"body": f"text {number}"},
    }


async def test_an_update_is_in_the_stream_when_telegram_is_told(gateway: Gateway) -> None:
    response = await gateway.telegram(update(7))

    assert response.status_code == 200
    (message,) = await gateway.stored("INBOUND")
    assert message["id"] == str(inbound_id("telegram", BOT, "7"))
    assert message["content"] == {"kind": "text", "text": "hello"}
    assert message["address"] == {"platform": "telegram", "account": BOT, "chat_id": "42"}


async def test_a_batch_is_in_the_streams_item_by_item(gateway: Gateway) -> None:
    messages = [text(number, sender=str(10**10 + number % 7)) for number in range(200)]
    report = {"status": "read", "biz_opaque_callback_data": OUTBOUND}

    response = await gateway.whatsapp(batch(messages, [report]))

    assert response.status_code == 200
    stored = await gateway.stored("INBOUND")
    assert len(stored) == 200
    for chat in {message["address"]["chat_id"] for message in stored}:
        said = [
            int(message["content"]["text"].split()[1])
            for message in stored
            if message["address"]["chat_id"] == chat
        ]
        assert said == sorted(said), "the order within a chat"
    (delivery,) = await gateway.stored("DELIVERY")
    assert (delivery["outbound_id"], delivery["status"]) == (OUTBOUND, "read")


async def test_nothing_of_a_chat_overtakes_what_the_broker_refused(gateway: Gateway) -> None:
    config = (await gateway.jetstream.stream_info("INBOUND")).config
    await gateway.jetstream.update_stream(config, max_msg_size=2000)
    refused = text(2) | {"text": {"body": "a" * 4000}}

    response = await gateway.whatsapp(batch([text(1), refused, text(3)]))

    assert response.status_code == 503
    stored = await gateway.stored("INBOUND")
    assert [message["content"]["text"] for message in stored] == ["text 1"]

    await gateway.jetstream.update_stream(config, max_msg_size=-1)
    assert (await gateway.whatsapp(batch([text(1), refused, text(3)]))).status_code == 200
    said = [message["content"]["text"] for message in await gateway.stored("INBOUND")]
    assert said == ["text 1", "a" * 4000, "text 3"]


async def test_the_reply_to_a_tap_answers_it(gateway: Gateway) -> None:
    query = {
        "id": "180",
        "from": {"id": 42},
        "message": {"chat": {"id": 42}},
        "data": "yes",
    }

    response = await gateway.telegram({"update_id": 1, "callback_query": query})

    assert response.json() == {"method": "answerCallbackQuery", "callback_query_id": "180"}
    (message,) = await gateway.stored("INBOUND")
    assert message["content"]["choice_id"] == "yes"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({SECRET_HEADER: ""}, 403),
        ({SECRET_HEADER: TELEGRAM_SECRET + "x"}, 403),
        ({SECRET_HEADER: TELEGRAM_SECRET[:-1]}, 403),
        ({SECRET_HEADER: "сeкрет"}, 403),
        ({"Authorization": TELEGRAM_SECRET}, 401),
    ],
)
async def test_an_update_without_the_secret_goes_nowhere(
    gateway: Gateway, headers: dict[str, str], status: int
) -> None:
    octets = [(name.encode(), value.encode()) for name, value in headers.items()]

    response = await gateway.http.post("/telegram", content=json.dumps(update()), headers=octets)

    assert response.status_code == status
    assert await gateway.raw("INBOUND") == []
    assert await gateway.raw("DEAD") == []


BODY = json.dumps(batch([text(1)])).encode()
RIGHT = signed(BODY)[SIGNATURE_HEADER]


@pytest.mark.parametrize(
    ("signature", "status"),
    [
        (None, 401),
        ("", 403),
        (RIGHT.removeprefix("sha256="), 403),
        (RIGHT.upper(), 403),
        (RIGHT.replace("sha256", "sha512"), 403),
        (RIGHT + "0", 403),
        (signed(BODY + b" ")[SIGNATURE_HEADER], 403),
        (signed(BODY, "another-app-secret")[SIGNATURE_HEADER], 403),
        ("sha256=" + "ж" * 32, 403),
        ("sha256=" + "é" * 64, 403),
    ],
)
async def test_a_notification_without_the_signature_goes_nowhere(
    gateway: Gateway, signature: str | None, status: int
) -> None:
    headers = [] if signature is None else [(SIGNATURE_HEADER.encode(), signature.encode())]

    response = await gateway.http.post("/whatsapp", content=BODY, headers=headers)

    assert response.status_code == status
    assert await gateway.raw("INBOUND") == []
    assert await gateway.raw("DEAD") == []


async def test_the_signature_is_over_the_bytes_that_came(gateway: Gateway) -> None:
    escaped = json.dumps(batch([text(1) | {"text": {"body": "привет"}}])).encode()
    assert rb"\u043f" in escaped
    spelled_out = json.dumps(json.loads(escaped), ensure_ascii=False).encode()

    forged = await gateway.http.post("/whatsapp", content=spelled_out, headers=signed(escaped))
    right = await gateway.http.post("/whatsapp", content=escaped, headers=signed(escaped))

    assert (forged.status_code, right.status_code) == (403, 200)


async def test_the_previous_secrets_are_valid_too(provisioned: str) -> None:
    changed = settings(
        provisioned,
        telegram_secret="the-new-telegram-secret",
        telegram_secret_previous=TELEGRAM_SECRET,
        whatsapp_app_secret="the-new-whatsapp-secret",
        whatsapp_app_secret_previous=APP_SECRET,
    )
    async with running(changed) as http:
        gateway = await Gateway.reached(http, provisioned)
        for secret in ("the-new-telegram-secret", TELEGRAM_SECRET):
            response = await gateway.telegram(update(), **{SECRET_HEADER: secret})
            assert response.status_code == 200
        for secret in ("the-new-whatsapp-secret", APP_SECRET):
            response = await http.post("/whatsapp", content=BODY, headers=signed(BODY, secret))
            assert response.status_code == 200
        await gateway.close()


async def test_with_the_guarantee_switched_off_a_forged_update_comes_in(provisioned: str) -> None:
    broken = settings(provisioned, turnout_test=True, turnout_break="signature")
    async with running(broken) as http:
        gateway = await Gateway.reached(http, provisioned)
        assert (await gateway.telegram(update(), **{SECRET_HEADER: "x"})).status_code == 200
        assert (await http.post("/whatsapp", content=BODY)).status_code == 200
        assert len(await gateway.raw("INBOUND")) == 2
        await gateway.close()


async def test_an_account_that_is_not_ours_is_not_found(gateway: Gateway) -> None:
    headers = {SECRET_HEADER: TELEGRAM_SECRET}

    known = await gateway.http.post(f"/telegram/{BOT}", json=update(), headers=headers)
    unknown = await gateway.http.post("/telegram/999", json=update(2), headers=headers)

    assert (known.status_code, unknown.status_code) == (200, 404)
    assert len(await gateway.raw("INBOUND")) == 1


async def test_the_same_webhook_three_times_at_once_is_one_message(gateway: Gateway) -> None:
    responses = await asyncio.gather(
        *(gateway.telegram(update(5)) for _ in range(3)),
        *(gateway.whatsapp(batch([text(5), text(5)])) for _ in range(3)),
    )

    assert [response.status_code for response in responses] == [200] * 6
    assert len(await gateway.raw("INBOUND")) == 2


async def test_unreadable_but_authentic_is_one_dead_letter_however_often_it_comes(
    gateway: Gateway,
) -> None:
    headers = {SECRET_HEADER: TELEGRAM_SECRET}
    for _ in range(3):
        response = await gateway.http.post("/telegram", content=b'{"a":', headers=headers)
        assert response.status_code == 200

    (dead,) = await gateway.raw("DEAD")
    assert (dead.subject, dead.data) == ("dead.webhook.none.none", b'{"a":')
    assert "not JSON" in dead.headers["Turnout-Reason"]
    assert await gateway.raw("INBOUND") == []


async def test_one_bad_item_is_set_aside_and_its_neighbours_are_taken(gateway: Gateway) -> None:
    mixed = batch([text(1), {"id": "wamid.bad"}, text(2)])

    assert (await gateway.whatsapp(mixed)).status_code == 200

    assert len(await gateway.raw("INBOUND")) == 2
    (dead,) = await gateway.raw("DEAD")
    assert json.loads(dead.data) == mixed


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_refused(gateway: Gateway, announced: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b" " * (BODY_BYTES_MAX // 3)

    content: Any = b" " * (BODY_BYTES_MAX + 1) if announced else chunks()

    response = await gateway.http.post(
        "/telegram", content=content, headers={SECRET_HEADER: TELEGRAM_SECRET}
    )

    assert response.status_code == 413
    assert await gateway.raw("DEAD") == []


async def test_the_largest_body_is_taken_even_if_it_must_be_set_aside(gateway: Gateway) -> None:
    body = b"[" * BODY_BYTES_MAX

    response = await gateway.http.post("/whatsapp", content=body, headers=signed(body))

    assert response.status_code == 200
    (dead,) = await gateway.raw("DEAD")
    assert len(dead.data) == BODY_BYTES_MAX


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"hub.mode": "zzz"}, 403),
        ({"hub.mode": None}, 403),
        ({"hub.verify_token": "wrong-verify-token"}, 403),
        ({"hub.verify_token": "ключ"}, 403),
        ({"hub.verify_token": None}, 403),
        ({"hub.challenge": None}, 403),
    ],
)
async def test_the_handshake_needs_the_mode_and_the_token(
    gateway: Gateway, changes: dict[str, str | None], status: int
) -> None:
    query = {
        "hub.mode": "subscribe",
        "hub.verify_token": VERIFY_TOKEN,
        "hub.challenge": "1158201444",
    }
    params = {name: value for name, value in (query | changes).items() if value is not None}

    response = await gateway.http.get("/whatsapp", params=params)

    assert response.status_code == status
    assert (response.text == "1158201444") == (status == 200)


async def test_a_broker_that_is_away_costs_a_503_and_nothing_else(
    gateway: Gateway, nats_server: NatsServer
) -> None:
    assert (await gateway.telegram(update(1))).status_code == 200
    nats_server.kill()
    try:
        responses = await asyncio.gather(
            gateway.telegram(update(2)),
            gateway.whatsapp(batch([text(number) for number in range(100)])),
            gateway.http.post("/telegram", content=b"?", headers={SECRET_HEADER: TELEGRAM_SECRET}),
        )
    finally:
        nats_server.start()

    assert [response.status_code for response in responses] == [503] * 3
    assert {response.headers["Retry-After"] for response in responses} == {"2"}
    assert max(response.elapsed.total_seconds() for response in responses) < 4
    await gateway.ready()
    again = await gateway.telegram(update(2))
    assert again.status_code == 200
    ids = [UUID(message["id"]) for message in await gateway.stored("INBOUND")]
    assert ids.count(inbound_id("telegram", BOT, "2")) == 1


async def test_a_gateway_without_a_broker_is_up_but_not_ready(nats_url: str) -> None:
    async with running(settings("nats://127.0.0.1:1")) as http:
        health = await http.get("/health/ready")
        live = await http.get("/health/live")
        response = await http.post(
            "/telegram", json=update(), headers={SECRET_HEADER: TELEGRAM_SECRET}
        )

    assert (health.status_code, live.status_code) == (503, 200)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")


async def test_missing_streams_are_no_reason_to_say_that_we_have_it(gateway: Gateway) -> None:
    await gateway.jetstream.delete_stream("INBOUND")

    response = await gateway.telegram(update())

    assert response.status_code == 503
    assert "streams" in (await gateway.http.get("/health/ready")).json()["failing"]


async def test_neither_people_nor_secrets_are_in_what_the_gateway_tells_of_itself(
    gateway: Gateway, capfd: pytest.CaptureFixture[str]
) -> None:
    phone, words, chat = "16505559876", "nobody-may-read-this", "7391"
    said = text(1, sender=phone) | {"text": {"body": words}}
    await gateway.whatsapp(batch([said, {"id": "wamid.bad", "from": phone, "text": words}]))
    await gateway.telegram(update(1, text=words))
    await gateway.telegram({"update_id": 2, "message": {"text": words}})
    await gateway.telegram(
        {"update_id": 3, "message": {"text": words, "chat": {"id": int(chat * 40)}}}
    )
    await gateway.telegram(update(4, text=words), **{SECRET_HEADER: "a-wrong-secret-that-was-sent"})

    metrics = (await gateway.http.get("/metrics")).text
    told = "".join(capfd.readouterr()) + metrics

    assert "unreadable webhook set aside" in told
    assert 'turnout_webhooks_total{platform="telegram",result="forged"' in told
    secrets = (TELEGRAM_SECRET, APP_SECRET, VERIFY_TOKEN, "demo-telegram-token", "a-wrong-secret")
    for private in (phone, words, chat * 4, *secrets):
        assert private not in told


async def test_webhooks_and_items_are_counted(gateway: Gateway) -> None:
    async def count(line: str) -> float:
        lines = (await gateway.http.get("/metrics")).text.splitlines()
        return next((float(each.split()[-1]) for each in lines if each.startswith(line)), 0.0)

    accepted = 'turnout_webhooks_total{platform="whatsapp",result="accepted",service="gateway"}'
    texts = 'turnout_webhook_items_total{kind="text",platform="whatsapp",service="gateway"}'
    before = await count(accepted), await count(texts)

    await gateway.whatsapp(batch([text(1), text(2)]))

    assert (await count(accepted), await count(texts)) == (before[0] + 1, before[1] + 2)


async def test_a_client_that_hangs_up_leaves_nothing(gateway: Gateway) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b'{"update_id": 1'
        raise httpx.WriteError("gone")

    with pytest.raises(httpx.WriteError):
        await gateway.http.post(
            "/telegram", content=half(), headers={SECRET_HEADER: TELEGRAM_SECRET}
        )

    assert (await gateway.telegram(update(2))).status_code == 200
    assert len(await gateway.raw("INBOUND")) == 1
    assert await gateway.raw("DEAD") == []


def test_our_own_bug_costs_neither_the_message_nor_a_secret(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def read() -> Reading:
        raise KeyError("nobody-may-read-this")

    reading = read_whatever_it_is(read)

    (reason,) = reading.unreadable
    assert reason.startswith("a bug: KeyError at test_gateway_http.py:")
    told = "".join(capfd.readouterr()) + reason
    assert "own fault" in told
    assert "nobody-may-read-this" not in told


async def test_another_method_is_told_which_there_are(gateway: Gateway) -> None:
    update_answer = await gateway.http.put("/telegram", content=b"{}")
    batch_answer = await gateway.http.delete("/whatsapp")

    assert (update_answer.status_code, update_answer.headers["Allow"]) == (405, "POST")
    assert (batch_answer.status_code, batch_answer.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("second", [TELEGRAM_SECRET, "another-secret-of-theirs"])
async def test_two_secrets_prove_nothing(gateway: Gateway, second: str) -> None:
    headers = [(SECRET_HEADER, TELEGRAM_SECRET), (SECRET_HEADER, second)]

    response = await gateway.http.post("/telegram", json=update(), headers=headers)

    assert response.status_code == 403
    assert await gateway.raw("INBOUND") == []
