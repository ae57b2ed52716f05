"""Looks at our webhooks every few minutes, shows it, and tells the admin.

However many gateways run, one of them looks at a time: whoever wins the write to the document. The
others read there what it found, so that every one shows the same; and what the admin was not told
yet is told by the next.
"""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

import structlog
from nats.js.errors import NotFoundError

from contracts import Address, OutboundMessage
from contracts.topology import WEBHOOKS
from gateway.settings import Settings
from gateway.webhooks.addresses import public_url
from gateway.webhooks.asking import client
from gateway.webhooks.every import webhooks_of
from gateway.webhooks.findings import NAMES, Report
from gateway.webhooks.troubles import Trouble, Troubles
from gateway.webhooks.words import Moment, in_words
from runtime.accounts import AccountBook, read_accounts
from runtime.broker import UNREACHABLE
from runtime.documents import Conflict, Documents
from runtime.failures import Unavailable
from runtime.metrics import gauge
from runtime.service import Service
from runtime.settings import Misconfigured

KEY = "troubles"
GRACE_SECONDS = 20.0
"""After the start, in which an installation comes up and is registered."""
JITTER = (0.8, 1.2)
"""Gateways that were started together must not look together."""
TURN = 0.7
"""Of the interval: so long after a look nobody else begins one."""

_findings = gauge(
    "turnout_webhook_findings",
    "1 while something is wrong with an account's webhook at its platform.",
    ("platform", "account", "finding"),
)
_pending = gauge("turnout_webhook_pending_updates", "Updates that wait at Telegram.", ("account",))
_looked = gauge(
    "turnout_webhooks_looked_at_seconds",
    "When a gateway looked at the webhooks last, in seconds since 1970.",
)

log = structlog.get_logger()


def watch_webhooks(service: Service, settings: Settings) -> None:
    """Watch as long as the service runs, if the platforms can be asked and it is said what for."""
    if not settings.webhook_check_seconds:
        return
    try:
        url = public_url(settings.public_url, is_demo=settings.turnout_test)
    except Misconfigured as error:
        log.warning("the webhooks are not looked after", problem=str(error))
        return
    watch = Watch(service, settings, url)
    service.own(watch)
    service.detail("webhooks", watch.shown)


