"""The bots and numbers that this gateway listens for, and the secrets that prove a webhook."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from gateway.settings import Settings
from runtime.accounts import AccountBook, TelegramBot, WhatsAppNumber, read_accounts
from runtime.live import Live, Made
from runtime.settings import Misconfigured

SECRET_CHARACTERS_MIN = 16
"""Shorter ones can be guessed by somebody with patience."""
DIFFERENT_CHARACTERS_MIN = 5
"""Sixteen random characters have more; `aaaa…` and `abab…` have not."""
DEMO_SECRETS = frozenset({"demo-telegram-secret", "demo-whatsapp-secret", "demo-verify-token"})
"""Those of `.env.example`, which everybody can read."""

_TELEGRAM_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""Telegram refuses any other character when the webhook is set (platforms.md A1)."""

_SECRETS = {
    "secret": "16 to 256 random characters of A-Z a-z 0-9 _ -, "
    "the same as secret_token of setWebhook",
    "app_secret": "the app secret of your app in Meta's app dashboard",
    "verify_token": "16 or more random characters, "
    "the same as the verify token in Meta's webhook settings",
}


@dataclass(frozen=True, slots=True)
class WhatsAppApp:
    """One Meta app: one signature for all of its numbers, and for no other (platforms.md B1)."""

    phone_ids: frozenset[str]
    app_secrets: tuple[bytes, ...] = field(repr=False)
    """The live ones."""
    app_secrets_now: tuple[bytes, ...] = field(repr=False)
    """Those among them that are nobody's previous one."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whom we listen for. A platform without any account is switched off."""

    telegram: Mapping[str, tuple[bytes, ...]] = field(repr=False)
    """Bot id → its live secrets, the present one first."""
    telegram_default: str | None
    """The bot that `POST /telegram` without an account is for."""
    whatsapp: tuple[WhatsAppApp, ...]
    verify_tokens: tuple[bytes, ...] = field(repr=False)
    """Any of them shakes hands with Meta."""


def live_accounts(settings: Settings) -> Live[Accounts]:
    """The accounts that variables and files describe, read again when a file changes.

    Raises:
        Misconfigured: something is missing or weak; an open door is worse than none.
    """

    def make() -> Made[Accounts]:
        book = read_accounts(settings)
        return Made(from_book(book.value, public_url=settings.public_url), book.files)

    return Live("accounts", make)


def from_book(book: AccountBook, *, public_url: str | None = None) -> Accounts:
    """The secrets of all accounts.

    Args:
        book: every bot and number.
        public_url: where the world reaches us; with https, secrets known to all are refused.

    Raises:
        Misconfigured: something is missing or weak.
    """
    if not book.telegram and not book.whatsapp:
        raise Misconfigured(
            "The gateway would listen for nobody: set TELEGRAM_TOKEN and TELEGRAM_SECRET, or "
            "WHATSAPP_PHONE_ID, WHATSAPP_APP_SECRET and WHATSAPP_VERIFY_TOKEN, or "
            "TURNOUT_ACCOUNTS to a file with several accounts."
        )
    demo = frozenset() if not (public_url or "").startswith("https") else DEMO_SECRETS
    telegram = {
        bot.account: _live(bot, "secret", bot.secret, bot.secret_previous, demo)
        for bot in book.telegram
    }
    _check_telegram(book.telegram, telegram)
    verify_tokens = [
        _live(number, "verify_token", number.verify_token, None, demo)[0]
        for number in book.whatsapp
    ]
    return Accounts(
        telegram=telegram,
        telegram_default=next(iter(telegram), None),
        whatsapp=_apps(book.whatsapp, demo),
        # Each once: how long a comparison takes must not tell how many numbers share a token.
        verify_tokens=tuple(dict.fromkeys(verify_tokens)),
    )


