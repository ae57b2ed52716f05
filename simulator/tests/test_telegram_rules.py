"""What sendMessage and its relatives refuse, with the server's exact words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from simulator_driver import TOKEN, Driver

from simulator.telegram.errors import NOT_MODIFIED, TelegramError
from simulator.telegram.text import parse_text


def keyboard(*rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"inline_keyboard": list(rows)}


RESERVED_DOT = (
    "can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'"
)
BUTTON = {"text": "Yes", "callback_data": "y"}

REFUSED_MESSAGES: list[tuple[str, dict[str, Any], str]] = [
    ("an empty text", {"text": ""}, "message text is empty"),
    ("only spaces", {"text": "  \n "}, "message text is empty"),
    ("no text", {}, "message text is empty"),
    ("4097 characters", {"text": "ы" * 4097}, "message is too long"),
    (
        "an open tag",
        {"text": "<b>x", "parse_mode": "HTML"},
        "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ),
    (
        "a tag without its end",
        {"text": "привет <b", "parse_mode": "HTML"},
        "can't parse entities: Unclosed start tag at byte offset 13",
    ),
    (
        "an unknown tag",
        {"text": "<h1>x</h1>", "parse_mode": "HTML"},
        'can\'t parse entities: Unsupported start tag "h1" at byte offset 0',
    ),
    (
        "crossed tags",
        {"text": "<b><i>x</b></i>", "parse_mode": "HTML"},
        'can\'t parse entities: Unmatched end tag at byte offset 7, expected "</i>", found "</b>"',
    ),
    (
        "an unescaped dot",
        {"text": "a.b", "parse_mode": "MarkdownV2"},
        RESERVED_DOT,
    ),
    (
        "an open star",
        {"text": "a *b", "parse_mode": "MarkdownV2"},
        "can't parse entities: Can't find end of Bold entity at byte offset 2",
    ),
    (
        "65 bytes of data",
        {"text": "x", "reply_markup": keyboard([{"text": "Y", "callback_data": "y" * 65}])},
        "BUTTON_DATA_INVALID",
    ),
    (
        "33 Cyrillic letters of data, which are 66 bytes",
        {"text": "x", "reply_markup": keyboard([{"text": "Y", "callback_data": "ы" * 33}])},
        "BUTTON_DATA_INVALID",
    ),
    (
        "a button without a purpose",
        {"text": "x", "reply_markup": keyboard([{"text": "Y"}])},
        "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    (
        "a button without a label",
        {"text": "x", "reply_markup": keyboard([{"text": "", "callback_data": "y"}])},
        "inline keyboard button text must be non-empty",
    ),
    (
        "broken JSON",
        {"text": "x", "reply_markup": "{"},
        "can't parse reply keyboard markup JSON object",
    ),
    (
        "101 buttons",
        {"text": "x", "reply_markup": keyboard(*[[BUTTON]] * 101)},
        "reply markup is too long",
    ),
    (
        "nine buttons in a row",
        {"text": "x", "reply_markup": keyboard([BUTTON] * 9)},
        "reply markup is too long",
    ),
    (
        "a link to a host without a dot",
        {"text": "x", "reply_markup": keyboard([{"text": "Y", "url": "http://localhost/"}])},
        "inline keyboard button URL 'http://localhost/' is invalid: Wrong HTTP URL",
    ),
]

ACCEPTED_MESSAGES: list[tuple[str, dict[str, Any]]] = [
    ("4096 characters", {"text": "ы" * 4096}),
    ("4096 characters beside markup", {"text": f"<b>{'x' * 4096}</b>", "parse_mode": "HTML"}),
    (
        "64 bytes of data",
        {"text": "x", "reply_markup": keyboard([{"text": "Y", "callback_data": "ы" * 32}])},
    ),
    ("100 buttons", {"text": "x", "reply_markup": keyboard(*[[BUTTON] * 8] * 12, [BUTTON] * 4)}),
    ("markup as a JSON string", {"text": "x", "reply_markup": json.dumps(keyboard([BUTTON]))}),
]


@pytest.mark.parametrize(
    ("params", "words"),
    [case[1:] for case in REFUSED_MESSAGES],
    ids=[c[0] for c in REFUSED_MESSAGES],
)
async def test_a_message_that_breaks_a_rule_is_refused_in_the_servers_words(
    sim: Driver, params: dict[str, Any], words: str
) -> None:
    ann = await sim.person("telegram")

    answer = await sim.bot("sendMessage", chat_id=ann, **params)

    assert answer.status_code == 400
    assert answer.json() == {
        "ok": False,
        "error_code": 400,
        "description": f"Bad Request: {words}",
    }
    assert [entry["from"] for entry in await sim.chat("telegram", ann)] == ["person"]


@pytest.mark.parametrize(
    "params", [case[1] for case in ACCEPTED_MESSAGES], ids=[c[0] for c in ACCEPTED_MESSAGES]
)
async def test_a_message_at_the_limit_is_taken(sim: Driver, params: dict[str, Any]) -> None:
    ann = await sim.person("telegram")
    assert (await sim.bot("sendMessage", chat_id=ann, **params)).status_code == 200


async def test_whom_the_bot_may_write_to(sim: Driver) -> None:
    stranger = await sim.person("telegram", says=None)
    blocker = await sim.person("telegram")
    await sim.act("telegram", blocker, "block")
    cases = [
        ("", 400, "Bad Request: chat_id is empty"),
        ("1", 400, "Bad Request: chat not found"),
        (stranger, 403, "Forbidden: bot can't initiate conversation with a user"),
        (blocker, 403, "Forbidden: bot was blocked by the user"),
    ]
    for chat_id, code, words in cases:
        answer = await sim.bot("sendMessage", chat_id=chat_id, text="x")
        assert (answer.status_code, answer.json()["description"]) == (code, words)

    await sim.act("telegram", blocker, "unblock")
    assert (await sim.bot("sendMessage", chat_id=blocker, text="x")).status_code == 200


async def test_tokens_methods_and_paths(sim: Driver) -> None:
    cases = [
        (f"/bot{TOKEN}/getMe", 200, None),
        (f"/bot{TOKEN}/GETME", 200, None),
        ("/bot123456:other/getMe", 401, "Unauthorized"),
        ("/botnonsense/getMe", 401, "Unauthorized: invalid token specified"),
        (f"/bot{TOKEN}/sendPoem", 404, "Not Found: method not found"),
    ]
    for path, code, words in cases:
        answer = await sim.http.get(path)
        assert (answer.status_code, answer.json().get("description")) == (code, words)


async def test_parameters_come_in_four_ways(sim: Driver) -> None:
    ann = await sim.person("telegram")
    path, params = f"/bot{TOKEN}/sendMessage", {"chat_id": ann, "text": "привет"}
    answers = [
        await sim.http.get(path, params=params),
        await sim.http.post(path, json=params),
        await sim.http.post(path, data=params),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]

    ben = await sim.person("telegram")
    files = {"chat_id": (None, ben), "text": (None, "привет")}
    assert (await sim.http.post(path, files=files)).status_code == 200
    assert (await sim.chat("telegram", ben))[-1]["text"] == "привет"


async def test_editing(sim: Driver) -> None:
    ann = await sim.person("telegram")
    sent = await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=keyboard([BUTTON]))
    message_id = sent.json()["result"]["message_id"]
    cases: list[tuple[str, dict[str, Any], str]] = [
        (
            "editMessageText",
            {"message_id": message_id, "text": "Pick", "reply_markup": keyboard([BUTTON])},
            NOT_MODIFIED,
        ),
        ("editMessageText", {"message_id": 99, "text": "x"}, "message to edit not found"),
        ("editMessageText", {"message_id": 1, "text": "x"}, "message can't be edited"),
        (
            "editMessageReplyMarkup",
            {"message_id": message_id, "reply_markup": keyboard([BUTTON])},
            NOT_MODIFIED,
        ),
    ]
    for method, params, words in cases:
        answer = await sim.bot(method, chat_id=ann, **params)
        assert answer.json()["description"] == f"Bad Request: {words}", method

    answer = await sim.bot("editMessageText", chat_id=ann, message_id=message_id, text="Picked")

    assert answer.json()["result"]["text"] == "Picked"
    shown = (await sim.chat("telegram", ann))[-1]
    assert (shown["text"], shown["choices"]) == ("Picked", [])
    assert shown["edited_at"] is not None


async def test_files_have_limits_and_can_be_sent_again_by_id(sim: Driver) -> None:
    ann = await sim.person("telegram")

    async def upload(method: str, part: str, size: int, **params: Any) -> Any:
        return await sim.http.post(
            f"/bot{TOKEN}/{method}",
            data={"chat_id": ann, **params},
            files={part: ("ticket.png", b"x" * size)},
        )

    too_big = await upload("sendPhoto", "photo", 10 * 1024 * 1024 + 1)
    assert (too_big.status_code, too_big.json()["description"]) == (413, "Request Entity Too Large")
    long_caption = await upload("sendDocument", "document", 3, caption="x" * 1025)
    assert long_caption.json()["description"] == "Bad Request: message caption is too long"

    sent = (await upload("sendDocument", "document", 3, caption="cap")).json()["result"]
    assert sent["document"]["mime_type"] == "image/png"
    again = await sim.bot("sendDocument", chat_id=ann, document=sent["document"]["file_id"])
    assert again.status_code == 200
    unknown = await sim.bot("sendDocument", chat_id=ann, document="BQACnothing")
    assert unknown.json()["description"] == (
        "Bad Request: wrong file_id or the file is temporarily unavailable"
    )

    found = await sim.bot("getFile", file_id=sent["document"]["file_id"])
    path = found.json()["result"]["file_path"]
    assert (await sim.http.get(f"/file/bot{TOKEN}/{path}")).content == b"xxx"


async def test_a_press_can_be_answered_once(sim: Driver) -> None:
    ann = await sim.person("telegram")
    await sim.bot("sendMessage", chat_id=ann, text="Pick", reply_markup=keyboard([BUTTON]))
    await sim.act("telegram", ann, "tap", label="Yes")
    [query_id] = sim.world.bot.queries

    too_long = await sim.bot("answerCallbackQuery", callback_query_id=query_id, text="x" * 201)
    assert too_long.json()["description"] == "Bad Request: MESSAGE_TOO_LONG"
    first = await sim.bot("answerCallbackQuery", callback_query_id=query_id, text="x" * 200)
    assert first.json() == {"ok": True, "result": True}
    for query in (query_id, "1"):
        late = await sim.bot("answerCallbackQuery", callback_query_id=query)
        assert late.json()["description"] == (
            "Bad Request: query is too old and response timeout expired or query ID is invalid"
        )


async def test_commands_are_checked_and_kept(sim: Driver) -> None:
    good = [{"command": "start", "description": "Begin"}]
    assert (await sim.bot("setMyCommands", commands=good)).json()["result"] is True
    assert (await sim.bot("getMyCommands")).json()["result"] == good
    cases = [
        ("x" * 33, "d", "command length must not exceed 32"),
        ("Start", "d", "BOT_COMMAND_INVALID"),
        ("start", "", "command description must be non-empty"),
    ]
    for command, description, words in cases:
        answer = await sim.bot(
            "setMyCommands", commands=[{"command": command, "description": description}]
        )
        assert answer.json()["description"] == f"Bad Request: {words}"


@pytest.mark.parametrize(
    ("text", "mode", "plain", "kinds"),
    [
        ("<b>a</b> &lt;&amp;&gt;", "HTML", "a <&>", [("bold", 0, 1)]),
        ("😀<i>b</i>", "HTML", "😀b", [("italic", 2, 1)]),
        ('<a href="https://x.org/?a=1&amp;b=2">x</a>', "HTML", "x", [("text_link", 0, 1)]),
        (
            "*a* _b_ \\. `c.d`",
            "MarkdownV2",
            "a b . c.d",
            [("bold", 0, 1), ("italic", 2, 1), ("code", 6, 3)],
        ),
        ("[x](https://x.org/a_b)", "MarkdownV2", "x", [("text_link", 0, 1)]),
        ("<b>a</b>", None, "<b>a</b>", []),
    ],
)
def test_markup_becomes_plain_text_and_entities(
    text: str, mode: str | None, plain: str, kinds: list[tuple[str, int, int]]
) -> None:
    shown, entities = parse_text(text, mode, None)
    assert shown == plain
    assert [(e["type"], e["offset"], e["length"]) for e in entities] == kinds


def test_an_unknown_parse_mode_is_refused() -> None:
    with pytest.raises(TelegramError, match="unsupported parse_mode"):
        parse_text("x", "Word", None)


async def test_a_button_that_copies_tells_nobody(sim: Driver) -> None:
    vera = await sim.person("telegram")
    button: dict[str, Any] = {"text": "Copy code", "copy_text": {"text": "123456"}}
    body = {"chat_id": vera, "text": "123456", "reply_markup": keyboard([button])}
    assert (await sim.bot("sendMessage", **body)).status_code == 200
    shown = (await sim.chat("telegram", vera))[-1]
    assert [(one["label"], one["copies"]) for one in shown["choices"]] == [("Copy code", "123456")]
    button["copy_text"] = {"text": "1" * 257}
    assert (await sim.bot("sendMessage", **body)).status_code == 400
