"""An account that its platform refuses stops on every replica, and goes on by itself.

Each account has a document `account.<platform>.<account>` in the bucket of peers; every replica
looks at it once a second. While the account is stopped its messages wait (`notifier.parking`), and
one replica at a time asks the platform, by a question that is no message, whether the token is good
again. A new token is tried at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self

import structlog

from contracts import DeliveryStatus, OutboundMessage
from contracts.topology import PEERS
from notifier.account_documents import AccountDocuments, Key
from notifier.account_news import AccountNews
from notifier.account_state import PROBE_EVERY, AccountState
from notifier.alerts import Alerts
from notifier.channel import Channel, Probed
from notifier.outage import Outage
from notifier.verdicts import Accepted, Stopped
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.metrics import gauge

LOOK_SECONDS = 1.0
"""Between two looks at the document; a stop reaches every replica within this."""
COPIES_MAX = 20
"""Messages to the admin that are to be mailed; a server that is away must not make it a heap."""

_stopped = gauge(
    "turnout_account_stopped",
    "1 while nothing goes out by an account because a human must act; alarm.",
    ("platform", "account"),
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Spoken:
    """An account as this process speaks for it now."""

    channel: Channel[Any]
    outage: Outage
    token_mark: str
    """Tells one token from the next, and nothing about either."""
    expires_at: datetime | None = None
    """When the token does, as far as we were told."""


@dataclass(frozen=True, slots=True)
class AccountWatch:
    """What one account's sender reports."""

    stop: Callable[[Stopped], Awaitable[None]]
    """The platform refuses the account: nothing goes out by it, on no replica."""
    template_refused: Callable[[str, str], None]
    """A template, by its name, is not taken, for this reason; the admin hears of it."""
    waits: Callable[[OutboundMessage], None]
    """A message waits for the account; if it is for the admin, it goes another way as well."""


@dataclass(slots=True)
class _Here:
    """What this process alone knows of an account."""

    token_mark: str
    ask_at_once: bool = True
    """The token is new here: it is tried without waiting for a turn."""
    only_here: bool = False
    """Others have a better token; this process asks with its own until it has it too."""
    asked_at: datetime | None = None
    late: int = 0
    expired: int = 0
    took: bool = False
    templates: dict[str, str] = field(default_factory=dict)
    """What the admin is to hear of: templates, and why they are refused."""


