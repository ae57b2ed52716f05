"""The bots and numbers that this gateway listens for, and the secrets that prove a webhook."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from gateway.settings import Settings
from runtime.accounts import telegram_account
from runtime.settings import Misconfigured

SECRET_CHARACTERS_MIN = 16
"""Shorter ones can be guessed by somebody with patience."""

_TELEGRAM_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""Telegram refuses any other character when the webhook is set (platforms.md A1)."""

_HELP = {
    "TELEGRAM_TOKEN": "the token that @BotFather gave you",
    "TELEGRAM_SECRET": "16 to 256 random characters of A-Z a-z 0-9 _ -, "
    "the same as secret_token of setWebhook",
    "WHATSAPP_PHONE_ID": "the phone number ID of your number in Meta's app dashboard",
    "WHATSAPP_APP_SECRET": "the app secret of your app in Meta's app dashboard",
    "WHATSAPP_VERIFY_TOKEN": "16 or more random characters, "
    "the same as the verify token in Meta's webhook settings",
}


@dataclass(frozen=True, slots=True)
class WhatsAppApp:
    """One Meta app: one signature for all of its numbers (platforms.md B1)."""

    phone_ids: frozenset[str]
    app_secrets: tuple[bytes, ...] = field(repr=False)
    verify_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whom we listen for. A platform without any setting is switched off."""

    telegram: Mapping[str, tuple[bytes, ...]] = field(repr=False)
    """Bot id → its live secrets."""
    telegram_default: str | None
    """The bot that `POST /telegram` without an account is for."""
    whatsapp: WhatsAppApp | None


def from_settings(settings: Settings) -> Accounts:
    """The accounts that the settings describe.

    Raises:
        Misconfigured: something is missing or weak; an open door is worse than none.
    """
    bots = _telegram(settings)
    app = _whatsapp(settings)
    if not bots and app is None:
        raise Misconfigured(
            "The gateway would listen for nobody: set TELEGRAM_TOKEN and TELEGRAM_SECRET, or "
            "WHATSAPP_PHONE_ID, WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN."
        )
    return Accounts(telegram=bots, telegram_default=next(iter(bots), None), whatsapp=app)


def _telegram(settings: Settings) -> dict[str, tuple[bytes, ...]]:
    if not (
        settings.telegram_token or settings.telegram_secret or settings.telegram_secret_previous
    ):
        return {}
    if settings.telegram_token is None:
        raise _missing("TELEGRAM_TOKEN")
    try:
        account = telegram_account(settings.telegram_token)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
    secrets = _live("TELEGRAM_SECRET", settings.telegram_secret, settings.telegram_secret_previous)
    if not all(_TELEGRAM_SECRET.fullmatch(secret.decode()) for secret in secrets):
        raise Misconfigured(f"TELEGRAM_SECRET must be {_HELP['TELEGRAM_SECRET']}.")
    return {account: secrets}


def _whatsapp(settings: Settings) -> WhatsAppApp | None:
    if not (
        settings.whatsapp_phone_id
        or settings.whatsapp_app_secret
        or settings.whatsapp_app_secret_previous
        or settings.whatsapp_verify_token
    ):
        return None
    if settings.whatsapp_phone_id is None:
        raise _missing("WHATSAPP_PHONE_ID")
    (verify_token,) = _live("WHATSAPP_VERIFY_TOKEN", settings.whatsapp_verify_token, None)
    return WhatsAppApp(
        phone_ids=frozenset({settings.whatsapp_phone_id}),
        app_secrets=_live(
            "WHATSAPP_APP_SECRET",
            settings.whatsapp_app_secret,
            settings.whatsapp_app_secret_previous,
        ),
        verify_token=verify_token,
    )


def _live(name: str, current: SecretStr | None, previous: SecretStr | None) -> tuple[bytes, ...]:
    if current is None:
        raise _missing(name)
    for label, secret in ((name, current), (f"{name}_PREVIOUS", previous)):
        if secret is not None and len(secret.get_secret_value()) < SECRET_CHARACTERS_MIN:
            raise Misconfigured(
                f"{label} is too short to be a secret: it needs at least "
                f"{SECRET_CHARACTERS_MIN} characters. Set {name} to {_HELP[name]}."
            )
    return tuple(
        secret.get_secret_value().encode() for secret in (current, previous) if secret is not None
    )


def _missing(name: str) -> Misconfigured:
    return Misconfigured(
        f"{name} is not set, and without it anybody could write in other people's names or "
        f"nothing could be told apart: set {name} to {_HELP[name]}."
    )
