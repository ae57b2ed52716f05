"""Without secrets that are worth the name, the door stays shut and says why."""

from typing import Any

import pytest
from gateway_house import PHONE_ID, settings

from gateway.accounts import live_accounts
from runtime.settings import Misconfigured

WHATSAPP_OFF = {
    "whatsapp_phone_id": None,
    "whatsapp_app_secret": None,
    "whatsapp_verify_token": None,
}
TELEGRAM_OFF = {"telegram_token": None, "telegram_secret": None}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TELEGRAM_SECRET", "WHATSAPP_APP_SECRET", "TELEGRAM_TOKEN", "WHATSAPP_PHONE_ID"):
        monkeypatch.delenv(name, raising=False)


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


def test_a_platform_without_any_setting_is_switched_off() -> None:
    assert accounts(**WHATSAPP_OFF).whatsapp == ()
    assert accounts(**TELEGRAM_OFF).telegram_default is None


def test_secrets_do_not_show_when_the_accounts_are_printed() -> None:
    assert "secret" not in repr(accounts())
    assert "demo-verify" not in repr(accounts())
