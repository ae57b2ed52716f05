"""Which bot or number a token speaks for."""

from pydantic import SecretStr


def telegram_account(token: SecretStr) -> str:
    """The bot's id: the digits before the colon of its token.

    Raises:
        ValueError: this is no token of BotFather's.
    """
    account, separator, _ = token.get_secret_value().partition(":")
    if not separator or not account.isdigit():
        raise ValueError("TELEGRAM_TOKEN looks like 123456:ABC…; ask @BotFather for it")
    return account
