"""What can be wrong with a webhook, in words and with a remedy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from contracts import Platform

Name = Literal[
    # Telegram
    "no-webhook",
    "url",
    "allowed-updates",
    "max-connections",
    "certificate",
    "secret",
    "failing",
    "pending",
    # WhatsApp
    "not-subscribed",
    "callback",
    "overridden",
    "handshake",
    "fields",
    "app-secret",
    # both
    "token",
    "refused",
    "away",
]
NAMES: tuple[Name, ...] = get_args(Name)
"""All of them; they label a metric and so are few."""

PASSING: frozenset[Name] = frozenset({"away", "pending", "failing"})
"""They come and go by themselves: nobody is told of one that was seen once."""

REPAIR = "./task webhooks -- repair"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. No part of it holds a token or a secret."""

    name: Name
    says: str
    remedy: str = REPAIR


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a platform says of one account's webhook."""

    platform: Platform
    account: str
    title: str = ""
    """What people call it: the bot's @name, or the number."""
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    pending_updates: int | None = None
    """How many wait at the platform; only Telegram tells."""
    is_known: bool = True
    """False: the platform could not be asked, so that what is not found is not well either."""


class Webhook(Protocol):
    """One account's webhook, seen from the platform's side."""

    platform: Platform
    account: str

    async def inspect(self) -> Report:
        """Ask the platform and compare; what goes wrong is a finding and never raised."""
        ...

    async def register(self) -> list[str]:
        """Set everything, and say what was set.

        Raises:
            CannotSet: the platform refuses or does not answer.
        """
        ...

    async def repair(self) -> list[str]:
        """Set only what differs, and say what was set; nothing, if nothing differs.

        Raises:
            CannotSet: the platform refuses or does not answer.
        """
        ...


class CannotSet(Exception):
    """The platform did not take a setting; `finding` says why and what to do."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.says)
        self.finding = finding
