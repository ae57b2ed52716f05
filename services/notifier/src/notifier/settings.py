"""What the notifier is told by its environment."""

from typing import Self

from pydantic import SecretStr, model_validator

from runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """A platform is served when its token is given; at least one must be.

    Raises:
        pydantic.ValidationError: no platform, or half a WhatsApp account.
    """

    telegram_api_url: str = "https://api.telegram.org"
    telegram_token: SecretStr | None = None
    whatsapp_api_url: str = "https://graph.facebook.com"
    """The root; the API's version is added."""
    whatsapp_token: SecretStr | None = None
    whatsapp_phone_id: str | None = None

    @model_validator(mode="after")
    def _somebody_to_speak_for(self) -> Self:
        if self.telegram_token is None and self.whatsapp_token is None:
            raise ValueError("give TELEGRAM_TOKEN, or WHATSAPP_TOKEN with WHATSAPP_PHONE_ID")
        if self.whatsapp_token is not None and self.whatsapp_phone_id is None:
            raise ValueError("WHATSAPP_TOKEN needs WHATSAPP_PHONE_ID beside it")
        return self
