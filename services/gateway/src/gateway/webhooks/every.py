"""The webhooks of every account that we know."""

import httpx

from gateway.settings import Settings
from gateway.webhooks.findings import Finding, Report, Webhook
from gateway.webhooks.telegram import TelegramWebhook
from gateway.webhooks.whatsapp import WhatsAppWebhook
from runtime.accounts import AccountBook, TelegramBot, WhatsAppNumber
from runtime.clock import Clock


def webhooks_of(
    book: AccountBook,
    settings: Settings,
    http: httpx.AsyncClient,
    clock: Clock,
    *,
    public_url: str,
    shakes_hands: bool,
) -> tuple[list[Webhook], list[Report]]:
    """Those that can be looked at, and why the others cannot.

    Args:
        book: our bots and numbers.
        settings: where the platforms' APIs are.
        http: a client for them.
        clock: business time, for the ages of errors.
        public_url: where the world reaches us.
        shakes_hands: see `WhatsAppWebhook`.
    """
    webhooks: list[Webhook] = []
    unseen: list[Report] = []
    for bot in book.telegram:
        if bot.token is None or bot.secret is None:
            unseen.append(_unseen(bot, "token" if bot.token is None else "secret"))
            continue
        webhooks.append(
            TelegramWebhook(
                bot.account,
                http,
                clock,
                token=bot.token,
                secret=bot.secret,
                api_url=settings.telegram_api_url,
                public_url=public_url,
            )
        )
    for number in book.whatsapp:
        if number.token is None or number.verify_token is None:
            unseen.append(_unseen(number, "token" if number.token is None else "verify_token"))
            continue
        webhooks.append(
            WhatsAppWebhook(
                number,
                http,
                token=number.token,
                verify_token=number.verify_token,
                api_url=settings.whatsapp_api_url,
                public_url=public_url,
                shakes_hands=shakes_hands,
            )
        )
    return webhooks, unseen


def _unseen(account: TelegramBot | WhatsAppNumber, missing: str) -> Report:
    name = account.named(missing)
    return Report(
        platform="telegram" if isinstance(account, TelegramBot) else "whatsapp",
        account=account.account,
        findings=(
            Finding("token", f"nobody can look at it: {name} is not set here", f"set {name}"),
        ),
        is_known=False,
    )