class Credentials:
    """Watches while it is entered."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        alerts: Alerts,
        spoken: Callable[[], Mapping[Key, Spoken]],
        *,
        admin_chat: str | None = None,
        probe_every: timedelta = PROBE_EVERY,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Watch, once it is entered.

        Args:
            broker: where the documents are.
            clock: business time.
            alerts: how the admin is told.
            spoken: the accounts of the moment.
            admin_chat: the admin's chat with a bot of ours.
            probe_every: between two questions to a platform that refuses.
            look_seconds: between two looks.
        """
        self._probe_every = probe_every
        self._broker = broker
        self._clock = clock
        self._alerts = alerts
        self._news = AccountNews(clock, alerts)
        self._admin_chat = admin_chat
        self._copies: list[OutboundMessage] = []
        self._spoken = spoken
        self._look_seconds = look_seconds
        self._here: dict[Key, _Here] = {}
        self._known: dict[Key, AccountState] = {}
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._documents = AccountDocuments(await self._broker.bucket(PEERS))
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    def watch(self, key: Key) -> AccountWatch:
        """For the account's sender."""
        return AccountWatch(
            partial(self.stop, key), partial(self._template_refused, key), self._waits
        )

    async def stop(self, key: Key, verdict: Stopped) -> None:
        """The platform refuses the account: nothing goes out by it, on no replica."""
        spoken = self._spoken().get(key)
        if spoken is None:
            return
        spoken.outage.hold(verdict.reason)
        here, now = self._of(key, spoken), self._clock.now()
        try:
            state, changed = await self._documents.change(
                key,
                lambda state: (
                    state
                    if state.knows_better_than(spoken.token_mark, now)
                    else state.stop(*key, verdict, now)
                ),
            )
        except Unavailable:
            # The others meet the refusal themselves; this process asks until it hears better.
            here.only_here = True
            return
        here.only_here = state.state != "stopped"
        if changed:
            log.error("account stopped", platform=key[0], account=key[1], reason=verdict.reason)

    def settled(self, message: OutboundMessage, status: DeliveryStatus) -> None:
        """A message has its result; counted while its account is stopped, and just after."""
        key = (message.address.platform, message.address.account)
        state = self._known.get(key)
        if state is None or not state.is_open or (spoken := self._spoken().get(key)) is None:
            return
        here = self._of(key, spoken)
        if status == "expired":
            here.expired += 1
        elif status == "accepted":
            here.took = True
            if state.resumed_at is not None and message.occurred_at < state.resumed_at:
                here.late += 1

    async def _watch(self) -> None:
        while True:
            looks = [self._look_safely(key, one) for key, one in self._spoken().items()]
            await asyncio.gather(*looks, self._mail_copies())
            await asyncio.sleep(self._look_seconds)

    async def _mail_copies(self) -> None:
        while self._copies and await self._alerts.copy(self._copies[0]):
            del self._copies[0]

    async def _look_safely(self, key: Key, spoken: Spoken) -> None:
        try:
            await self._look(key, spoken)
        except Unavailable:
            pass  # without the broker nothing goes out anyway
        except Exception:  # a bug in here must not end the watch for good
            log.exception("the look at an account failed", platform=key[0], account=key[1])

    async def _look(self, key: Key, spoken: Spoken) -> None:
        here = self._of(key, spoken)
        state = await self._documents.read(key)
        if state.state == "stopped":
            spoken.outage.hold(state.reason)
            here.only_here = False
        elif not here.only_here:
            spoken.outage.release(by_trial=state.state == "trying")
        state = await self._count(key, here, state)
        if state.state == "stopped" or here.only_here:
            await self._ask(key, spoken, here, state)
        else:
            here.ask_at_once = False
        self._known[key] = state
        if state.untold(self._clock.now()) is not None:
            await self._news.of_stops(self._documents, key)
        if spoken.expires_at is not None:
            await self._news.of_its_token(self._documents, key, state, spoken.expires_at)
        while here.templates:
            template, reason = here.templates.popitem()
            await self._news.of_a_template(self._documents, key, template, reason)
        _stopped.labels(platform=key[0], account=key[1]).set(spoken.outage.held)

    async def _count(self, key: Key, here: _Here, state: AccountState) -> AccountState:
        late, expired, took = here.late, here.expired, here.took
        if not (late or expired or took):
            return state
        now = self._clock.now()

        def counted(state: AccountState) -> AccountState:
            state = state.took(now) if took else state
            return state.count(late=late, expired=expired, now=now)

        state, _ = await self._documents.change(key, counted)
        here.late, here.expired, here.took = here.late - late, here.expired - expired, False
        return state

    async def _ask(self, key: Key, spoken: Spoken, here: _Here, state: AccountState) -> None:
        """Ask the platform whether the token is good, if it is this process's turn."""
        now = self._clock.now()
        if here.only_here or here.ask_at_once:
            if not here.ask_at_once and here.asked_at and now - here.asked_at < self._probe_every:
                return
            here.ask_at_once, here.asked_at = False, now
        else:
            _, mine = await self._documents.change(
                key,
                lambda state: (
                    state.probing(now) if state.may_probe(now, self._probe_every) else state
                ),
            )
            if not mine:
                return
        can_be_asked = isinstance(spoken.channel, Probed)
        verdict = await spoken.channel.probe() if isinstance(spoken.channel, Probed) else Accepted()
        log.info(
            "account asked",
            platform=key[0],
            account=key[1],
            answer=verdict.reason or type(verdict).__name__,
        )
        if not isinstance(verdict, Accepted):
            return
        if here.only_here:
            here.only_here = False
            return
        await self._documents.change(
            key,
            lambda state: state.resume(
                spoken.token_mark, self._clock.now(), conclusive=can_be_asked
            ),
        )

    def _template_refused(self, key: Key, template: str, reason: str) -> None:
        spoken = self._spoken().get(key)
        if spoken is not None:
            self._of(key, spoken).templates[template] = reason

    def _waits(self, message: OutboundMessage) -> None:
        is_new = len(self._copies) < COPIES_MAX
        if is_new and message.address.chat_id == self._admin_chat:
            self._copies.append(message)

    def _of(self, key: Key, spoken: Spoken) -> _Here:
        here = self._here.get(key)
        if here is None or here.token_mark != spoken.token_mark:
            here = self._here[key] = _Here(spoken.token_mark)
        return here
