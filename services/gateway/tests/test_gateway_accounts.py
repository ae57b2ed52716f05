"""Without secrets that are worth the name, the door stays shut and says why."""

from pathlib import Path
from typing import Any

import pytest
from gateway_house import APP_SECRET, PHONE_ID, TELEGRAM_SECRET, settings

from gateway.accounts import DEMO_SECRETS, live_accounts
from gateway.settings import Settings
from runtime.settings import Misconfigured

WHATSAPP_OFF = {
    "whatsapp_phone_id": None,
    "whatsapp_app_secret": None,
    "whatsapp_verify_token": None,
}
TELEGRAM_OFF = {"telegram_token": None, "telegram_secret": None}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def accounts(**changes: Any) -> Any:
    return live_accounts(settings("nats://127.0.0.1:1", **changes)).current


def test_the_values_of_the_demo_are_good_enough() -> None:
    found = accounts()

    assert found.telegram == {"123456": (b"demo-telegram-secret",)}
    assert found.telegram_default == "123456"
    assert [app.phone_ids for app in found.whatsapp] == [{PHONE_ID}]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"telegram_secret": None}, ["TELEGRAM_SECRET", "setWebhook"]),
        ({"telegram_token": None}, ["TELEGRAM_TOKEN", "@BotFather"]),
        ({"telegram_token": "no-token"}, ["TELEGRAM_TOKEN", "@BotFather"]),
        ({"telegram_secret": "short-secret"}, ["TELEGRAM_SECRET", "16"]),
        ({"telegram_secret": "пятнадцать-букв-и-ещё"}, ["TELEGRAM_SECRET", "A-Z"]),
        ({"telegram_secret": "a" * 257}, ["TELEGRAM_SECRET", "256"]),
        ({"telegram_secret_previous": "short-secret"}, ["TELEGRAM_SECRET_PREVIOUS", "16"]),
        ({"telegram_secret": "a" * 32}, ["TELEGRAM_SECRET", "repeats"]),
        ({"telegram_secret": "abab" * 8}, ["TELEGRAM_SECRET", "repeats"]),
        ({"telegram_secret_previous": TELEGRAM_SECRET}, ["TELEGRAM_SECRET_PREVIOUS", "same"]),
        ({"whatsapp_app_secret_previous": APP_SECRET}, ["WHATSAPP_APP_SECRET_PREVIOUS", "same"]),
        ({"whatsapp_phone_id": None}, ["WHATSAPP_PHONE_ID"]),
        ({"whatsapp_app_secret": None}, ["WHATSAPP_APP_SECRET", "dashboard"]),
        ({"whatsapp_app_secret": "short-secret"}, ["WHATSAPP_APP_SECRET", "16"]),
        ({"whatsapp_app_secret_previous": "short-secret"}, ["WHATSAPP_APP_SECRET_PREVIOUS"]),
        ({"whatsapp_verify_token": None}, ["WHATSAPP_VERIFY_TOKEN"]),
        ({"whatsapp_verify_token": "short-secret"}, ["WHATSAPP_VERIFY_TOKEN", "16"]),
        (TELEGRAM_OFF | WHATSAPP_OFF, ["TELEGRAM_TOKEN", "WHATSAPP_PHONE_ID"]),
    ],
)
def test_what_is_missing_or_weak_is_named_with_a_remedy(
    changes: dict[str, Any], names: list[str]
) -> None:
    with pytest.raises(Misconfigured) as refusal:
        accounts(**changes)

    for name in names:
        assert name in str(refusal.value)
    for value in changes.values():
        assert value is None or str(value) not in str(refusal.value)


OWN = {
    "telegram_secret": "Hn2vT8qLxW5sJ0cR",
    "whatsapp_app_secret": "0f3a5b7c9d1e2f4a6b8c0d2e4f6a8b0c",
    "whatsapp_verify_token": "kV7mZ3pQ9rT1wY5u",
}


