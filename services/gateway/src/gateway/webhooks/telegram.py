"""Telegram's side of a webhook: getWebhookInfo, setWebhook (platforms.md A1)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from contracts import Platform
from gateway.payload import JsonObject, number_of, object_of, text_of
from gateway.webhooks.addresses import URL_CHARACTERS_MAX, shown
from gateway.webhooks.asking import Away, Busy, ask, patiently
from gateway.webhooks.delivery_errors import in_words
from gateway.webhooks.findings import CannotSet, Finding, Name, Report
from gateway.webhooks.moments import ago
from runtime.clock import Clock

ALLOWED_UPDATES = ("callback_query", "edited_message", "message", "my_chat_member")
"""What the dialogue uses. Not `message_reaction`: nobody is answered for one, and each would be a
webhook of its own."""
DEFAULT_UPDATES = "the default"
MAX_CONNECTIONS = 100
"""Telegram's largest. Each webhook waits for a round trip to us, so that its default of 40 is 400 a
second at 100 ms."""
PENDING_MAX = 100
"""More wait at Telegram when we are away or refuse, or when a sold-out launch begins."""
ERROR_FRESH_SECONDS = 150.0
"""Telegram never forgets its last error while the webhook stays. A failing update waits and is
tried again at least every 120 s (platforms.md A2): when none waits, or the error is older, it is
over."""
CLOUD_API = "https://api.telegram.org"
CLOUD_PORTS = (443, 80, 88, 8443)
SET_WEBHOOK_PAUSE_SECONDS = 1.1
"""Telegram takes one setWebhook a second for each bot."""

_SETTABLE: frozenset[Name] = frozenset(
    {"no-webhook", "url", "allowed-updates", "max-connections", "certificate", "secret"}
)


class _Refused(Exception):
    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code


class TelegramWebhook:
    """One bot's webhook."""

    platform: Platform = "telegram"

    def __init__(
        self,
        account: str,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        token: SecretStr,
        secret: SecretStr,
        api_url: str,
        public_url: str,
    ) -> None:
        self.account = account
        self._token = token
        self._secret = secret
        self._http = http
        self._clock = clock
        self._api_url = api_url.rstrip("/")
        self._url = f"{public_url}/telegram/{account}"

    async def inspect(self) -> Report:
        """See `Webhook`."""
        try:
            me = await self._call("getMe")
            info = await self._call("getWebhookInfo")
        except (Away, _Refused) as error:
            finding = _why(error)
            return Report(
                platform="telegram", account=self.account, findings=(finding,), is_known=False
            )
        return Report(
            platform="telegram",
            account=self.account,
            title="@" + (text_of(me, "username") or "?"),
            facts=self._facts(info),
            findings=tuple(self._findings(info)),
            pending_updates=number_of(info, "pending_update_count") or 0,
        )

    async def register(self) -> list[str]:
        """See `Webhook`; what waits at Telegram is kept."""
        # A refused URL leaves the bot without any webhook: what Telegram would refuse is not sent.
        self._check_port()
        webhook = {
            "url": self._url,
            "secret_token": self._secret.get_secret_value(),
            "allowed_updates": list(ALLOWED_UPDATES),
            "max_connections": MAX_CONNECTIONS,
        }
        try:
            await self._call("setWebhook", webhook)
        except (Away, _Refused) as error:
            raise CannotSet(_why(error)) from None
        return [f"set the webhook to {self._url}"]

    async def repair(self) -> list[str]:
        """See `Webhook`."""
        report = await self.inspect()
        wrong = [finding.name for finding in report.findings if finding.name in _SETTABLE]
        if not report.is_known:
            raise CannotSet(report.findings[0])
        if not wrong:
            return []
        return [f"{done}, because of {', '.join(wrong)}" for done in await self.register()]

    def _check_port(self) -> None:
        parts = urlsplit(self._url)
        port = parts.port or 443
        if self._api_url == CLOUD_API and port not in CLOUD_PORTS:
            raise CannotSet(
                Finding(
                    "refused",
                    f"Telegram posts only to the ports 443, 80, 88 and 8443, and PUBLIC_URL has "
                    f"{port}",
                    "give PUBLIC_URL one of these ports",
                )
            )

    def _facts(self, info: JsonObject) -> dict[str, str]:
        url = text_of(info, "url", URL_CHARACTERS_MAX)
        facts = {"url": "none" if url is None else shown(url)}
        if ip_address := text_of(info, "ip_address"):
            facts["ip address"] = ip_address
        facts["updates"] = ", ".join(_updates(info) or [DEFAULT_UPDATES])
        if connections := number_of(info, "max_connections"):
            facts["connections"] = str(connections)
        facts["pending"] = str(number_of(info, "pending_update_count") or 0)
        if at := number_of(info, "last_error_date"):
            state = "" if self._is_fresh(info) else "; over since"
            facts["last error"] = f"{self._age(at)}: {_last_error(info)}{state}"
        if at := number_of(info, "last_synchronization_error_date"):
            facts["last trouble inside Telegram"] = self._age(at)
        return facts

    def _findings(self, info: JsonObject) -> list[Finding]:
        found = []
        url = text_of(info, "url", URL_CHARACTERS_MAX)
        if not url:
            found.append(
                Finding("no-webhook", "Telegram knows no webhook: nothing that people say arrives")
            )
        else:
            found += self._drift(info, url)
        found += self._trouble(info)
        return found

    def _drift(self, info: JsonObject, url: str) -> list[Finding]:
        found = []
        if url != self._url:
            found.append(Finding("url", f"Telegram posts to {shown(url)} and not to {self._url}"))
        asked = set(_updates(info))
        if asked != set(ALLOWED_UPDATES):
            found.append(Finding("allowed-updates", _updates_in_words(asked)))
        connections = number_of(info, "max_connections")
        if connections != MAX_CONNECTIONS:
            found.append(
                Finding(
                    "max-connections",
                    f"Telegram opens up to {connections} connections and not {MAX_CONNECTIONS}",
                )
            )
        if info.get("has_custom_certificate") is True:
            found.append(
                Finding(
                    "certificate",
                    "Telegram trusts only a certificate that was uploaded to it, not the public "
                    "ones",
                )
            )
        return found

    def _trouble(self, info: JsonObject) -> list[Finding]:
        found = []
        pending = number_of(info, "pending_update_count") or 0
        if self._is_fresh(info):
            error = in_words(_last_error(info))
            age = self._age(number_of(info, "last_error_date") or 0)
            found.append(Finding(error.name, f"{age} {error.says}", error.remedy))
        if pending > PENDING_MAX:
            found.append(
                Finding(
                    "pending",
                    f"{pending} updates wait at Telegram, more than {PENDING_MAX}",
                    "see the gateway's /health/ready and its log; they arrive by themselves when "
                    "it takes them",
                )
            )
        return found

    def _is_fresh(self, info: JsonObject) -> bool:
        at = number_of(info, "last_error_date")
        if at is None or not number_of(info, "pending_update_count"):
            return False
        return self._seconds_since(at) <= ERROR_FRESH_SECONDS

    def _seconds_since(self, at: int) -> float:
        return self._clock.now().timestamp() - at

    def _age(self, at: int) -> str:
        return ago(self._seconds_since(at))

    async def _call(self, method: str, parameters: dict[str, Any] | None = None) -> JsonObject:
        url = f"{self._api_url}/bot{self._token.get_secret_value()}/{method}"

        async def call() -> JsonObject:
            answer, body = await ask(self._http, "POST", url, json=parameters or {})
            if body.get("ok") is True:
                return object_of(body, "result")
            code = number_of(body, "error_code") or answer.status_code
            # Telegram's own words; they quote neither the token nor the secret.
            description = text_of(body, "description") or "no reason"
            if code == httpx.codes.CONFLICT:
                raise Busy(description, SET_WEBHOOK_PAUSE_SECONDS)
            if code == httpx.codes.TOO_MANY_REQUESTS:
                after = number_of(object_of(body, "parameters"), "retry_after") or 1
                raise Busy(description, max(after, SET_WEBHOOK_PAUSE_SECONDS))
            raise _Refused(code, description)

        return await patiently(call)


