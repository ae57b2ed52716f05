"""What the notifier is told by its environment."""

from typing import Literal

from pydantic import Field, SecretStr

from notifier.pace import (
    TELEGRAM_CHAT_BURST,
    TELEGRAM_CHAT_INTERVAL_SECONDS,
    TELEGRAM_GROUP_BURST,
    TELEGRAM_GROUP_INTERVAL_SECONDS,
    WHATSAPP_PAIR_BURST,
    WHATSAPP_PAIR_INTERVAL_SECONDS,
    Pace,
    Paces,
)
from notifier.permits import REPLICAS_MAX
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
    mail_from: str | None = None
    """Who writes to people by e-mail: `Turnout <turnout@example.org>`. Without it, or without
    `smtp_url`, there is no e-mail to them."""
    account_probe_seconds: float = 30.0
    """Between two questions to a platform that refuses an account; they are no messages."""
    parked_sweep_seconds: float = 20.0
    """Between two looks at what is parked, and whether every parked chat has a wake."""
    notifier_replicas_max: int = Field(default=REPLICAS_MAX, ge=1)
    """Processes that share the limits: each keeps to its part while a ring does not answer."""
    telegram_chat_interval_seconds: float = Field(default=TELEGRAM_CHAT_INTERVAL_SECONDS, gt=0)
    telegram_chat_burst: int = Field(default=TELEGRAM_CHAT_BURST, ge=1)
    telegram_group_interval_seconds: float = Field(default=TELEGRAM_GROUP_INTERVAL_SECONDS, gt=0)
    telegram_group_burst: int = Field(default=TELEGRAM_GROUP_BURST, ge=1)
    whatsapp_pair_interval_seconds: float = Field(default=WHATSAPP_PAIR_INTERVAL_SECONDS, gt=0)
    whatsapp_pair_burst: int = Field(default=WHATSAPP_PAIR_BURST, ge=1)

    @property
    def paces(self) -> Paces:
        """How fast single chats may be written to."""
        return Paces(
            telegram_chat=Pace(self.telegram_chat_interval_seconds, self.telegram_chat_burst),
            telegram_group=Pace(self.telegram_group_interval_seconds, self.telegram_group_burst),
            whatsapp_pair=Pace(self.whatsapp_pair_interval_seconds, self.whatsapp_pair_burst),
        )
