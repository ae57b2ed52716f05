"""What the gateway is told by its environment."""

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """The chassis' settings and the secrets of both platforms; `accounts` checks them."""

    # An error of validation would otherwise print the values, and these are secrets.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    telegram_token: SecretStr | None = None
    """Only its digits are used here: they are the account's id."""
    telegram_secret: SecretStr | None = None
    telegram_secret_previous: SecretStr | None = None
    """Still valid while Telegram is being told the new one."""
    whatsapp_phone_id: str | None = None
    whatsapp_app_secret: SecretStr | None = None
    whatsapp_app_secret_previous: SecretStr | None = None
    whatsapp_verify_token: SecretStr | None = None
