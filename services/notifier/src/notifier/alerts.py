"""What the admin hears when an account needs a human, by a way that does not depend on it.

Telegram first, unless Telegram or that bot is what fails; then e-mail; then another bot. Sentry
hears all of it where it is set up. The words are in `alerts.toml`.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
import sentry_sdk
import structlog

from contracts import Address, OutboundMessage, Platform
from notifier.settings import Settings
from notifier.verdicts import Cause
from runtime.broker import Broker
from runtime.clock import Clock
from runtime.failures import Unavailable
from runtime.metrics import counter

SMTP_SECONDS_MAX = 20.0
"""For the whole e-mail; the admin's server may be slow, and the other accounts do not wait for it.
"""

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

    async def tell(self, alert: Alert) -> bool:
        """Tell it by the best way that works; False when it must be tried again later."""
        text = alert.text(self._settings.admin_language)
        log.error("admin alert", alert=alert.kind, platform=alert.platform, reason=alert.reason)
        if self._settings.sentry_dsn:
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
        if self._settings.admin_email and self._settings.smtp_url:
            return await self._by_mail(alert, text)
        if bots and await self._by_telegram(alert, bots[0], text):
            return True
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

    async def _by_mail(self, alert: Alert, text: str) -> bool:
        try:
            await send_mail(self._settings, text, message_id=alert.id)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            # By its kind alone: servers quote addresses.
            log.warning("admin alert not mailed", alert=alert.kind, problem=type(error).__name__)
            return False
        _alerts.labels(alert=alert.kind, way="email").inc()
        return True


async def send_mail(settings: Settings, text: str, *, message_id: UUID) -> None:
    """One plain e-mail to the admin; its id is the same each time, so that copies can be told.

    Raises:
        aiosmtplib.SMTPException, OSError: the server cannot be reached, or refuses it.
        ValueError: `SMTP_URL` makes no sense.
    """
    assert settings.smtp_url is not None
    assert settings.admin_email is not None
    url = urlsplit(settings.smtp_url.get_secret_value())
    mail = EmailMessage()
    host = settings.admin_email.rpartition("@")[2]
    mail["From"] = f"Turnout <turnout@{host}>"
    mail["To"] = settings.admin_email
    mail["Subject"] = text.partition("\n")[0][:120]
    mail["Message-ID"] = f"<{message_id}@turnout.{host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    is_tls = url.scheme == "smtps"
    await aiosmtplib.send(
        mail,
        hostname=url.hostname,
        port=url.port or (465 if is_tls else 25),
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        use_tls=is_tls,
        timeout=SMTP_SECONDS_MAX,
    )


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
