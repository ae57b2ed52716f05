"""What the gateway is told by its environment."""

from typing import Literal

from pydantic import SecretStr

from runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """The chassis' settings and the secrets of both platforms; `accounts` checks them."""

    telegram_token: SecretStr | None = None
    """Only its digits are used here: they are the account's id."""
    telegram_secret: SecretStr | None = None
    telegram_secret_previous: SecretStr | None = None
    """Still valid while Telegram is being told the new one."""
    whatsapp_phone_id: str | None = None
    whatsapp_app_secret: SecretStr | None = None
    whatsapp_app_secret_previous: SecretStr | None = None
    whatsapp_verify_token: SecretStr | None = None

    # What follows is only for looking at the platforms' side of a webhook (gateway.webhooks).
    telegram_api_url: str = "https://api.telegram.org"
    whatsapp_api_url: str = "https://graph.facebook.com"
    """The root; the API's version is added."""
    whatsapp_token: SecretStr | None = None
    whatsapp_waba_id: str | None = None
    """The WhatsApp Business Account that the number belongs to."""
    webhook_check_seconds: float = 300.0
    """Between two looks at what the platforms say of our webhooks; 0: never."""
    admin_telegram_chat: str | None = None
    """The chat's id, in figures, with a bot of ours that the admin has written to."""
    admin_language: Literal["en", "ru"] = "en"
