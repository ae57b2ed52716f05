"""What the admin hears of our accounts: each thing once, whichever replica sees it first.

Whoever wins the write to the account's document tells; if that fails, somebody tries again.
"""

from datetime import datetime, timedelta

import structlog

from contracts import derived_id
from contracts.ids import TURNOUT
from notifier.account_documents import AccountDocuments, Key
from notifier.account_state import AccountState, Moment
from notifier.alerts import Alert, Alerts
from runtime.clock import Clock
from runtime.metrics import gauge

_expires = gauge(
    "turnout_token_expires_timestamp_seconds",
    "When an account's token expires, in seconds since 1970; only where that is known.",
    ("platform", "account"),
)

log = structlog.get_logger()


class AccountNews:
    """Tells the admin what an account's document says is to be told."""

    def __init__(self, clock: Clock, alerts: Alerts) -> None:
        self._clock = clock
        self._alerts = alerts

    async def of_stops(self, documents: AccountDocuments, key: Key) -> None:
        """That the account has stopped, or goes on."""
        now = self._clock.now()
        state, mine = await documents.change(key, lambda state: state.telling(now))
        moment = state.untold(now)
        if mine and moment is not None and await self._alerts.tell(_alert(key, moment, state)):
            await documents.change(key, lambda state: state.and_told(moment))

    async def of_its_token(
        self, documents: AccountDocuments, key: Key, known: AccountState, expires_at: datetime
    ) -> None:
        """That the token expires: each day, from a week before."""
        _expires.labels(platform=key[0], account=key[1]).set(expires_at.timestamp())
        now = self._clock.now()
        if known.warning(expires_at, now) == known:
            return
        _, mine = await documents.change(key, lambda state: state.warning(expires_at, now))
        if not mine:
            return
        left = expires_at - now
        log.warning("token expires", platform=key[0], account=key[1], days=left.days)
        alert = Alert(
            id=derived_id(TURNOUT, f"token-expires:{key[0]}:{key[1]}:{now.date()}"),
            kind="token-expires" if left > timedelta() else "token-expired",
            platform=key[0],
            account=key[1],
            length=left,
            date=expires_at,
        )
        if not await self._alerts.tell(alert):
            await documents.change(key, lambda state: state.unwarned())

    async def of_a_template(
        self, documents: AccountDocuments, key: Key, template: str, reason: str
    ) -> None:
        """That a template is refused: once a day."""
        today = self._clock.now().date()
        _, mine = await documents.change(
            key, lambda state: state.telling_of_template(template, today)
        )
        if not mine:
            return
        alert = Alert(
            id=derived_id(TURNOUT, f"template:{key[0]}:{key[1]}:{template}:{today}"),
            kind="template",
            platform=key[0],
            account=key[1],
            reason=reason,
            template=template,
        )
        if not await self._alerts.tell(alert):
            await documents.change(key, lambda state: state.without_template(template))


def _alert(key: Key, moment: Moment, state: AccountState) -> Alert:
    assert state.episode is not None
    length = None
    if state.stopped_at is not None and state.resumed_at is not None:
        length = state.resumed_at - state.stopped_at
    return Alert(
        id=derived_id(state.episode, moment),
        kind=moment,
        platform=key[0],
        account=key[1],
        reason=state.reason,
        cause=state.cause,
        length=length,
        counts={"late": state.late, "expired": state.expired},
    )
