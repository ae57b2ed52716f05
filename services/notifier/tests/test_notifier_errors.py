"""Every row of the platforms' error tables and what it means (platforms.md A4, A6, A8, B6).

The codes are listed here once more, by hand, so that a row that is lost or changed by mistake does
not go unseen. Each goes through the pure function, and over HTTP through aiogram and pywa.
"""

import json
import re

import pytest
from notifier_house import PHONE_ID, answering, outbound, whatsapp_address
from notifier_house import http as http_answer
from notifier_stage import Stage
from prometheus_client import REGISTRY
from pydantic import SecretStr

from notifier import telegram_errors, whatsapp_errors
from notifier.error_table import Table
from notifier.telegram import TelegramChannel, read_answer
from notifier.verdicts import (
    Accepted,
    Down,
    Failed,
    Gone,
    Later,
    MediaGone,
    Moved,
    Stopped,
    Throttled,
    Unknown,
    Verdict,
    WindowClosed,
)
from notifier.whatsapp import WhatsappChannel

TELEGRAM = [
    (400, "Bad Request: chat not found", Gone),
    (400, "Bad Request: user not found", Gone),
    (400, "Bad Request: PEER_ID_INVALID", Gone),
    (400, "Bad Request: chat_id is empty", Failed),
    (400, "Bad Request: group chat was upgraded to a supergroup chat", Failed),
    (
        400,
        (
            "Bad Request: message is not modified: specified new message content and reply markup "
            "are exactly the same as a current content and reply markup of the message"
        ),
        Accepted,
    ),
    (
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
        Accepted,
    ),
    (400, "Bad Request: message to edit not found", Failed),
    (400, "Bad Request: message can't be edited", Failed),
    (400, "Bad Request: message is too long", Failed),
    (400, "Bad Request: message text is empty", Failed),
    (400, "Bad Request: message caption is too long", Failed),
    (400, "Bad Request: BUTTON_DATA_INVALID", Failed),
    (400, "Bad Request: can't parse entities: unclosed start tag at byte offset 1", Failed),
    (
        400,
        (
            "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the "
            "inline keyboard"
        ),
        Failed,
    ),
    (400, "Bad Request: inline keyboard button text must be non-empty", Failed),
    (400, "Bad Request: can't parse reply keyboard markup JSON object", Failed),
    (400, "Bad Request: reply markup is too long", Failed),
    (400, "Bad Request: file is too big", Failed),
    (400, "Bad Request: wrong file_id or the file is temporarily unavailable", MediaGone),
    (400, "Bad Request: wrong file identifier/HTTP URL specified", MediaGone),
    (400, "Bad Request: Wrong file identifier/HTTP URL specified", MediaGone),
    (400, "Bad Request: failed to get HTTP URL content", MediaGone),
    (400, "Bad Request: wrong type of the web page content", MediaGone),
    (400, "Bad Request: wrong file_id specified", MediaGone),
    (400, "Bad Request: wrong remote file identifier specified", MediaGone),
    (400, "Bad Request: invalid file_id", MediaGone),
    (400, "Bad Request: invalid remote file identifier", MediaGone),
    (401, "Unauthorized", Stopped),
    (401, "Unauthorized: invalid token specified", Stopped),
    (403, "Forbidden: bot was blocked by the user", Gone),
    (403, "Forbidden: user is deactivated", Gone),
    (403, "Forbidden: bot can't initiate conversation with a user", Gone),
    (403, "Forbidden: bot was kicked from the group chat", Gone),
    (403, "Forbidden: bot was kicked from the supergroup chat", Gone),
    (403, "Forbidden: bot is not a member of the supergroup chat", Gone),
    (403, "Forbidden: the group chat was deleted", Gone),
    (403, "Forbidden: something new", Gone),
    (404, "Not Found: method not found", Stopped),
    (404, "Not Found", Stopped),
    (
        409,
        (
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to "
            "delete the webhook first"
        ),
        Stopped,
    ),
    (413, "Request Entity Too Large", Failed),
    (421, "Misdirected Request: unallowed token specified", Stopped),
    (429, "Too Many Requests: retry after 7", Throttled),
    (500, "Internal Server Error", Down),
    (500, "Internal Server Error: restart", Down),
    (502, "", Down),
]


