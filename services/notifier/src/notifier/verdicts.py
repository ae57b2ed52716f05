"""What a platform's answer means for the message.

    Verdict
    ├── Accepted      the platform has it
    ├── Throttled     not now: this chat, or the whole account, must wait
    ├── Later         the platform stumbled over this message: a few more tries
    ├── Down          the platform does not work or cannot be reached: hold everything
    ├── Stopped       the platform refuses the account until a human acts: hold everything
    ├── Moved         the chat has another id from now on: the same call once more, to that one
    ├── Failed        never: this message is wrong
    ├── Gone          never: this person cannot be written to until they write again
    ├── MediaGone     the platform does not know an upload any more: upload it again
    ├── WindowClosed  WhatsApp's 24 hours are over: a template, or nothing
    └── Unknown       the answer was lost; the platform may or may not have it

All but `Accepted` and `Unknown` say that the message was certainly not taken.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One outcome of one call."""

    reason: str = ""
    """A short code such as `telegram-403`; never a platform's sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Verdict):
    """The platform has the message."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttled(Verdict):
    """Too fast."""

    scope: Literal["chat", "pair", "account"] = "chat"
    """Who has to wait: the chat, the pair of numbers (WhatsApp's word for a chat), or all."""
    after_seconds: float | None = None
    """What the platform asked for; None when it named no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later(Verdict):
    """The platform failed at this one message."""

    tries_max: int = 3
    """Refusals of this message after which it counts as failed."""
    after_seconds: float | None = None
    """Before the next try; None: the usual waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(Verdict):
    """The platform as a whole does not work; it comes back by itself."""


Cause = Literal["token", "permission", "payment", "ban", "limit", "number", "rival", "other"]
"""Why an account is stopped, as far as a code tells; the words for it are in `alerts.toml`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Verdict):
    """Token, permission, payment or a ban: nothing goes out until a human has acted."""

    cause: Cause = "other"
    trial_after_seconds: float = 0.0
    """A question that costs nothing tells when a token is right again. It does not tell when a ban
    or a payment is over: only a message does, and not before this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Verdict):
    """Not sent: the chat is known by another id now."""

    chat_id: str


Effect = Literal["marketing-stopped", "marketing-rests", "template-unusable", "template-wrong"]
"""What else a refusal tells: the person wants no marketing at all, or gets none for a day; the
template may not be used (paused, disabled), or does not fit what we send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Verdict):
    """The platform will never take this message."""

    effect: Effect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone(Verdict):
    """The person blocked us, left, or was never there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaGone(Verdict):
    """The message named a file that the platform has forgotten; it is forgotten here as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClosed(Verdict):
    """Only a template may be sent to this person now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Verdict):
    """No answer, or none that can be read."""
