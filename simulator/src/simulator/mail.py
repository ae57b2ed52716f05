"""A mailbox that takes every mail and delivers none."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections import deque
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator.clock import Clock

MAILS_MAX = 10_000
MAIL_BYTES_MAX = 20 * 1024 * 1024


class Mailbox:
    """What the SMTP sink took, newest last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mails: deque[dict[str, Any]] = deque(maxlen=MAILS_MAX)
        self._last_n = 0

    def all(self, to: str | None = None) -> list[dict[str, Any]]:
        """Every mail, or those to one address."""
        wanted = to.lower() if to is not None else None
        return [
            mail
            for mail in self._mails
            if wanted is None or wanted in (address.lower() for address in mail["to"])
        ]

    def clear(self) -> None:
        """Forget all mails, not the numbering."""
        self._mails.clear()

    def take(self, sender: str, recipients: list[str], content: bytes) -> None:
        """Keep one mail as it came over SMTP."""
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self._last_n += 1
        self._mails.append(
            {
                "n": self._last_n,
                "at": self._clock.now().isoformat(),
                "from": sender,
                "to": recipients,
                "subject": str(parsed.get("subject", "")),
                "text": _part(parsed, "plain"),
                "html": _part(parsed, "html"),
                "attachments": [
                    {"name": part.get_filename(), "mime": part.get_content_type()}
                    for part in parsed.iter_attachments()
                ],
            }
        )

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """The hook that aiosmtpd calls with each mail."""
        content = envelope.content or b""
        self.take(
            envelope.mail_from or "",
            list(envelope.rcpt_tos),
            content.encode() if isinstance(content, str) else content,
        )
        return "250 OK"


async def start_smtp(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    """Listen for mail; the caller closes the server."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(
            mailbox, hostname="simulator", data_size_limit=MAIL_BYTES_MAX, enable_SMTPUTF8=True
        ),
        host,
        port,
    )


def _part(message: EmailMessage, kind: str) -> str | None:
    body = message.get_body(preferencelist=(kind,))
    return body.get_content() if body is not None else None