@pytest.mark.parametrize(("code", "description", "expected"), TELEGRAM)
def test_telegram_refusals(code: int, description: str, expected: type[Verdict]) -> None:
    verdict = telegram_errors.judge(code, description)
    assert type(verdict) is expected
    assert verdict.reason == f"telegram-{code}"
    assert telegram_errors.look_up(code, description).known


async def test_telegram_refusals_over_http() -> None:
    for code, description, expected in TELEGRAM:
        body = json.dumps({"ok": False, "error_code": code, "description": description})
        async with answering(http_answer(code, body)) as platform:
            verdict = await _said_by_telegram(platform.url)
        # A message without a file cannot have named a forgotten one.
        assert type(verdict) is (Failed if expected is MediaGone else expected), description


async def test_telegram_refusals_of_the_simulator(stage: Stage) -> None:
    for code in (400, 401, 403, 404, 409, 413, 421, 429, 500, 503):
        await stage.fault("error", code=code, count=1)
        verdict = await _said_by_telegram(str(stage.platforms.base_url))
        assert verdict.reason == f"telegram-{code}"
        assert type(verdict) in {kind for known, _, kind in TELEGRAM if known == code} | (
            {Down} if code >= 500 else set()
        )


async def _said_by_telegram(url: str) -> Verdict:
    channel = TelegramChannel(SecretStr("123456:demo-telegram-token"), url)
    try:
        message = outbound()
        (request,) = channel.render(message, by_template=False)
        return await channel.send(message, request)
    finally:
        await channel.close()


def test_every_row_of_telegram_is_tested() -> None:
    reached = {id(telegram_errors.look_up(code, text).row) for code, text, _ in TELEGRAM}
    assert [row for row in telegram_errors.TABLE.rows if id(row) not in reached] == []


def test_telegrams_own_waiting_time_is_kept() -> None:
    verdict = telegram_errors.judge(429, "Too Many Requests: retry after 7", 7)
    assert verdict == Throttled(reason="telegram-429", scope="chat", after_seconds=7)


def test_a_429_without_a_time_waits_the_default() -> None:
    verdict = telegram_errors.judge(429, "Too Many Requests")
    assert isinstance(verdict, Throttled)
    assert verdict.after_seconds == 5


def test_a_group_that_moved_names_its_new_id() -> None:
    body = {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": -1001234567890},
    }
    verdict = read_answer(400, json.dumps(body))
    assert verdict == Moved(reason="telegram-400", chat_id="-1001234567890")


ANSWERS = [
    (200, '{"ok":true,"result":{"message_id":12}}', Accepted(provider_id="12")),
    # Sent, though its id is lost: never again.
    (200, '{"ok":true,"result":true}', Accepted()),
    (200, '{"ok":true,"result":{"shape":"of tomorrow"}}', Accepted()),
    (200, '{"ok":false,"error_code":400,"description":"Bad"}', Failed(reason="telegram-400")),
    (
        429,
        '{"ok":false,"error_code":429,"description":"Too","parameters":{"retry_after":3}}',
        Throttled(reason="telegram-429", after_seconds=3),
    ),
    (
        429,
        '{"ok":false,"error_code":429,"description":"Too","parameters":{"retry_after":0}}',
        Throttled(reason="telegram-429", after_seconds=5),
    ),
    # aiogram dies of a TypeError at this one.
    (500, '{"ok":false,"error_code":500}', Down(reason="telegram-500")),
    (502, "<html>Bad Gateway</html>", Down(reason="telegram-502")),
    (503, "", Down(reason="telegram-503")),
    (413, "<html>Request Entity Too Large</html>", Failed(reason="telegram-413")),
    # The server behind the proxy had the request and said nothing.
    (504, "<html>Gateway Time-out</html>", Unknown(reason="telegram-504")),
    (200, "<html>hello</html>", Unknown(reason="telegram-200")),
]


@pytest.mark.parametrize(("status", "body", "expected"), ANSWERS)
def test_telegram_answers_of_every_shape(status: int, body: str, expected: Verdict) -> None:
    assert read_answer(status, body) == expected


