"""Settings of the conversation."""

from typing import Literal

from pydantic import SecretStr, model_validator

from conversation.texts import Language
from runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """Where dialogue states are kept, and whom to tell of an outage."""

    state_store: Literal["jetstream", "redis"] = "jetstream"
    redis_url: SecretStr | None = None
    """`redis://[user:password@]host:port/number`, or `rediss://` for TLS."""
    admin_telegram_chat: str | None = None
    """The chat's id, in figures, with a bot of ours that the admin has written to."""
    admin_language: Language = "en"

    @model_validator(mode="after")
    def _redis_has_a_place(self) -> "Settings":
        if self.state_store == "redis" and self.redis_url is None:
            raise ValueError(
                "STATE_STORE=redis needs REDIS_URL, such as redis://127.0.0.1:6379/0; "
                "leave STATE_STORE out to keep states in JetStream"
            )
        return self