def _why(error: Exception) -> Finding:
    if isinstance(error, _Refused):
        # A malformed token is 404 at the cloud's front, 401 behind it (platforms.md A6).
        if error.code in (httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND):
            return Finding(
                "token",
                "Telegram does not know this token (any more)",
                "ask @BotFather for the token and set TELEGRAM_TOKEN",
            )
        return Finding("refused", f"Telegram refuses: {error}", "see what it says")
    return Finding(
        "away",
        f"Telegram's API cannot be asked: {error}",
        "wait, or look at the way out of this network to TELEGRAM_API_URL",
    )


def _updates(info: JsonObject) -> list[str]:
    """The kinds that Telegram was asked for; none: the default."""
    asked = info.get("allowed_updates")
    return sorted(map(str, asked)) if isinstance(asked, Sequence) else []


def _updates_in_words(asked: set[str]) -> str:
    if not asked:
        return "Telegram sends its default kinds of updates and not the ones that we read"
    parts = []
    if missing := set(ALLOWED_UPDATES) - asked:
        parts.append(f"does not send {', '.join(sorted(missing))}")
    if needless := asked - set(ALLOWED_UPDATES):
        parts.append(f"sends {', '.join(sorted(needless))}, which nobody reads")
    return f"Telegram {' and '.join(parts)}"


def _last_error(info: JsonObject) -> str:
    return text_of(info, "last_error_message") or "an unknown error"