WHATSAPP: dict[type[Verdict], list[int]] = {
    Stopped: [
        *(0, 3, 10, 33, 190, 200, 250, 299, 368),
        *(131005, 131031, 131037, 131042, 131044, 131045, 131048, 131064, 133010, 133016),
        # Bodies that are not Meta's: pywa gives the HTTP status as the code.
        *(401, 403),
    ],
    Down: [2, 131016, 133004, 500, 502, 503],
    Later: [1, 131000, 131053, 132069, 135000],
    Throttled: [4, 80007, 130429, 131056, 131057, 429],
    Gone: [130497, 131026],
    WindowClosed: [131047],
    Failed: [
        *(100, 130472, 131008, 131009, 131021, 131030, 131049, 131050, 131051, 131052),
        *(131062, 131063, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016),
        *(132068, 137000, 613, 133000, 413),
    ],
}
CODES = [(code, expected) for expected, codes in WHATSAPP.items() for code in codes]


@pytest.mark.parametrize(("code", "expected"), CODES)
@pytest.mark.parametrize("http_status", [400, 429, 500])
def test_whatsapp_codes_decide_whatever_the_http_status(
    code: int, expected: type[Verdict], http_status: int
) -> None:
    verdict = whatsapp_errors.judge(code, http_status=http_status)
    assert type(verdict) is expected
    assert verdict.reason == f"whatsapp-{code}"
    assert whatsapp_errors.look_up(code, http_status=http_status).known


async def test_whatsapp_codes_of_the_simulator(stage: Stage) -> None:
    channel = WhatsappChannel(
        PHONE_ID, SecretStr("demo-whatsapp-token"), str(stage.platforms.base_url)
    )
    try:
        # The simulator takes 0 for no code; it is asked for over HTTP below.
        for code, expected in CODES:
            if code == 0:
                continue
            await stage.fault("error", "whatsapp", code=code, count=1)
            verdict = await _said_by_whatsapp(channel)
            assert (type(verdict), verdict.reason) == (expected, f"whatsapp-{code}")
    finally:
        await channel.close()


async def test_a_lost_token_of_whatsapp_over_http() -> None:
    body = json.dumps({"error": {"message": "x", "type": "OAuthException", "code": 0}})
    async with answering(http_answer(401, body)) as platform:
        channel = WhatsappChannel(PHONE_ID, SecretStr("TOKEN"), platform.url)
        assert await _said_by_whatsapp(channel) == Stopped(reason="whatsapp-0", cause="token")
        await channel.close()


async def _said_by_whatsapp(channel: WhatsappChannel) -> Verdict:
    message = outbound(address=whatsapp_address())
    (request,) = channel.render(message, by_template=False)
    return await channel.send(message, request)


def test_every_row_of_whatsapp_is_tested() -> None:
    reached = {id(whatsapp_errors.look_up(code).row) for code, _ in CODES}
    untested = [row for row in whatsapp_errors.TABLE.rows if id(row) not in reached]
    assert [(row.code, row.subcode) for row in untested] == [((100, 100), 33)]


@pytest.mark.parametrize(
    ("code", "scope"), [(131056, "pair"), (130429, "account"), (80007, "account"), (4, "account")]
)
def test_whatsapp_throttles_a_pair_or_the_account(code: int, scope: str) -> None:
    verdict = whatsapp_errors.judge(code)
    assert isinstance(verdict, Throttled)
    assert (verdict.scope, verdict.after_seconds) == (scope, None)


def test_a_number_in_maintenance_waits_a_minute() -> None:
    verdict = whatsapp_errors.judge(131057, http_status=500)
    assert isinstance(verdict, Throttled)
    assert (verdict.scope, verdict.after_seconds) == ("account", 60)


@pytest.mark.parametrize("code", [131048, 131064, 133016])
def test_a_limit_of_hours_is_not_tried_every_minute(code: int) -> None:
    verdict = whatsapp_errors.judge(code)
    assert isinstance(verdict, Stopped)
    assert verdict.trial_after_seconds == 3600


@pytest.mark.parametrize(("code", "tries"), [(1, 3), (131000, 3), (131053, 2), (135000, 1)])
def test_what_stumbled_is_tried_a_few_times(code: int, tries: int) -> None:
    verdict = whatsapp_errors.judge(code)
    assert isinstance(verdict, Later)
    assert verdict.tries_max == tries


