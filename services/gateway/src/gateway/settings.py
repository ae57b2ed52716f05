"""What the gateway is told by its environment."""

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
