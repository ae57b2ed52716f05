"""What the simulator sends and answers has the shape of the platforms' own examples.

The examples are those of the project's fact sheet of both platforms, which were checked with the
client libraries' models. Fields that depend on the person (a username, a language) may differ.
"""

from __future__ import annotations

import json
from typing import Any

from simulator_driver import TOKEN, WA, App, Driver, parts, until

Json = dict[str, Any]

PERSONAL = {"username", "language_code", "entities", "profile"}


def shape(value: Any) -> Any:
    """Keys and types, without values."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items() if key not in PERSONAL}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def same_shape(produced: Json, example: str) -> None:
    assert shape(produced) == shape(json.loads(example))


BOT = '{"id":123456,"is_bot":true,"first_name":"B","username":"b_bot"}'
ANN = '{"id":42,"is_bot":false,"first_name":"Ann"}'
CHAT = '{"id":42,"first_name":"Ann","type":"private"}'
BUTTONS = '{"inline_keyboard":[[{"text":"Yes","callback_data":"c1:a7:0"}]]}'
META = '{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}'
CONTACT = '{"profile":{"name":"Ann"},"wa_id":"16505551234","user_id":"US.134"}'

TELEGRAM_UPDATES = {
    "text": f'{{"update_id":1,"message":{{"message_id":11,"from":{ANN},"chat":{CHAT},'
    '"date":1763800000,"text":"/start ref_7","entities":[]}}',
    "press": f'{{"update_id":2,"callback_query":{{"id":"1803","from":{ANN},"message":'
    f'{{"message_id":12,"from":{BOT},"chat":{CHAT},"date":1763800001,"text":"Pick",'
    f'"reply_markup":{BUTTONS}}},"chat_instance":"-30","data":"c1:a7:0"}}}}',
    "block": f'{{"update_id":3,"my_chat_member":{{"chat":{CHAT},"from":{ANN},"date":1763800002,'
    f'"old_chat_member":{{"user":{BOT},"status":"member"}},'
    f'"new_chat_member":{{"user":{BOT},"status":"kicked","until_date":0}}}}}}',
    "edit": f'{{"update_id":5,"edited_message":{{"message_id":11,"from":{ANN},"chat":{CHAT},'
    '"date":1763800000,"edit_date":1763800050,"text":"fixed"}}',
}
TELEGRAM_ANSWERS = {
    "sendMessage": f'{{"ok":true,"result":{{"message_id":12,"from":{BOT},"chat":{CHAT},'
    f'"date":1763800001,"text":"Pick one","reply_markup":{BUTTONS}}}}}',
    "sendDocument": f'{{"ok":true,"result":{{"message_id":14,"from":{BOT},"chat":{CHAT},'
    '"date":1763800005,"document":{"file_name":"r.pdf","mime_type":"application/pdf",'
    '"file_id":"BQAC","file_unique_id":"AgAD","file_size":3000},"caption":"cap"}}',
    "getFile": '{"ok":true,"result":{"file_id":"BQAC","file_unique_id":"AgAD",'
    '"file_size":3000,"file_path":"documents/file_1.pdf"}}',
    "getWebhookInfo": '{"ok":true,"result":{"url":"https://gw.example/tg/main",'
    '"has_custom_certificate":false,"pending_update_count":3,"max_connections":40,'
    '"ip_address":"203.0.113.7","allowed_updates":["message"]}}',
    "getMe": '{"ok":true,"result":{"id":123456,"is_bot":true,"first_name":"B",'
    '"can_join_groups":true,"can_read_all_group_messages":false,'
    '"supports_inline_queries":false,"can_connect_to_business":false,'
    '"has_main_web_app":false}}',
}
WHATSAPP_VALUES = {
    "text": f'{{"messaging_product":"whatsapp","metadata":{META},"contacts":[{CONTACT}],'
    '"messages":[{"from":"1650","from_user_id":"US.134","id":"wamid.A","timestamp":"1763800000",'
    '"type":"text","text":{"body":"hi"}}]}',
    "button": f'{{"messaging_product":"whatsapp","metadata":{META},"contacts":[{CONTACT}],'
    '"messages":[{"context":{"from":"15550783881","id":"wamid.B"},"from":"1650",'
    '"from_user_id":"US.134","id":"wamid.C","timestamp":"1763800010","type":"interactive",'
    '"interactive":{"type":"button_reply","button_reply":{"id":"c1:a7:0","title":"Yes"}}}]}',
    "row": f'{{"messaging_product":"whatsapp","metadata":{META},"contacts":[{CONTACT}],'
    '"messages":[{"context":{"from":"15550783881","id":"wamid.B"},"from":"1650",'
    '"from_user_id":"US.134","id":"wamid.C","timestamp":"1763800020","type":"interactive",'
    '"interactive":{"type":"list_reply","list_reply":{"id":"c1:a7:4","title":"Row 5",'
    '"description":"fifth"}}}]}',
    "delivered": f'{{"messaging_product":"whatsapp","metadata":{META},"contacts":[{CONTACT}],'
    '"statuses":[{"id":"wamid.D","status":"delivered","timestamp":"1763800005",'
    '"recipient_id":"1650","recipient_user_id":"US.134","biz_opaque_callback_data":"ob_01J",'
    '"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"service"}}]}',
    "failed": f'{{"messaging_product":"whatsapp","metadata":{META},"statuses":[{{"id":"wamid.E",'
    '"status":"failed","timestamp":"1763800006","recipient_id":"1650",'
    '"biz_opaque_callback_data":"ob_01K","errors":[{"code":131047,"title":"Re-engagement message",'
    '"message":"Re-engagement message","error_data":{"details":"Message failed"},"href":"/d"}]}]}',
}
WHATSAPP_SENT = (
    '{"messaging_product":"whatsapp","contacts":[{"input":"+1650","wa_id":"1650"}],'
    '"messages":[{"id":"wamid.F"}]}'
)
WHATSAPP_ERROR = (
    '{"error":{"message":"(#131009) Parameter value is not valid","type":"OAuthException",'
    '"code":131009,"error_data":{"messaging_product":"whatsapp","details":"Invalid"},'
    '"fbtrace_id":"A-f5"}}'
)


async def test_telegram_updates(sim: Driver, app: App) -> None:
    await sim.listen(app)
    ann = await sim.person("telegram")
    markup = json.loads(BUTTONS)
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=markup)
    await sim.act("telegram", ann, "tap", label="Yes")
    await sim.act("telegram", ann, "send", kind="edit", text="fixed")
    await sim.act("telegram", ann, "block")
    await until(lambda: len(app.updates) == 4)

    def update(kind: str) -> Json:
        return next(found for found in app.updates if kind in found)

    same_shape(update("message"), TELEGRAM_UPDATES["text"])
    same_shape(update("callback_query"), TELEGRAM_UPDATES["press"])
    same_shape(update("edited_message"), TELEGRAM_UPDATES["edit"])
    same_shape(update("my_chat_member"), TELEGRAM_UPDATES["block"])


async def test_telegram_answers(sim: Driver, app: App) -> None:
    ann = await sim.person("telegram")
    await sim.bot("setWebhook", url=f"{app.url}/telegram", allowed_updates=["message"])
    sent = await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=json.loads(BUTTONS))
    upload = {"document": ("r.pdf", b"%PDF")}
    path = f"/bot{TOKEN}/sendDocument"
    document = await sim.http.post(path, data={"chat_id": ann, "caption": "cap"}, files=upload)
    file_id = document.json()["result"]["document"]["file_id"]

    same_shape(sent.json(), TELEGRAM_ANSWERS["sendMessage"])
    same_shape(document.json(), TELEGRAM_ANSWERS["sendDocument"])
    same_shape((await sim.bot("getFile", file_id=file_id)).json(), TELEGRAM_ANSWERS["getFile"])
    same_shape((await sim.bot("getMe")).json(), TELEGRAM_ANSWERS["getMe"])
    same_shape((await sim.bot("getWebhookInfo")).json(), TELEGRAM_ANSWERS["getWebhookInfo"])


async def test_whatsapp_webhooks_and_answers(sim: Driver, app: App) -> None:
    await sim.listen(app)
    vera = await sim.person("whatsapp", says="hi")
    replies = [{"type": "reply", "reply": {"id": "c1:a7:0", "title": "Yes"}}]
    button = {"type": "button", "body": {"text": "Pick"}, "action": {"buttons": replies}}
    rows = [{"id": "c1:a7:4", "title": "Row 5", "description": "fifth"}]
    action = {"button": "Open", "sections": [{"rows": rows}]}
    listed = {"type": "list", "body": {"text": "Pick"}, "action": action}
    sent = await sim.text(vera, biz_opaque_callback_data="ob_1")
    await sim.send(vera, type="interactive", interactive=button)
    await sim.act("whatsapp", vera, "tap", label="Yes")
    await sim.send(vera, type="interactive", interactive=listed)
    await sim.act("whatsapp", vera, "tap", label="Row 5")
    await until(lambda: len(app.messages) == 3 and len(app.statuses) >= 2)
    await sim.http.post("/sim/clock", json={"advance_seconds": 90_000})
    await sim.text(vera, biz_opaque_callback_data="ob_2")
    await until(lambda: app.statuses[-1]["status"] == "failed")

    messages = [hook.value for hook in app.of("/whatsapp") if parts(hook, "messages")]
    statuses = [hook.value for hook in app.of("/whatsapp") if parts(hook, "statuses")]
    opaque = [value for value in statuses if "biz_opaque_callback_data" in value["statuses"][0]]
    same_shape(sent.json(), WHATSAPP_SENT)
    same_shape(messages[0], WHATSAPP_VALUES["text"])
    same_shape(messages[1], WHATSAPP_VALUES["button"])
    same_shape(messages[2], WHATSAPP_VALUES["row"])
    same_shape(opaque[0], WHATSAPP_VALUES["delivered"])
    same_shape(opaque[-1], WHATSAPP_VALUES["failed"])
    envelope = app.of("/whatsapp")[0].json
    assert (envelope["object"], envelope["entry"][0]["id"]) == (
        "whatsapp_business_account",
        WA.waba_id,
    )
    error = await sim.send(vera, type="interactive", interactive={**button, "body": {"text": ""}})
    same_shape(error.json(), WHATSAPP_ERROR)


def test_the_comparison_notices_a_missing_field() -> None:
    assert shape({"a": 1, "b": [{"c": "x"}]}) != shape({"a": 1, "b": [{"d": "x"}]})
    assert shape({"a": 1}) != shape({"a": "1"})
