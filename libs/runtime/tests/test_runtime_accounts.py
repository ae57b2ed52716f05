"""Any number of bots and numbers, and sentences that name entry and key, never a value."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from runtime.accounts import AccountBook, read_accounts
from runtime.provision import ProvisionSettings, rings, tiers
from runtime.settings import AccountSettings, Misconfigured

TOKEN = "123456:telegram-token-of-the-first"
WHOLE = """
[[telegram]]
token = "222:telegram-token-of-the-second"
secret = "secret-of-the-second"
secret_previous = "old-secret-of-the-second"

[[telegram]]
id = 333
secret_file = "third/secret"

[[whatsapp]]
phone_id = 1065
waba_id = "1022"
app_id = "77"
token_file = "whatsapp-token"
app_secret = "app-secret-of-1065"
app_secret_previous = "old-app-secret-of-1065"
verify_token = "verify-token-of-1065"
"""
OF_A_PORTFOLIO = "[[whatsapp]]\nphone_id = {}\nportfolio = 9\nrecipients_per_day = {}\n"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ProvisionSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def book(folder: Path, toml: str | None, **variables: Any) -> AccountBook:
    if toml is not None:
        variables["turnout_accounts"] = folder / "accounts.toml"
        variables["turnout_accounts"].write_text(toml)
    return read_accounts(AccountSettings(**variables)).value


def refusal(folder: Path, toml: str | None, **variables: Any) -> str:
    with pytest.raises(Misconfigured) as refused:
        book(folder, toml, **variables)
    return str(refused.value)


def test_the_accounts_of_variables_come_before_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "secret").write_text("secret-of-the-third\n")
    (tmp_path / "whatsapp-token").write_text("whatsapp-token-of-1065\n")
    found = book(tmp_path, WHOLE, telegram_token=TOKEN)
    assert [bot.account for bot in found.telegram] == ["123456", "222", "333"]
    _, second, third = found.telegram
    assert second.secret_previous is not None
    assert second.secret_previous.get_secret_value() == "old-secret-of-the-second"
    assert third.secret is not None
    assert third.secret.get_secret_value() == "secret-of-the-third"
    assert third.token is None
    (number,) = found.whatsapp
    assert (number.account, number.waba_id, number.app_id) == ("1065", "1022", "77")
    assert number.token is not None
    assert number.token.get_secret_value() == "whatsapp-token-of-1065"
    assert [ring.stream for ring in rings(found)] == [
        "RING_telegram_123456",
        "RING_telegram_222",
        "RING_telegram_333",
        "RING_whatsapp_1065",
    ]


def test_all_files_that_were_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("secret-of-the-second")
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("TELEGRAM_TOKEN_FILE", str(tmp_path / "token"))
    accounts = tmp_path / "accounts.toml"
    accounts.write_text('[[telegram]]\nid = "2"\nsecret_file = "secret"')
    made = read_accounts(AccountSettings(turnout_accounts=accounts))
    assert made.files == {accounts, tmp_path / "secret", tmp_path / "token"}
    assert made.value.telegram[0].account == "123456"


def test_a_token_may_say_when_it_expires(tmp_path: Path) -> None:
    found = book(
        tmp_path,
        "[[whatsapp]]\nphone_id = 5\ntoken_expires_at = 2026-12-31T12:00:00Z",
        whatsapp_phone_id="6",
        whatsapp_token="hunter2",
        whatsapp_token_expires_at="2027-01-31T12:00:00+03:00",
    )
    assert [number.token_expires_at for number in found.whatsapp] == [
        datetime(2027, 1, 31, 9, tzinfo=UTC),
        datetime(2026, 12, 31, 12, tzinfo=UTC),
    ]


def test_an_empty_file_means_that_there_is_no_such_secret(tmp_path: Path) -> None:
    (tmp_path / "previous").write_text("\n")
    found = book(tmp_path, '[[telegram]]\nid = 2\nsecret_previous_file = "previous"')
    assert found.telegram[0].secret_previous is None


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[[telegram]]\nsecrt = 1", ["[[telegram]] 1", "key secrt"]),
        ("[[signal]]", ["key signal", "[[telegram]]"]),
        ("[telegram]\ntoken = 'x'", ["[[telegram]]", "two brackets"]),
        ("telegram = 1", ["two brackets"]),
        ("[[telegram]", ["is not TOML", "line 1"]),
        (
            "[[telegram]]\nsecret = 'hunter2hunter2hunter2'",
            ["[[telegram]] 1", "neither token nor id"],
        ),
        ("[[telegram]]\ntoken = 'hunter2'", ["token of [[telegram]] 1", "@BotFather"]),
        ("[[telegram]]\ntoken = '5:a b'", ["token of [[telegram]] 1", "@BotFather"]),
        ("[[telegram]]\nid = 6\ntoken = '5:hunter2'", ["id and token", "two bots"]),
        ("[[telegram]]\nid = 'hunter2'", ["id consists of digits"]),
        ("[[telegram]]\nid = '1\\n2'", ["id consists of digits"]),
        ("[[telegram]]\nid = 5\nsecret = ['hunter2']", ["secret is no text"]),
        ("[[telegram]]\nid = 5\nsecret_file = 7", ["secret_file", "path"]),
        ("[[telegram]]\nid = 5\nsecret_file = 'gone'", ["secret_file of [[telegram]] 1", "gone"]),
        ("[[telegram]]\nid = 5\nsecret = 'hunter2'\nsecret_file = 'a'", ["both secret and"]),
        ("[[telegram]]\nidd_file = 'a'", ["key idd_file"]),
        (
            "[[telegram]]\nid = 5\n[[telegram]]\nid = 5",
            ["[[telegram]] 1", "[[telegram]] 2", "same"],
        ),
        ("[[telegram]]\nid = 123456", ["variables TELEGRAM", "[[telegram]] 1", "same"]),
        ("[[whatsapp]]\ntoken = 'hunter2'", ["[[whatsapp]] 1", "phone_id"]),
        ("[[whatsapp]]\nphone_id = 5\nsecret = 'hunter2'", ["[[whatsapp]] 1", "key secret"]),
        (
            "[[whatsapp]]\nphone_id = 5\ntoken_expires_at = 2026-12-31",
            ["token_expires_at", "time with a zone"],
        ),
        ("[[telegram]]\nid = 5\npermits_per_second = 0", ["permits_per_second", "at least 1"]),
        ("[[telegram]]\nid = 5\npermits_per_second = 2000", ["permits_per_second", "at most 1000"]),
        ("[[telegram]]\nid = 5\npermits_per_second = 'hunter2'", ["whole number"]),
        ("[[telegram]]\nid = 5\npaid_broadcast = 'hunter2'", ["paid_broadcast", "true or false"]),
        ("[[whatsapp]]\nphone_id = 5\nthroughput = 90", ["throughput", "20, 80 or 1000"]),
        ("[[whatsapp]]\nphone_id = 5\nrecipients_per_day = -1", ["recipients_per_day"]),
        (
            f"{OF_A_PORTFOLIO.format(5, 250)}{OF_A_PORTFOLIO.format(6, 2000)}",
            ["recipients_per_day of [[whatsapp]] 2", "one limit"],
        ),
        ("[[whatsapp]]\nphone_id = 5\n" * 65, ["more than 64"]),
    ],
)
def test_what_makes_no_sense_is_named_without_its_value(
    tmp_path: Path, toml: str, words: list[str]
) -> None:
    sentence = refusal(tmp_path, toml, telegram_token=TOKEN)
    for word in words:
        assert word in sentence
    assert "hunter2" not in sentence
    assert TOKEN not in sentence
    assert "Traceback" not in sentence


def test_variables_without_the_account_that_they_are_for_are_named(tmp_path: Path) -> None:
    assert "TELEGRAM_TOKEN" in refusal(tmp_path, None, telegram_secret="x")
    assert "TELEGRAM_TOKEN" in refusal(tmp_path, None, telegram_token="hunter2")
    assert "WHATSAPP_PHONE_ID" in refusal(tmp_path, None, whatsapp_token="x")
    assert "WHATSAPP_PHONE_ID" in refusal(tmp_path, None, whatsapp_phone_id="+49 1")
    assert "TURNOUT_ACCOUNTS" in refusal(tmp_path, None, turnout_accounts=tmp_path / "gone.toml")


def test_a_file_of_a_variable_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_SECRET_FILE", str(tmp_path / "gone"))
    with pytest.raises(Misconfigured, match=r"TELEGRAM_SECRET_FILE names .*gone: No such file"):
        AccountSettings()
    (tmp_path / "gone").write_bytes(b"\xff\xfe")
    with pytest.raises(Misconfigured, match=r"TELEGRAM_SECRET_FILE .* UTF-8"):
        AccountSettings()


def test_every_account_has_the_ring_that_its_limit_allows(tmp_path: Path) -> None:
    toml = """
    [[telegram]]
    id = 1
    [[telegram]]
    id = 2
    permits_per_second = 7
    [[telegram]]
    id = 3
    paid_broadcast = true
    [[whatsapp]]
    phone_id = 4
    [[whatsapp]]
    phone_id = 5
    throughput = 1000
    [[whatsapp]]
    phone_id = 6
    throughput = 20
    """
    sizes = {ring.account: ring.permits for ring in rings(book(tmp_path, toml))}
    # Of WhatsApp's throughput a part is left for several people who write in one moment.
    assert sizes == {"1": 25, "2": 7, "3": 1000, "4": 75, "5": 935, "6": 19}
    by_variable = book(tmp_path, toml, telegram_per_second=30, whatsapp_per_second=80)
    sizes = {ring.account: ring.permits for ring in rings(by_variable)}
    assert sizes == {"1": 30, "2": 7, "3": 30, "4": 80, "5": 80, "6": 80}


def test_the_numbers_of_a_portfolio_share_its_limit_of_people(tmp_path: Path) -> None:
    toml = """
    [[whatsapp]]
    phone_id = 1
    portfolio = 9
    recipients_per_day = 250
    [[whatsapp]]
    phone_id = 2
    portfolio = 9
    recipients_per_day = 250
    [[whatsapp]]
    phone_id = 3
    recipients_per_day = 2000
    [[whatsapp]]
    phone_id = 4
    """
    found = [(tier.stream, tier.recipients) for tier in tiers(book(tmp_path, toml))]
    assert found == [("TIER_whatsapp_9", 250), ("TIER_whatsapp_3", 2000)]


def test_e_mail_has_a_ring_when_there_is_a_way_for_it(tmp_path: Path) -> None:
    accounts = book(tmp_path, None)
    assert rings(accounts, ProvisionSettings()) == []
    settings = ProvisionSettings(smtp_url=SecretStr("smtp://mail"), email_per_second=3)
    (mail,) = rings(accounts, settings)
    assert (mail.stream, mail.permits) == ("RING_email_mail", 3)
