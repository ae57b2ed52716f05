"""What the notifier is told by its environment."""

from typing import Literal

from pydantic import SecretStr

from runtime.settings import AccountSettings


class Settings(AccountSettings):
    """The chassis' settings, and whose messages go out; `senders` demands a token."""

    admin_telegram_chat: str | None = None
    """The chat's id, in figures, with a bot of ours that the admin has written to."""
    admin_language: Literal["en", "ru"] = "en"
    admin_email: str | None = None
    """Who hears of what Telegram cannot tell, by way of `smtp_url`."""
    smtp_url: SecretStr | None = None
    """`smtp://[user:password@]host:port`, or `smtps://` for TLS from the first byte."""
    parked_sweep_seconds: float = 20.0
    """Between two looks at what is parked, and whether every parked chat has a wake."""