class Watch:
    """Looks while it is entered."""

    def __init__(self, service: Service, settings: Settings, url: str) -> None:
        self._broker = service.broker
        self._clock = service.clock
        self._settings = settings
        self._url = url
        self._book = AccountBook()
        self._last: Troubles | None = None
        self._problem: str | None = None
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
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

    async def shown(self) -> object:
        """For /health: when somebody looked last, and what was wrong."""
        if self._last is None:
            return None
        return {
            "looked_at": self._last.looked_at.isoformat(timespec="seconds"),
            "findings": [
                f"{trouble.platform} {trouble.account}: {trouble.finding}"
                for trouble in self._last.open
            ],
        }

    async def _watch(self) -> None:
        interval_seconds = self._settings.webhook_check_seconds
        await asyncio.sleep(random.uniform(0.5, 1) * min(GRACE_SECONDS, interval_seconds))  # noqa: S311
        while True:
            problem = None
            try:
                await self._turn()
            except (Conflict, Unavailable):
                pass  # another gateway was first, or nobody can be told anything: the next turn
            except NotFoundError:  # before its kin, which mean that the broker is away
                problem = "the bucket of the webhooks is missing; run `task streams`"
            except UNREACHABLE:
                pass
            except Misconfigured as error:
                problem = str(error)
            except Exception:  # a bug in here must not end the watch for good
                log.exception("the look at the webhooks failed")
            if problem not in (None, self._problem):
                log.warning("the webhooks cannot be looked at", problem=problem)
            self._problem = problem
            await asyncio.sleep(interval_seconds * random.uniform(*JITTER))  # noqa: S311

    async def _turn(self) -> None:
        documents = await self._broker.bucket(WEBHOOKS)
        found = await documents.read(KEY)
        now = self._clock.now()
        # Read anew: tokens and accounts may stand in files.
        self._book = (await asyncio.to_thread(read_accounts, self._settings)).value
        interval = timedelta(seconds=self._settings.webhook_check_seconds) * TURN
        if found is not None:
            troubles, revision = Troubles.model_validate_json(found[0]), found[1]
            if troubles.is_due(interval, now):
                troubles = troubles.begun(now)
                revision = await _write(documents, troubles, revision)
                troubles, revision = await self._look(documents, troubles, revision)
        else:
            troubles = Troubles(looked_at=now)
            revision = await _write(documents, troubles, None)
            troubles, revision = await self._look(documents, troubles, revision)
        self._show(troubles)
        await self._tell(documents, troubles, revision)

    async def _look(
        self, documents: Documents, troubles: Troubles, revision: int
    ) -> tuple[Troubles, int]:
        after = troubles.after(await self._reports(), self._clock.now())
        revision = await _write(documents, after, revision)
        _note(troubles, after)
        return after, revision

    async def _reports(self) -> list[Report]:
        async with client() as http:
            # Behind the door: the way from here to our own public address may not exist.
            webhooks, _ = webhooks_of(
                self._book,
                self._settings,
                http,
                self._clock,
                public_url=self._url,
                shakes_hands=False,
            )
            return [await webhook.inspect() for webhook in webhooks]

    def _show(self, troubles: Troubles) -> None:
        is_open = {trouble.key for trouble in troubles.open}
        was_open = set() if self._last is None else {t.key for t in self._last.open}
        for platform, account, finding in is_open | was_open:
            assert finding in NAMES
            series = _findings.labels(platform=platform, account=account, finding=finding)
            series.set((platform, account, finding) in is_open)
        for account, count in troubles.pending_updates.items():
            _pending.labels(account=account).set(count)
        _looked.labels().set(troubles.looked_at.timestamp())
        self._last = troubles

    async def _tell(self, documents: Documents, troubles: Troubles, revision: int) -> None:
        today = self._clock.now().date()
        for trouble in troubles.troubles:
            moment = trouble.untold(today)
            if moment is None:
                continue
            await self._say(trouble, moment)
            troubles = troubles.with_told(trouble.and_told(moment, today))
            revision = await _write(documents, troubles, revision)
            self._last = troubles

    async def _say(self, trouble: Trouble, moment: Moment) -> None:
        chat = self._settings.admin_telegram_chat
        if chat is None or not self._book.telegram:
            return
        now = self._clock.now()
        message_id = trouble.message_id(moment, now.date())
        language = self._settings.admin_language
        await self._broker.publish(
            OutboundMessage(
                id=message_id,
                occurred_at=now,
                correlation_id=message_id,
                address=Address(
                    platform="telegram", account=self._book.telegram[0].account, chat_id=chat
                ),
                priority="transactional",
                language=language,
                text=in_words(
                    moment,
                    language,
                    platform=trouble.platform,
                    account=trouble.account,
                    finding=trouble.finding,
                ),
            )
        )


async def _write(documents: Documents, troubles: Troubles, revision: int | None) -> int:
    body = troubles.model_dump_json().encode()
    if revision is None:
        return await documents.create(KEY, body)
    return await documents.replace(KEY, body, revision)


def _note(before: Troubles, after: Troubles) -> None:
    """One line for each finding that came or went; only the gateway that looked writes it."""
    was, now = ({trouble.key for trouble in one.open} for one in (before, after))
    for platform, account, finding in sorted(now - was):
        log.warning(
            "something is wrong with a webhook",
            platform=platform,
            account=account,
            finding=finding,
            remedy="task webhooks",
        )
    for platform, account, finding in sorted(was - now):
        log.info("a webhook is in order again", platform=platform, account=account, finding=finding)
