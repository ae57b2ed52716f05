"""What our bots and numbers are called, as the platforms themselves say."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from contracts import AccountsAnswer, ListAccounts, TelegramAccount, WhatsAppAccount
from notifier.channel import Channel

REMEMBERED_SECONDS = 3600.0
"""Names change rarely; a new one is known within the hour."""
ASKED_AGAIN_SECONDS = 10.0
"""How long a platform that did not answer is left in peace."""


class Accounts:
    """Answers `ListAccounts`; a platform is asked when somebody wants to know, and not before."""

    def __init__(self, channels: Callable[[], Sequence[Channel[Any]]]) -> None:
        """Answer for the channels of the moment, in their order."""
        self._channels = channels
        self._names: dict[tuple[str, str], _Name] = {}

    async def list_accounts(self, _query: ListAccounts) -> AccountsAnswer:
        """Every account whose name is known; the others are left out."""
        channels = self._channels()
        names = await asyncio.gather(*(self._name(channel) for channel in channels))
        found = [(one, name) for one, name in zip(channels, names, strict=True) if name]
        return AccountsAnswer(
            telegram=tuple(
                TelegramAccount(account=channel.account, username=name)
                for channel, name in found
                if channel.platform == "telegram"
            ),
            whatsapp=tuple(
                WhatsAppAccount(account=channel.account, phone=name)
                for channel, name in found
                if channel.platform == "whatsapp"
            ),
        )

    async def _name(self, channel: Channel[Any]) -> str | None:
        name = self._names.setdefault((channel.platform, channel.account), _Name())
        return await name.known(channel)


class _Name:
    """The name of one account; many who ask at once are one question to the platform."""

    def __init__(self) -> None:
        self._name: str | None = None
        self._ask_after = float("-inf")
        self._asking = asyncio.Lock()

    async def known(self, channel: Channel[Any]) -> str | None:
        """The name, asked for if it is old; an old one is better than none."""
        async with self._asking:
            if time.monotonic() >= self._ask_after:
                name = await channel.public_name()
                self._name = name or self._name
                pause_seconds = REMEMBERED_SECONDS if name else ASKED_AGAIN_SECONDS
                self._ask_after = time.monotonic() + pause_seconds
            return self._name
