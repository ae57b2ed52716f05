"""What our bots and numbers are called, as the platforms themselves say."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from contracts import AccountsAnswer, ListAccounts, TelegramAccount, WhatsAppAccount
from notifier.channel import Channel

REMEMBERED_SECONDS = 3600.0
"""Names change rarely; a new one is known within the hour."""
ASKED_AGAIN_SECONDS = 10.0
"""How long a platform that did not answer is left in peace."""


class Accounts:
    """Answers `ListAccounts`; a platform is asked when somebody wants to know, and not before."""

    def __init__(self, channels: Sequence[Channel[Any]]) -> None:
        self._names = [_Name(channel) for channel in channels]

    async def list_accounts(self, _query: ListAccounts) -> AccountsAnswer:
        """Every account whose name is known; the others are left out."""
        names = await asyncio.gather(*(name.known() for name in self._names))
        found = [(one.channel, name) for one, name in zip(self._names, names, strict=True) if name]
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


class _Name:
    """The name of one account; many who ask at once are one question to the platform."""

    def __init__(self, channel: Channel[Any]) -> None:
        self.channel = channel
        self._name: str | None = None
        self._ask_after = float("-inf")
        self._asking = asyncio.Lock()

    async def known(self) -> str | None:
        """The name, asked for if it is old; an old one is better than none."""
        async with self._asking:
            if time.monotonic() >= self._ask_after:
                name = await self.channel.public_name()
                self._name = name or self._name
                pause_seconds = REMEMBERED_SECONDS if name else ASKED_AGAIN_SECONDS
                self._ask_after = time.monotonic() + pause_seconds
            return self._name
