"""What the admin hears when an account needs a human, by a way that does not depend on it.

Telegram first, unless Telegram or that bot is what fails; then e-mail; then another bot. Sentry
hears all of it where it is set up. The words are in `alerts.toml`.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from importlib.resources import files
from typing import Any, Literal
from uuid import UUID

import sentry_sdk
import structlog

from contracts import Address, OutboundMessage, Platform, derived_id
from notifier.email_server import Connection, MailServer
from notifier.settings import Settings
from notifier.verdicts import Accepted, Cause
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.metrics import counter

_alerts = counter(
    "turnout_admin_alerts_total",
    "What the admin was told, by what it is and which way it went; `none` when there was no way.",
    ("alert", "way"),
)

log = structlog.get_logger()

Kind = Literal["stopped", "resumed", "token-expires", "token-expired", "template"]
Language = Literal["en", "ru"]

_WORDS: Mapping[str, Any] = tomllib.loads(
    files("notifier").joinpath("alerts.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that a human must know."""

    id: UUID
    """Derived from what happened: it is told once, however many processes say it."""
    kind: Kind
    platform: Platform
    account: str
    """What fails: the alert goes another way."""
    reason: str = ""
    cause: Cause = "other"
    length: timedelta | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    date: datetime | None = None
    template: str = ""

    def text(self, language: Language) -> str:
        """The words."""
        what = _WORDS["account"][language][self.platform].format(account=self.account)
        values: dict[str, object] = {
            "what": what[:1].upper() + what[1:],
            "reason": self.reason,
            "why": _WORDS["why"][self.cause][language],
            "length": _length(self.length, language),
            "date": self.date.date().isoformat() if self.date else "",
            "template": self.template,
        }
        return str(_WORDS[self.kind][language]).strip().format(**values, **self.counts)


class Alerts:
    """Tells the admin."""

    def __init__(
        self,
        broker: Broker,
        clock: Clock,
        settings: Settings,
        works: Callable[[Platform], list[tuple[str, bool]]],
    ) -> None:
        """Prepare.

        Args:
            broker: where what goes by Telegram is published.
            clock: business time.
            settings: who the admin is, and how they are reached.
            works: the accounts of a platform, the first ones first, and whether each works.
        """
        self._broker = broker
        self._clock = clock
        self._settings = settings
        self._works = works
        self._captured: set[UUID] = set()
        """Few: each is something that a human must do."""

    async def tell(self, alert: Alert) -> bool:
        """Tell it by the best way that works; False when it must be tried again later."""
        text = alert.text(self._settings.admin_language)
        log.warning("admin alert", alert=alert.kind, platform=alert.platform, reason=alert.reason)
        if self._settings.sentry_dsn and alert.id not in self._captured:
            self._captured.add(alert.id)
            with sentry_sdk.new_scope() as scope:
                scope.fingerprint = ["turnout-alert", str(alert.id)]
                scope.capture_message(text, level="error")
            _alerts.labels(alert=alert.kind, way="sentry").inc()
        bots = [bot for bot, works in self._works("telegram") if works]
        if alert.platform == "telegram":
            bots = [bot for bot in bots if bot != alert.account]
        first = self._works("telegram")[:1]
        # The admin has said /start to the first bot; another one may not be allowed to write.
        sure = bool(first) and first[0][0] in bots
        if sure and await self._by_telegram(alert, bots[0], text):
            return True
        if await self._by_mail(alert.kind, text, alert.id):
            return True
        if bots and await self._by_telegram(alert, bots[0], text):
            return True
        if self._has_mail:
            return False
        _alerts.labels(alert=alert.kind, way="none").inc()
        log.error("no way to tell the admin", alert=alert.kind, remedy="ADMIN_EMAIL and SMTP_URL")
        return True

    async def _by_telegram(self, alert: Alert, bot: str, text: str) -> bool:
        chat = self._settings.admin_telegram_chat
        if chat is None:
            return False
        try:
            await self._broker.publish(
                OutboundMessage(
                    id=alert.id,
                    occurred_at=self._clock.now(),
                    correlation_id=alert.id,
                    address=Address(platform="telegram", account=bot, chat_id=chat),
                    priority="transactional",
                    language=self._settings.admin_language,
                    text=text,
                )
            )
        except Unavailable:
            return False
        _alerts.labels(alert=alert.kind, way="telegram").inc()
        return True

    async def copy(self, message: OutboundMessage) -> bool:
        """Mail what another service has to tell the admin by a bot that does not work now.

        It is sent by the bot too, when that works again. False when it must be tried again.
        """
        return not self._has_mail or await self._by_mail(
            "copy", message.text, derived_id(message.id, "copy")
        )

    @property
    def _has_mail(self) -> bool:
        return self._settings.smtp_url is not None and self._settings.admin_email is not None

    async def _by_mail(self, what: str, text: str, mail_id: UUID) -> bool:
        server, to = self._settings.smtp_url, self._settings.admin_email
        if server is None or to is None:
            return False
        connection = Connection(MailServer.of(server))
        try:
            sender, mail = mail_of(self._settings.mail_from, to, text, message_id=mail_id)
            mail["Date"] = format_datetime(self._clock.now())
            verdict = await connection.send(sender, to, mail.as_bytes(policy=SMTP), utf8=False)
        finally:
            await connection.close()
        if not isinstance(verdict, Accepted):
            log.warning("admin alert not mailed", alert=what, reason=verdict.reason)
            return False
        _alerts.labels(alert=what, way="email").inc()
        return True


def mail_of(
    mail_from: str | None, to: str, text: str, *, message_id: UUID
) -> tuple[str, EmailMessage]:
    """One plain e-mail to the admin and where errors go to; its id is the same each time, so that
    copies can be told.
    """
    host = to.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"] = mail_from or f"Turnout <turnout@{host}>"
    mail["To"] = to
    mail["Subject"] = text.partition("\n")[0][:120]
    mail["Message-ID"] = f"<{message_id}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return parseaddr(str(mail["From"]))[1], mail


def _length(length: timedelta | None, language: Language) -> str:
    """The two largest units: `2 h 20 min`; short words, which need no plural."""
    if length is None:
        return ""
    seconds = round(length.total_seconds())
    parts: list[str] = []
    for unit, unit_seconds in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, unit_seconds)
        if count:
            parts.append(f"{count} {_WORDS['units'][language][unit]}")
        elif parts:
            break
    return " ".join(parts[:2]) or f"0 {_WORDS['units'][language]['second']}"