def _check_telegram(
    bots: tuple[TelegramBot, ...], secrets: Mapping[str, tuple[bytes, ...]]
) -> None:
    owners: dict[bytes, TelegramBot] = {}
    for bot in bots:
        for secret in secrets[bot.account]:
            if not _TELEGRAM_SECRET.fullmatch(secret.decode()):
                raise Misconfigured(f"{bot.named('secret')} must be {_SECRETS['secret']}.")
            if secret in owners:
                raise Misconfigured(
                    f"{owners[secret].named('secret')} and {bot.named('secret')} are the same, so "
                    "whoever knows one bot's could write to the other: give each its own."
                )
            owners[secret] = bot


def _apps(numbers: tuple[WhatsAppNumber, ...], demo: frozenset[str]) -> tuple[WhatsAppApp, ...]:
    """The numbers by their apps: who shares a live secret, or names the same app, is one.

    Raises:
        Misconfigured: a secret is missing or weak, or two numbers do not agree on their app.
    """
    groups: list[tuple[list[WhatsAppNumber], set[bytes]]] = []
    previous = {
        number.app_secret_previous.get_secret_value().encode()
        for number in numbers
        if number.app_secret_previous is not None
    }
    for number in numbers:
        secrets = set(
            _live(number, "app_secret", number.app_secret, number.app_secret_previous, demo)
        )
        members = [number]
        for group in [one for one in groups if one[1] & secrets]:
            groups.remove(group)
            members, secrets = group[0] + members, group[1] | secrets
        groups.append((members, secrets))
    _check_apps([members for members, _ in groups])
    return tuple(
        WhatsAppApp(
            phone_ids=frozenset(member.account for member in members),
            # In one order, so that what is read again and has not changed is equal.
            app_secrets=tuple(sorted(secrets)),
            app_secrets_now=tuple(sorted(secrets - previous)),
        )
        for members, secrets in groups
    )


def _check_apps(groups: list[list[WhatsAppNumber]]) -> None:
    homes: dict[str, tuple[int, WhatsAppNumber]] = {}
    for index, members in enumerate(groups):
        named = [member for member in members if member.app_id is not None]
        for member in named:
            if member.app_id != named[0].app_id:
                raise Misconfigured(
                    f"{named[0].named('app_secret')} and {member.named('app_secret')} are the "
                    "same, but their app_id is not: an app secret belongs to one app."
                )
            home, first = homes.setdefault(member.app_id or "", (index, member))
            if home != index:
                raise Misconfigured(
                    f"{first.named('app_id')} and {member.named('app_id')} are the same, but "
                    "their app_secret is not: give both the app's present secret."
                )


def _live(
    account: TelegramBot | WhatsAppNumber,
    key: str,
    current: SecretStr | None,
    previous: SecretStr | None,
    demo: frozenset[str],
) -> tuple[bytes, ...]:
    remedy = f"set {account.named(key)} to {_SECRETS[key]}."
    if current is None:
        raise Misconfigured(
            f"{account.named(key)} is not set, and without it anybody could write in other "
            f"people's names: {remedy}"
        )
    live = {key: current} if previous is None else {key: current, f"{key}_previous": previous}
    for label, secret in live.items():
        if weakness := _weakness(secret.get_secret_value(), demo):
            raise Misconfigured(f"{account.named(label)} {weakness}: {remedy}")
    if previous == current:
        raise Misconfigured(
            f"{account.named(f'{key}_previous')} is the same as {account.named(key)}: the one is "
            "the old secret and the other the new one; while none is changed, leave the previous "
            "one out."
        )
    return tuple(secret.get_secret_value().encode() for secret in live.values())


def _weakness(secret: str, demo: frozenset[str]) -> str | None:
    if len(secret) < SECRET_CHARACTERS_MIN:
        return f"is too short to be a secret: it needs at least {SECRET_CHARACTERS_MIN} characters"
    if len(set(secret)) < DIFFERENT_CHARACTERS_MIN:
        return "repeats a few characters and is easily guessed"
    if secret in demo:
        return "is the demo's, which everybody can read, and PUBLIC_URL is open to the world"
    return None
