"""The mail server: where it is, and one connection to it that is kept and used again."""

import asyncio
import time
from dataclasses import dataclass
from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from notifier.email_errors import Step, judge
from notifier.verdicts import Accepted, Down, Stopped, Unknown, Verdict
from runtime.settings import Misconfigured

CONNECT_SECONDS_MAX = 10.0
COMMAND_SECONDS_MAX = 30.0
"""For each answer to a command; a server that looks up a mailbox may think."""
CONTENT_SECONDS_MAX = 120.0
"""For the answer to a mail's content, where servers look for viruses. RFC 5321 allows ten minutes,
and a permit is not held as long."""
IDLE_SECONDS_MAX = 60.0
"""A connection that nobody used for longer is made anew; servers hang up after a few minutes."""
PORTS = {"smtp": 25, "smtps": 465}
SUBMISSION_PORT = 587

Starttls = Literal["required", "offered", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """What `SMTP_URL` says."""

    host: str
    port: int
    uses_tls: bool
    """From the first byte."""
    starttls: Starttls = "off"
    user: str | None = None
    password: SecretStr | None = None

    @classmethod
    def of(cls, url: SecretStr) -> Self:
        """Read `smtp[s]://[user:password@]host[:port][?starttls=required|offered|off]`.

        With a password and no TLS from the first byte, STARTTLS is required unless it is said to
        be off: it would cross the network in the clear.

        Raises:
            Misconfigured: it makes no sense; the sentence holds nothing of it.
        """
        try:
            parts = urlsplit(url.get_secret_value())
            port = parts.port
        except ValueError:
            raise Misconfigured("SMTP_URL: after the host comes a number, the port") from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise Misconfigured("SMTP_URL looks like smtp://user:password@host:587 or smtps://…")
        uses_tls = parts.scheme == "smtps"
        user = unquote(parts.username) if parts.username else None
        given = parse_qs(parts.query).get("starttls", [""])[-1]
        starttls: Starttls
        match given:
            case "required" | "offered" | "off":
                starttls = given
            case "":
                starttls = "required" if user else "offered"
            case _:
                raise Misconfigured("SMTP_URL: starttls is required, offered or off")
        return cls(
            host=parts.hostname,
            port=port or (SUBMISSION_PORT if user and not uses_tls else PORTS[parts.scheme]),
            uses_tls=uses_tls,
            starttls="off" if uses_tls else starttls,
            user=user,
            password=SecretStr(unquote(parts.password)) if parts.password else None,
        )


class Refused(Exception):
    """The server, or the way to it, did not take something."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


class Connection:
    """One connection; mails go through it one after the other."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._turn = asyncio.Lock()
        self._client: aiosmtplib.SMTP | None = None
        self._used_at = 0.0

    async def send(self, sender: str, recipient: str, content: bytes, *, utf8: bool) -> Verdict:
        """Hand over one mail; never raises for what a server or a network does.

        Args:
            sender: where errors go to.
            recipient: the one address.
            content: the mail with its headers.
            utf8: the recipient's address has letters that only SMTPUTF8 can carry.
        """
        async with self._turn:
            try:
                client = await self._ready()
                return await self._hand_over(client, sender, recipient, content, utf8=utf8)
            except Refused as refused:
                return refused.verdict

    async def probe(self) -> Verdict:
        """Whether the server lets us in."""
        async with self._turn:
            try:
                await self._ready()
            except Refused as refused:
                return refused.verdict
            return Accepted()

    async def close(self) -> None:
        """Say goodbye, if anybody is there."""
        async with self._turn:
            client, self._client = self._client, None
            if client is not None and client.is_connected:
                try:
                    await client.quit(timeout=CONNECT_SECONDS_MAX)
                except (aiosmtplib.SMTPException, OSError):
                    client.close()

    async def _hand_over(
        self, client: aiosmtplib.SMTP, sender: str, recipient: str, content: bytes, *, utf8: bool
    ) -> Verdict:
        if utf8 and not client.supports_extension("smtputf8"):
            return judge("recipient", 553, "5.6.7")
        options, encoding = (["SMTPUTF8"], "utf-8") if utf8 else ([], "ascii")
        step: Step = "sender"
        try:
            await client.mail(sender, options=options, encoding=encoding)
            step = "recipient"
            await client.rcpt(recipient, encoding=encoding)
            step = "content"
            await client.data(content, timeout=CONTENT_SECONDS_MAX)
        except aiosmtplib.SMTPResponseException as error:
            await self._forget_envelope(client)
            return judge(step, error.code, error.message)
        except (aiosmtplib.SMTPException, OSError):
            self._drop()
            if step == "content":
                # It may have the mail: its answer was on the way, or was not.
                return Unknown(reason="email-no-answer")
            return Down(reason="email-no-answer")
        except BaseException:
            # Stopped in the middle: whoever came next would talk into somebody else's mail.
            self._drop()
            raise
        self._used_at = time.monotonic()
        return Accepted()

    async def _ready(self) -> aiosmtplib.SMTP:
        """A connection that answers.

        Raises:
            Refused: there is none.
        """
        client = self._client
        if client is not None and client.is_connected:
            if time.monotonic() - self._used_at < IDLE_SECONDS_MAX:
                return client
            try:
                await client.noop(timeout=CONNECT_SECONDS_MAX)
            except (aiosmtplib.SMTPException, OSError):
                self._drop()
            else:
                return client
        self._client = await self._connect()
        self._used_at = time.monotonic()
        return self._client

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=COMMAND_SECONDS_MAX,
            use_tls=server.uses_tls,
            start_tls={"required": True, "offered": None, "off": False}[server.starttls],
        )
        step: Step = "connect"
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                await client.connect()
            if server.user is not None:
                step = "login"
                password = server.password.get_secret_value() if server.password else ""
                await client.login(server.user, password)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            raise Refused(judge(step, error.code, error.message)) from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, OSError) as error:
            client.close()
            # A certificate that does not fit is for a human; it does not get right by itself.
            is_tls = "certificate" in f"{error} {error.__cause__}".lower()
            verdict = Stopped(reason="email-tls") if is_tls else Down(reason="email-unreachable")
            raise Refused(verdict) from None
        except aiosmtplib.SMTPException:
            # It offers no STARTTLS, or no way to log in, and both were asked for.
            client.close()
            raise Refused(
                Stopped(reason="email-tls" if step == "connect" else "email-login")
            ) from None
        return client

    async def _forget_envelope(self, client: aiosmtplib.SMTP) -> None:
        self._used_at = time.monotonic()
        try:
            await client.rset(timeout=CONNECT_SECONDS_MAX)
        except (aiosmtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None
