"""E-mail as a channel: it only goes out, and knows neither windows nor buttons."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from contracts import AccountsAnswer, OutboundMessage, Platform
from contracts.topology import MAIL_ACCOUNT
from notifier.attachments import drawn
from notifier.email_rendering import (
    EmailRequest,
    Sender,
    Unmailable,
    mailbox,
    render,
    written,
)
from notifier.email_server import Connection, MailServer
from notifier.verdicts import Failed, Verdict
from runtime.clock import Clock


class EmailChannel:
    """All our mail, through one server."""

    platform: Platform = "email"
    account = MAIL_ACCOUNT

    def __init__(
        self,
        server: MailServer,
        sender: Sender,
        clock: Clock,
        chats: Callable[[], Awaitable[AccountsAnswer]],
    ) -> None:
        """Prepare; the first mail connects.

        Args:
            server: where mail is handed over.
            sender: who writes.
            clock: for the date of a mail.
            chats: where people can answer; what is not known by now is left out.
        """
        self._connection = Connection(server)
        self._sender = sender
        self._clock = clock
        self._chats = chats

    def render(self, message: OutboundMessage, *, by_template: bool) -> tuple[EmailRequest, ...]:
        """See `Channel`."""
        assert not by_template
        return (render(message),)

    async def prepare(self, request: EmailRequest) -> EmailRequest:
        """Draw what goes along, and find out where an answer can go."""
        attachment = await drawn(request.document) if request.document else None
        return replace(request, document=None, attachment=attachment, chats=await self._chats())

    async def send(self, message: OutboundMessage, request: EmailRequest) -> Verdict:
        """See `Channel`."""
        assert request.document is None, "prepare() comes first"
        try:
            recipient = mailbox(message.email_to or "")
        except Unmailable:
            return Failed(reason="email-no-address")
        content = written(message, request, self._sender, recipient, self._clock.now())
        return await self._connection.send(
            self._sender.address, recipient, content, utf8=not recipient.isascii()
        )

    async def public_name(self) -> str | None:
        """None: nobody writes to it."""
        return None

    async def probe(self) -> Verdict:
        """Whether the server lets us in; no mail is sent."""
        return await self._connection.probe()

    async def close(self) -> None:
        """See `Channel`."""
        await self._connection.close()
