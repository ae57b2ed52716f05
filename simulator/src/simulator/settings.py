"""Everything that can be chosen when the simulator starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Flood = Literal["strict", "hold"]
Server = Literal["local", "cloud"]
Window = Literal["async", "sync"]


@dataclass(frozen=True)
class TelegramSettings:
    """One bot. The webhook's URL and secret are not here: the bot sets them by setWebhook."""

    token: str = "123456:demo-telegram-token"  # noqa: S105 - the demo's, known to all
    bot_name: str = "Turnout"
    bot_username: str = "turnout_demo_bot"
    server: Server = "local"
    """`cloud` takes only public https addresses for a webhook; a Bot API server of one's own takes
    any."""
    flood: Flood = "strict"
    """`strict` answers 429 at once; `hold` delays up to 8 s first, as the real servers do."""
    messages_per_second: int = 30
    """To all chats together; 1000 is what a paid broadcast may do (platforms.md A5)."""
    webhook_answer_seconds_max: float = 60.0
    callback_answer_seconds_max: float = 30.0

    @property
    def bot_id(self) -> int:
        """The bot's user id, which is the part of the token before the colon."""
        return int(self.token.split(":", 1)[0])


@dataclass(frozen=True)
class WhatsAppSettings:
    """One business number and the app that receives its webhooks."""

    token: str = "demo-whatsapp-token"  # noqa: S105 - the demo's, known to all
    phone_id: str = "106540352242922"
    waba_id: str = "102290129340398"
    app_secret: str = "demo-whatsapp-secret"  # noqa: S105 - the demo's, known to all
    verify_token: str = "demo-verify-token"  # noqa: S105 - the demo's, known to all
    callback_url: str | None = None
    app_id: str = "670843887433847"
    app_name: str = "Turnout"
    display_phone: str = "15550783881"
    business_name: str = "Turnout"
    messages_per_second: int = 80
    window: Window = "async"
    """`async`: a text outside the 24 h window is accepted and fails later; `sync`: HTTP 400."""
    webhook_answer_seconds_max: float = 20.0
    webhook_connections_max: int = 256
    """Posts at the same time. Meta names no number; it answers a slow app with more connections,
    not with fewer posts."""
    retry_waits_seconds: tuple[float, ...] = (0.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 21600.0)
    """Before the second and later POSTs of what was refused. Meta says "immediately, then a few
    more times with decreasing frequency over the next 7 days" and does not publish the gaps."""
    status_delay_seconds: tuple[float, float] = (0.05, 0.3)


@dataclass(frozen=True)
class Settings:
    """The whole simulator."""

    telegram: TelegramSettings = TelegramSettings()
    whatsapp: WhatsAppSettings = WhatsAppSettings()
    seed: int | None = None
    """With a seed, ids and random waits repeat from run to run; without, ids never repeat."""
    clock_file: str | None = None
    state_file: str | None = None


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables; an empty variable counts as absent.

    Raises `ValueError` with a sentence when a value makes no sense.
    """

    def text(name: str, default: str) -> str:
        return environment.get(name) or default

    flood = text("TELEGRAM_FLOOD", "strict")
    if flood not in ("strict", "hold"):
        raise ValueError(f"TELEGRAM_FLOOD must be strict or hold, not {flood!r}.")
    server = text("TELEGRAM_SERVER", "local")
    if server not in ("local", "cloud"):
        raise ValueError(f"TELEGRAM_SERVER must be local or cloud, not {server!r}.")
    window = text("WHATSAPP_WINDOW", "async")
    if window not in ("async", "sync"):
        raise ValueError(f"WHATSAPP_WINDOW must be async or sync, not {window!r}.")
    token = text("TELEGRAM_TOKEN", TelegramSettings.token)
    if not token.split(":", 1)[0].isdigit():
        raise ValueError("TELEGRAM_TOKEN must begin with the bot's number and a colon.")
    seed = environment.get("SIMULATOR_SEED")
    return Settings(
        telegram=TelegramSettings(
            token=token,
            bot_username=text("TELEGRAM_BOT_USERNAME", TelegramSettings.bot_username),
            flood="hold" if flood == "hold" else "strict",
            server="cloud" if server == "cloud" else "local",
            messages_per_second=int(text("TELEGRAM_MESSAGES_PER_SECOND", "30")),
        ),
        whatsapp=WhatsAppSettings(
            token=text("WHATSAPP_TOKEN", WhatsAppSettings.token),
            phone_id=text("WHATSAPP_PHONE_ID", WhatsAppSettings.phone_id),
            waba_id=text("WHATSAPP_WABA_ID", WhatsAppSettings.waba_id),
            app_id=text("WHATSAPP_APP_ID", WhatsAppSettings.app_id),
            app_secret=text("WHATSAPP_APP_SECRET", WhatsAppSettings.app_secret),
            verify_token=text("WHATSAPP_VERIFY_TOKEN", WhatsAppSettings.verify_token),
            callback_url=environment.get("WHATSAPP_CALLBACK_URL") or None,
            display_phone=text("WHATSAPP_DISPLAY_PHONE", WhatsAppSettings.display_phone),
            messages_per_second=int(text("WHATSAPP_MESSAGES_PER_SECOND", "80")),
            window="sync" if window == "sync" else "async",
            webhook_connections_max=int(text("WHATSAPP_WEBHOOK_CONNECTIONS", "256")),
            retry_waits_seconds=_seconds(environment.get("WHATSAPP_RETRY_SECONDS"))
            or WhatsAppSettings.retry_waits_seconds,
        ),
        seed=int(seed) if seed else None,
        clock_file=environment.get("TURNOUT_CLOCK_FILE") or None,
        state_file=environment.get("TURNOUT_STATE_FILE") or None,
    )


def _seconds(listed: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(one) for one in (listed or "").split(",") if one.strip())
    except ValueError as error:
        raise ValueError(f"WHATSAPP_RETRY_SECONDS must be numbers, not {listed!r}.") from error
