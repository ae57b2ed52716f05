"""What the gateway is told by its environment."""

from typing import Literal

from runtime.settings import AccountSettings


class Settings(AccountSettings):
    """The chassis' settings, and whose webhooks come in; `accounts` checks the secrets."""

    webhook_hold_seconds: float = 19.0
    """How long a webhook waits while nothing can be stored, before it is refused; 0: not at all.

    Telegram waits 60 s for an answer. Meta does not say how long it does; 20 s are often told.
    """
    webhook_check_seconds: float = 300.0
    """Between two looks at what the platforms say of our webhooks; 0: never."""
    admin_telegram_chat: str | None = None
    """The chat's id, in figures, with a bot of ours that the admin has written to."""
    admin_language: Literal["en", "ru"] = "en"