@pytest.mark.parametrize(
    ("code", "effect"),
    [
        (131049, "marketing-rests"),
        (131050, "marketing-stopped"),
        (132001, "template-wrong"),
        (132015, "template-unusable"),
        (132016, "template-unusable"),
        (131009, None),
    ],
)
def test_what_else_a_refusal_tells(code: int, effect: str | None) -> None:
    verdict = whatsapp_errors.judge(code)
    assert isinstance(verdict, Failed)
    assert verdict.effect == effect


def test_a_phone_number_that_is_gone_stops_the_channel() -> None:
    assert isinstance(whatsapp_errors.judge(100, subcode=33), Stopped)
    assert isinstance(whatsapp_errors.judge(100, subcode=1), Failed)


UNDOCUMENTED = [(500, Down), (502, Down), (429, Throttled), (401, Stopped), (403, Stopped)]


@pytest.mark.parametrize(("http_status", "expected"), [*UNDOCUMENTED, (400, Failed)])
def test_an_undocumented_code_goes_by_its_http_status(
    http_status: int, expected: type[Verdict]
) -> None:
    assert type(whatsapp_errors.judge(999999, http_status=http_status)) is expected
    assert not whatsapp_errors.look_up(999999, http_status=http_status).known
    # A body that is not Meta's: pywa gives the status as the code (platforms.md B6).
    assert type(whatsapp_errors.judge(http_status)) is expected


@pytest.mark.parametrize(("code", "expected"), [(418, Failed), (599, Down), (600, Failed)])
def test_an_undocumented_answer_of_telegram_goes_by_its_code(
    code: int, expected: type[Verdict]
) -> None:
    assert type(telegram_errors.judge(code, "I'm a teapot")) is expected


def test_what_no_table_knows_is_one_series() -> None:
    def counted(code: str) -> float:
        return sum(
            sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
            if sample.name == "turnout_platform_errors_total" and sample.labels["code"] == code
        )

    before = counted("other")
    for code in (999001, 999002):
        whatsapp_errors.TABLE.count(code, whatsapp_errors.look_up(code))
    assert counted("other") == before + 2
    assert counted("999001") == 0
    before = counted("131026")
    whatsapp_errors.TABLE.count(131026, whatsapp_errors.look_up(131026))
    assert counted("131026") == before + 1


HTTP_ROWS = """
[[http]]
code = "100-599"
verdict = "failed"
note = "all of them"
source = "here"
"""


def rows(*lines: str) -> str:
    """A table with these rows, each `key = value` pairs with a semicolon between them."""
    made = ["[[refusal]]\nnote='a row'\nsource='here'\n" + re.sub(";", "\n", row) for row in lines]
    return "\n".join(made) + HTTP_ROWS


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (rows("code=1; verdict='perhaps'"), "verdict"),
        (rows("code=1; verdict='failed'; tries_max=2"), "failed does not use tries_max"),
        (rows("code=1; verdict='throttled'"), "throttled needs a scope"),
        (rows("code=1; verdict='stopped'"), "stopped needs a cause"),
        (rows("code='9-1'; verdict='failed'"), "smaller end"),
        (rows("code=1; verdict='failed'; colour='red'"), "colour"),
        (
            rows("code='1-9'; verdict='failed'", "code=5; verdict='gone'"),
            "is hidden",
        ),
        (
            rows(
                "code=4; text='chat'; verdict='failed'", "code=4; text='Chat not'; verdict='gone'"
            ),
            "is hidden",
        ),
        (rows("code=1; verdict='failed'").replace("100-599", "100-498"), "HTTP status 499"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused_when_it_is_read(table: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Table("telegram", table)


def test_a_table_that_makes_sense_is_read() -> None:
    """The control of the test before."""
    table = Table(
        "telegram", rows("code=4; text='chat not'; verdict='gone'", "code=4; verdict='failed'")
    )
    assert isinstance(table.judge(4, text="CHAT NOT found", http_status=400).verdict, Gone)
    assert isinstance(table.judge(4, http_status=400).verdict, Failed)
