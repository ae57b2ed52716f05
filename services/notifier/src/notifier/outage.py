"""While a platform is away, one message at a time tries whether it is back."""

import math
import time
from collections import deque
from collections.abc import Callable

import structlog

from runtime.failures import Unavailable

TRIAL_SECONDS_MIN, TRIAL_SECONDS_MAX = 0.5, 5.0
"""Between two trials: it doubles up to what a person would still call soon."""
TRIAL_ENDS_SECONDS = 90.0
"""A trial that never told its end (its handler was stopped) counts as over after this."""

STUMBLING_CHATS_MIN = 3
STUMBLING_KEPT_MAX = 64
STUMBLING_SECONDS = 60.0
"""A platform that fails at messages of so many chats within this time, and takes none, is away."""

REMEDY = "check the token and the account"

log = structlog.get_logger()


class Away(Unavailable):
    """The platform is; nothing was sent."""


class Outage:
    """Whether the channel works, as this process has seen it."""

    def __init__(
        self, platform: str, account: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._platform = platform
        self._account = account
        self._now = now
        self._reason: str | None = None
        self._next_trial_at = 0.0
        self._trial_seconds = TRIAL_SECONDS_MIN
        self._trying = False
        self._stumbles: deque[tuple[float, str]] = deque(maxlen=STUMBLING_KEPT_MAX)
        self._held = False

    @property
    def held(self) -> bool:
        """Whether it needs a human, so that no message tries whether it is over."""
        return self._held

    @property
    def reason(self) -> str | None:
        """Why nothing goes out, for the operator; None when all is well."""
        return self._reason

    def check(self) -> None:
        """Cheap refusal before any work.

        Raises:
            Away: the platform is, and it is not yet time to try again.
        """
        if self._reason is not None and self._now() < self._next_trial_at:
            raise self.away()

    def admit(self) -> None:
        """Let a call through; in an outage only one, the trial.

        Raises:
            Away: as `check`, or somebody else is trying.
        """
        self.check()
        if self._reason is not None:
            self._trying = True
            self._next_trial_at = self._now() + TRIAL_ENDS_SECONDS

    def hold(self, reason: str) -> None:
        """The platform refuses the account, until `release`; no message tries before."""
        reason = f"{reason}: {REMEDY}"
        if self._reason != reason:
            self._say(log.error, "channel stopped", reason, needs_human=True)
        self._reason, self._held, self._trying = reason, True, False
        self._next_trial_at = math.inf

    def release(self, *, by_trial: bool) -> None:
        """End what `hold` began.

        Args:
            by_trial: only a message can show whether the platform takes any; the next one does.
        """
        if not self._held:
            return
        self._held = False
        if by_trial:
            self._trial_seconds, self._next_trial_at = TRIAL_SECONDS_MIN, self._now()
        else:
            self.end()

    def begin(self, reason: str) -> None:
        """The platform could not be reached, or is in trouble."""
        if self._held:
            return
        if self._reason != reason:
            self._say(log.warning, "channel stopped", reason, needs_human=False)
        if self._reason is None:
            self._wait(TRIAL_SECONDS_MIN)
        elif self._trying or self._now() >= self._next_trial_at:
            self._wait(min(self._trial_seconds * 2, TRIAL_SECONDS_MAX))
        # Else it is one of many calls that were under way when the outage began: nothing new.
        self._reason = reason

    def stumbled(self, chat_id: str, reason: str) -> bool:
        """The platform failed at a message and does not say why; is it the platform, not the
        message? It is when it fails at those of several chats, or goes on to fail at everything.
        """
        now = self._now()
        self._stumbles.append((now, chat_id))
        while self._stumbles[0][0] < now - STUMBLING_SECONDS:
            self._stumbles.popleft()
        chats = {chat for _, chat in self._stumbles}
        if self._reason is None and len(chats) < STUMBLING_CHATS_MIN:
            return False
        self.begin(reason)
        return True

    def end(self) -> None:
        """The platform answered as one that works."""
        if self._held:
            return  # a call that was under way when the token was taken back
        if self._reason is not None:
            self._say(log.info, "channel works again", self._reason)
        self._reason, self._trying = None, False
        self._stumbles.clear()

    def try_again(self) -> None:
        """The trial ended without telling anything; the next one may begin."""
        if self._trying:
            self._wait(self._trial_seconds)

    def away(self) -> Away:
        """The failure that holds what is for this account, and names the cause."""
        return Away(f"{self._platform} ({self._reason})")

    def _say(self, say: Callable[..., object], what: str, reason: str, **more: object) -> None:
        say(what, platform=self._platform, account=self._account, reason=reason, **more)

    def _wait(self, seconds: float) -> None:
        self._trying = False
        self._trial_seconds = seconds
        self._next_trial_at = self._now() + seconds
