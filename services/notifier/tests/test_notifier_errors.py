"""Every row of the platforms' error tables and what it means (platforms.md A6, A8, B6)."""

import pytest

from notifier import telegram_errors, whatsapp_errors
from notifier.telegram import read_answer
from notifier.verdicts import (
    Accepted,
    Down,
    Failed,
    Gone,
    Later,
    Stopped,
    Throttled,
    Unknown,
    Verdict,
    WindowClosed,
)

TELEGRAM = [
    (400, "Bad Request: chat not found", Gone),
    (400, "Bad Request: chat_id is empty", Failed),
    (400, "Bad Request: group chat was upgraded to a supergroup chat", Failed),
    (
        400,
        "Bad Request: message is not modified: specified new message content is the same",
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
    (400, "Bad Request: wrong file_id or the file is temporarily unavailable", Failed),
    (400, "Bad Request: file is too big", Failed),
    (401, "Unauthorized", Stopped),
    (401, "Unauthorized: invalid token specified", Stopped),
    (403, "Forbidden: bot was blocked by the user", Gone),
    (403, "Forbidden: user is deactivated", Gone),
    (403, "Forbidden: bot can't initiate conversation with a user", Gone),
    (403, "Forbidden: bot was kicked from the group chat", Gone),
    (403, "Forbidden: bot was kicked from the supergroup chat", Gone),
    (403, "Forbidden: bot is not a member of the supergroup chat", Gone),
    (403, "Forbidden: the group chat was deleted", Gone),
    (404, "Not Found: method not found", Stopped),
    (404, "Not Found", Stopped),
    (409, "Conflict: can't use getUpdates method while webhook is active", Stopped),
    (413, "Request Entity Too Large", Failed),
    (421, "Misdirected Request: unallowed token specified", Stopped),
    (429, "Too Many Requests: retry after 7", Throttled),
    (500, "Internal Server Error", Down),
    (500, "Internal Server Error: restart", Down),
    (502, "", Down),
    (418, "I'm a teapot", Failed),
]


@pytest.mark.parametrize(("code", "description", "expected"), TELEGRAM)
def test_telegram_refusals(code: int, description: str, expected: type[Verdict]) -> None:
    verdict = telegram_errors.judge(code, description)
    assert type(verdict) is expected
    assert verdict.reason == f"telegram-{code}"


def test_telegrams_own_waiting_time_is_kept() -> None:
    verdict = telegram_errors.judge(429, "Too Many Requests: retry after 7", 7)
    assert verdict == Throttled(reason="telegram-429", scope="chat", after_seconds=7)


def test_a_429_without_a_time_waits_the_default() -> None:
    verdict = telegram_errors.judge(429, "Too Many Requests")
    assert isinstance(verdict, Throttled)
    assert verdict.after_seconds == telegram_errors.RETRY_AFTER_SECONDS_DEFAULT


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
    ],
    Down: [2, 131016, 133004],
    Later: [1, 131000, 131053, 135000],
    Throttled: [4, 80007, 130429, 131056, 131057],
    Gone: [130497, 131026],
    WindowClosed: [131047],
    Failed: [
        *(100, 130472, 131008, 131009, 131021, 131030, 131049, 131050, 131051, 131052),
        *(131062, 131063, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016),
        *(132068, 132069, 137000),
    ],
}


@pytest.mark.parametrize(
    ("code", "expected"),
    [(code, expected) for expected, codes in WHATSAPP.items() for code in codes],
)
@pytest.mark.parametrize("http_status", [400, 429, 500])
def test_whatsapp_codes_decide_whatever_the_http_status(
    code: int, expected: type[Verdict], http_status: int
) -> None:
    verdict = whatsapp_errors.judge(code, http_status=http_status)
    assert type(verdict) is expected
    assert verdict.reason == f"whatsapp-{code}"


def test_the_whatsapp_table_has_no_row_that_is_not_tested() -> None:
    tested = {code for codes in WHATSAPP.values() for code in codes}
    untested = set(whatsapp_errors.TABLE) - tested
    assert untested == set(range(200, 300)) - {200, 250, 299}


@pytest.mark.parametrize(
    ("code", "scope"), [(131056, "chat"), (130429, "account"), (80007, "account"), (4, "account")]
)
def test_whatsapp_throttles_a_pair_or_the_account(code: int, scope: str) -> None:
    verdict = whatsapp_errors.judge(code)
    assert isinstance(verdict, Throttled)
    assert (verdict.scope, verdict.after_seconds) == (scope, None)


def test_a_number_in_maintenance_waits_a_minute() -> None:
    verdict = whatsapp_errors.judge(131057, http_status=500)
    assert isinstance(verdict, Throttled)
    assert verdict.after_seconds == 60


def test_a_phone_number_that_is_gone_stops_the_channel() -> None:
    assert isinstance(whatsapp_errors.judge(100, subcode=33), Stopped)


@pytest.mark.parametrize(
    ("http_status", "expected"),
    [(500, Down), (502, Down), (429, Throttled), (401, Stopped), (403, Stopped), (400, Failed)],
)
def test_an_undocumented_code_goes_by_its_http_status(
    http_status: int, expected: type[Verdict]
) -> None:
    assert type(whatsapp_errors.judge(999999, http_status=http_status)) is expected
    # A body that is not Meta's: pywa gives the status as the code (platforms.md B6).
    assert type(whatsapp_errors.judge(http_status)) is expected