@pytest.mark.parametrize(("setting", "own"), sorted(OWN.items()))
def test_open_to_the_world_the_secrets_of_the_demo_are_refused(setting: str, own: str) -> None:
    public = {"public_url": "https://turnout.example"}
    rest = {name: value for name, value in OWN.items() if name != setting}

    with pytest.raises(Misconfigured, match=f"{setting.upper()} is the demo's"):
        accounts(**rest, **public)

    assert accounts(**rest, **public, **{setting: own}).telegram


def test_the_secrets_of_the_demo_are_those_of_the_example() -> None:
    example = (Path(__file__).parents[3] / ".env.example").read_text()
    told = dict(line.split("=", 1) for line in example.splitlines() if line[:1].isupper())

    assert {told[setting.upper()] for setting in OWN} == DEMO_SECRETS


def of_file(folder: Path, toml: str) -> Any:
    file = folder / "accounts.toml"
    file.write_text(toml)
    return accounts(**WHATSAPP_OFF, turnout_accounts=file)


def number(phone_id: int, secret: str, **more: str) -> str:
    values = {"app_secret": secret, "verify_token": OWN["whatsapp_verify_token"]} | more
    lines = [f'{key} = "{value}"' for key, value in values.items()]
    return "\n".join(["[[whatsapp]]", f"phone_id = {phone_id}", *lines, ""])


SECOND_BOT_WITH_ANOTHERS_OLD_SECRET = f"""
[[telegram]]
id = 2
secret = "{OWN["telegram_secret"]}"
secret_previous = "{TELEGRAM_SECRET}"
"""


def test_numbers_with_a_common_secret_are_one_app_and_others_are_not(tmp_path: Path) -> None:
    found = of_file(
        tmp_path,
        number(1, "first-app-secret-new", app_secret_previous="first-app-secret-old")
        + number(2, "other-app-secret-now")
        # Not told the new one yet, and still of the first app.
        + number(3, "first-app-secret-old"),
    )

    first, other = sorted(found.whatsapp, key=lambda app: -len(app.phone_ids))
    assert (first.phone_ids, other.phone_ids) == ({"1", "3"}, {"2"})
    assert set(first.app_secrets) == {b"first-app-secret-new", b"first-app-secret-old"}
    assert first.app_secrets_now == (b"first-app-secret-new",)
    assert other.app_secrets == other.app_secrets_now == (b"other-app-secret-now",)
    assert len(found.verify_tokens) == 1


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (
            number(1, "an-apps-own-secret", app_id="7")
            + number(2, "an-apps-own-secret", app_id="8"),
            ["app_secret of [[whatsapp]] 1", "app_secret of [[whatsapp]] 2", "one app"],
        ),
        (
            number(1, "an-apps-own-secret", app_id="7")
            + number(2, "another-app-secret", app_id="7"),
            ["app_id of [[whatsapp]] 1", "app_id of [[whatsapp]] 2", "present secret"],
        ),
        (
            '[[telegram]]\nid = 2\nsecret = "demo-telegram-secret"',
            ["TELEGRAM_SECRET and secret of [[telegram]] 1", "each its own"],
        ),
        (
            SECOND_BOT_WITH_ANOTHERS_OLD_SECRET,
            ["TELEGRAM_SECRET and secret of [[telegram]] 1", "each its own"],
        ),
        ("[[telegram]]\nid = 2", ["secret of [[telegram]] 1 in accounts.toml is not set"]),
        ("[[whatsapp]]\nphone_id = 2", ["[[whatsapp]] 1 in accounts.toml is not set"]),
        (number(1, "short"), ["app_secret of [[whatsapp]] 1", "too short"]),
    ],
)
def test_accounts_of_the_file_that_do_not_fit_are_named(
    tmp_path: Path, toml: str, words: list[str]
) -> None:
    with pytest.raises(Misconfigured) as refusal:
        of_file(tmp_path, toml)

    for word in words:
        assert word in str(refusal.value)
    assert "demo-telegram-secret" not in str(refusal.value)


def test_a_platform_without_any_setting_is_switched_off() -> None:
    assert accounts(**WHATSAPP_OFF).whatsapp == ()
    assert accounts(**TELEGRAM_OFF).telegram_default is None


def test_secrets_do_not_show_when_the_accounts_are_printed() -> None:
    assert "secret" not in repr(accounts())
    assert "demo-verify" not in repr(accounts())
