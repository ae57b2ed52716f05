"""What the notifier is told by its environment."""

from runtime.settings import AccountSettings


class Settings(AccountSettings):
    """The chassis' settings, and whose messages go out; `senders` demands a token."""
