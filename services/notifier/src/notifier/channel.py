"""What a platform must be able to do; one file per platform does it."""

from typing import Any, Protocol, TypeVar, runtime_checkable

from contracts import OutboundMessage, Platform
from notifier.verdicts import Verdict

NAME_SECONDS_MAX = 3.0
"""How long a platform may think about what an account is called."""
PROBE_SECONDS_MAX = 10.0
"""How long it may think about whether a token is good."""

R = TypeVar("R")
"""One request in the platform's own form: one message in the person's chat."""


class Refused(Exception):
    """A preparation failed; nothing was sent."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Channel(Protocol[R]):
    """One account of one platform."""

    @property
    def platform(self) -> Platform:
        """Which platform."""
        ...

    @property
    def account(self) -> str:
        """Which account; a message for another one is not ours to send."""
        ...

    def render(self, message: OutboundMessage, *, by_template: bool) -> tuple[R, ...]:
        """The requests that say the message, in order; a pure function of its arguments."""
        ...

    async def prepare(self, request: R) -> R:
        """Do what comes before the call and may be repeated, such as an upload.

        Raises:
            Refused: it did not work.
        """
        ...

    async def send(self, message: OutboundMessage, request: R) -> Verdict:
        """The call. It never raises for what a platform or a network does."""
        ...

    async def public_name(self) -> str | None:
        """How people find the account: the bot's username, or the number's digits.

        None when the platform does not say, or not within `NAME_SECONDS_MAX`. The question is no
        message and counts against none of the limits that permits keep.
        """
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


@runtime_checkable
class Probed(Protocol):
    """A channel that can be asked, without a message to anybody, whether its token is good."""

    async def probe(self) -> Verdict:
        """`Accepted` when it is; never raises for what a platform or a network does.

        The question counts against none of the limits that permits keep.
        """
        ...


@runtime_checkable
class Drops(Protocol):
    """A channel that must hear of it when a prepared request is not sent after all."""

    def drop(self, request: Any) -> None:
        """Nothing comes of it now: whoever waits for its upload is told."""
        ...
