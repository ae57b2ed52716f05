"""What an account says of its templates, as far as this process knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict

from notifier.templates.catalogue import LANGUAGE_CODES, Language

KNOWN_FOR = timedelta(days=1)
"""What Meta said longer ago is no reason to keep something from somebody: it is tried."""

Usable = Literal["yes", "no", "unknown"]


class Approval(BaseModel):
    """One template in one language."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: str
    """Meta's word in lower case: approved, pending, rejected, paused, disabled, …"""
    category: str = ""
    """Meta's own word, which may not be ours."""
    reason: str | None = None


class Account(BaseModel):
    """The document under `templates.<WhatsApp business account>`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    synced_at: AwareDatetime | None = None
    """When Meta last told."""
    asked_at: AwareDatetime | None = None
    """When some replica last began to ask."""
    doubted_at: AwareDatetime | None = None
    """When a message last showed that it is not as Meta had told."""
    told: tuple[str, ...] = ()
    """What the admin was last told may not be sent, and will not be without somebody's doing."""
    refusal: str | None = None
    """Why Meta did not tell the last time, as a sentence."""
    approvals: Mapping[str, Approval] = {}
    """By `name/language`, in Meta's codes."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """What decisions go by."""

    account: Account = field(default_factory=Account)
    known: bool = False
    """Meta has told, and not too long ago."""

    @classmethod
    def as_of(cls, account: Account, now: datetime) -> "Approvals":
        """What an account's document is worth now.

        One that lists nothing of ours is new, and somebody may be submitting at this moment.
        """
        synced_at = account.synced_at
        fresh = synced_at is not None and now - synced_at <= KNOWN_FOR
        return cls(account, known=fresh and bool(account.approvals))

    def of(self, name: str, language: Language) -> Approval | None:
        """What Meta says of the template; None where it says nothing."""
        return self.account.approvals.get(key(name, LANGUAGE_CODES[language]))

    def usable(self, name: str, language: Language) -> Usable:
        """Whether it may be sent."""
        approval = self.of(name, language)
        if approval is not None and approval.status == "approved":
            return "yes"
        return "no" if self.known else "unknown"


NOTHING_KNOWN = Approvals()

DOUBTS: Mapping[str, str] = MappingProxyType(
    {
        "whatsapp-132001": "missing",
        "whatsapp-132015": "paused",
        "whatsapp-132016": "disabled",
    }
)
"""What a refused message says of its template."""


class AccountTemplates(Protocol):
    """The templates of one number, as decisions need them."""

    def approvals(self) -> Approvals:
        """What is known of them now."""
        ...

    async def doubt(self, name: str, language: Language, status: str) -> None:
        """A message has shown that one may not be sent: `status` is what the refusal tells.

        Raises:
            Unavailable: the broker does not answer.
        """
        ...


class NoTemplates:
    """Of a channel that knows neither windows nor templates."""

    def approvals(self) -> Approvals:
        """Nothing."""
        return NOTHING_KNOWN

    async def doubt(self, name: str, language: Language, status: str) -> None:
        """Nobody said so."""


def key(name: str, language_code: str) -> str:
    """Under which an approval is kept."""
    return f"{name}/{language_code}"
