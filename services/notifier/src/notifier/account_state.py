"""Whether a platform lets an account send, as all replicas know it: pure functions of a document.

    working ── a refusal that needs a human ──> stopped
    stopped ── a probe finds the token good ──> working, or trying where only a message can tell
    trying  ── a message was taken ──> working
    trying  ── refused again ──> stopped, and the next try comes later

From `stopped` to the `working` after it is one episode, which the admin hears of twice.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime

from contracts import Platform, derived_id
from contracts.ids import TURNOUT
from contracts.model import Value
from notifier.verdicts import Cause, Stopped

PROBE_EVERY = timedelta(seconds=30)
TRIAL_AFTER_MAX = timedelta(hours=6)
"""What only a message can show is tried this seldom at last."""
COUNTED_QUIET = timedelta(seconds=15)
"""Nothing late was sent for so long: what had waited is sent, and can be counted up."""
COUNTED_MIN, COUNTED_MAX = timedelta(seconds=10), timedelta(minutes=10)
"""After the end of an episode, until it is counted up."""
TELL_AGAIN_AFTER = timedelta(seconds=30)
"""Nobody else tells the admin while somebody has just begun to."""
TOKEN_ARRIVES_MAX = timedelta(minutes=5)
"""So long a new token may take until every replica has it; an orchestrator needs one or two."""
WARN_AHEAD = timedelta(days=7)
"""Before a token expires."""

Moment = Literal["stopped", "resumed"]


class AccountState(Value):
    """The document under `account.<platform>.<account>`; it evolves by addition."""

    version: int = 1
    state: Literal["working", "stopped", "trying"] = "working"
    episode: UUID | None = None
    reason: str = ""
    """A code such as `whatsapp-190`."""
    cause: Cause = "other"
    stopped_at: AwareDatetime | None = None
    probed_at: AwareDatetime | None = None
    """When some replica last took it on itself to ask the platform."""
    trial_at: AwareDatetime | None = None
    """Not before this is a message tried; None: the probe alone tells."""
    trials: int = 0
    resumed_at: AwareDatetime | None = None
    """When it was let go on; messages older than this were sent late."""
    late: int = 0
    expired: int = 0
    counted_at: AwareDatetime | None = None
    """When something was last counted."""
    told: tuple[Moment, ...] = ()
    telling_at: AwareDatetime | None = None
    """When some replica last took it on itself to tell the admin."""
    proven: str | None = None
    """Which token was found good last, by its mark."""
    warned_on: date | None = None
    """When the admin was last told that the token expires soon."""
    templates_told: Mapping[str, date] = {}
    """When the admin was last told that a template is refused, by its name."""

    @property
    def is_open(self) -> bool:
        """Whether results count: the account does not work, or has just begun to again."""
        return self.episode is not None and "resumed" not in self.told

    def stop(self, platform: Platform, account: str, verdict: Stopped, now: datetime) -> Self:
        """The platform refused everything."""
        if self.state == "stopped":
            return self
        trial_at = None
        if verdict.trial_after_seconds:
            seconds = timedelta(seconds=verdict.trial_after_seconds) * 2**self.trials
            trial_at = now + min(seconds, TRIAL_AFTER_MAX)
        update: dict[str, object] = {
            "state": "stopped",
            "reason": verdict.reason,
            "cause": verdict.cause,
            "trial_at": trial_at,
            # It was refused just now: there is no use in asking at once.
            "probed_at": now,
        }
        if self.state == "working" and not (self.is_open and self.resumed_at is not None):
            update |= {
                "episode": derived_id(TURNOUT, f"stopped:{platform}:{account}:{now.isoformat()}"),
                "stopped_at": now,
                "trials": 0,
                "resumed_at": None,
                "late": 0,
                "expired": 0,
                "counted_at": None,
                "told": (),
            }
        return self.model_copy(update=update)

    def may_probe(self, now: datetime, every: timedelta = PROBE_EVERY) -> bool:
        """Whether it is time to ask the platform, without a message to anybody."""
        if self.state != "stopped" or (self.trial_at is not None and now < self.trial_at):
            return False
        return self.probed_at is None or now - self.probed_at >= every

    def probing(self, now: datetime) -> Self:
        """This replica asks; the others leave it alone meanwhile."""
        return self.model_copy(update={"probed_at": now})

    def resume(self, token_mark: str, now: datetime, *, conclusive: bool) -> Self:
        """The platform takes the token.

        Args:
            token_mark: which token.
            now: business time.
            conclusive: there was an answer; without one only a message can show anything, as it is
                where the reason was not the token.
        """
        if self.state != "stopped":
            return self
        update: dict[str, object] = {"proven": token_mark, "resumed_at": now}
        if self.trial_at is None and conclusive:
            update |= {"state": "working", "counted_at": now}
        else:
            update |= {"state": "trying", "trials": self.trials + 1}
        return self.model_copy(update=update)

    def took(self, now: datetime) -> Self:
        """The platform took a message."""
        if self.state != "trying":
            return self
        return self.model_copy(update={"state": "working", "resumed_at": now, "counted_at": now})

    def count(self, *, late: int, expired: int, now: datetime) -> Self:
        """More results of messages that had to wait."""
        if not self.is_open or not (late or expired):
            return self
        update = {"late": self.late + late, "expired": self.expired + expired, "counted_at": now}
        return self.model_copy(update=update)

    def untold(self, now: datetime) -> Moment | None:
        """What the admin is to hear now."""
        if self.episode is None:
            return None
        if "stopped" not in self.told:
            return "stopped"
        if "resumed" in self.told or self.state != "working" or self.resumed_at is None:
            return None
        since = now - self.resumed_at
        quiet = now - (self.counted_at or self.resumed_at)
        if since >= COUNTED_MAX or (since >= COUNTED_MIN and quiet >= COUNTED_QUIET):
            return "resumed"
        return None

    def telling(self, now: datetime) -> Self:
        """This replica tells the admin, if there is something to tell; the others leave it alone
        meanwhile.
        """
        is_told = self.telling_at is not None and now - self.telling_at < TELL_AGAIN_AFTER
        if self.untold(now) is None or is_told:
            return self
        return self.model_copy(update={"telling_at": now})

    def and_told(self, moment: Moment) -> Self:
        """After the admin was told."""
        return self.model_copy(update={"told": (*self.told, moment), "telling_at": None})

    def telling_of_template(self, template: str, today: date) -> Self:
        """This replica tells that a template is refused: once a day."""
        if self.templates_told.get(template) == today:
            return self
        return self.model_copy(update={"templates_told": {**self.templates_told, template: today}})

    def without_template(self, template: str) -> Self:
        """It could not be told."""
        told = {name: day for name, day in self.templates_told.items() if name != template}
        return self.model_copy(update={"templates_told": told})

    def warning(self, expires_at: datetime | None, now: datetime) -> Self:
        """This replica warns of the token's end: each day, from a week before."""
        if expires_at is None or now < expires_at - WARN_AHEAD or self.warned_on == now.date():
            return self
        return self.model_copy(update={"warned_on": now.date()})

    def unwarned(self) -> Self:
        """It could not be told."""
        return self.model_copy(update={"warned_on": None})

    def knows_better_than(self, token_mark: str, now: datetime) -> bool:
        """Whether another token than this one was just found good: a new one reaches the replicas
        one after the other, and only who still has the old one stops.
        """
        if self.state != "working" or self.proven in (None, token_mark) or self.resumed_at is None:
            return False
        return now - self.resumed_at < TOKEN_ARRIVES_MAX
