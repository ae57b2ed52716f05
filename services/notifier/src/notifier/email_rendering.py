"""A neutral message as an e-mail: plain text, for every reader there is."""

from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses

from contracts import AccountsAnswer, Document, OutboundMessage
from notifier.attachments import Attachment
from notifier.codes import code_of
from notifier.labels import cut, one_line, told, visible, with_lines
from runtime.settings import Misconfigured

SUBJECT_CHARACTERS_MAX = 150
ADDRESS_CHARACTERS_MAX = 254
"""RFC 5321: what fits between the angle brackets of a command."""

ANSWER_THERE = {
    "en": "To answer, write to us here:",
    "ru": "Чтобы ответить, напишите нам здесь:",
}
NOBODY_READS = {
    "en": "Nobody reads the answers to this e-mail.",
    "ru": "Ответы на это письмо никто не читает.",
}
YOUR_CODE = {"en": "Your confirmation code", "ru": "Ваш код подтверждения"}
POSSIBLE = {"en": "What you can do in the chat:", "ru": "Что можно сделать в чате:"}
BULLET = "• "


class Unmailable(Exception):
    """The address is none; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: `MAIL_FROM`."""

    name: str
    address: str
    """As it stands in the envelope: a host that is no ASCII in its IDNA form."""

    @classmethod
    def of(cls, mail_from: str) -> "Sender":
        """Read `Name <address>` or an address alone.

        Raises:
            Misconfigured: it is neither.
        """
        try:
            ((name, address),) = getaddresses([mail_from])
            return cls(one_line(name) if name else "", mailbox(address))
        except (ValueError, Unmailable):
            raise Misconfigured(
                "MAIL_FROM looks like Turnout <turnout@example.org>, or is an address alone"
            ) from None

    @property
    def host(self) -> str:
        """Behind the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRequest:
    """One mail, up to what has to be drawn or asked for."""

    text: str
    subject: str
    document: Document | None = None
    attachment: Attachment | None = None
    chats: AccountsAnswer = field(default_factory=AccountsAnswer)
    """Where an answer can go."""


def mailbox(address: str) -> str:
    """The address as an envelope has it; letters beyond ASCII may stay before the @.

    Raises:
        Unmailable: it is no address, or holds what would end a header or a command.
    """
    local, at, host = address.strip().rpartition("@")
    if not (local and at and host) or any(not sign.isprintable() for sign in address):
        raise Unmailable
    if any(sign in '<>(),;:\\"[] @' for sign in local + host):
        raise Unmailable
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise Unmailable from None
    whole = f"{local}@{host}"
    if len(whole.encode()) > ADDRESS_CHARACTERS_MAX:
        raise Unmailable
    return whole


def render(message: OutboundMessage) -> EmailRequest:
    """The words of the mail; what can be tapped elsewhere is listed."""
    text = visible(message.text)
    headline = message.headline or text.partition("\n")[0]
    if (code := code_of(message)) is not None and code in headline:
        # A subject is shown on locked screens.
        headline = YOUR_CODE[message.language]
    choices = [f"{BULLET}{told(choice)}" for choice in message.choices]
    if choices:
        text = with_lines(text, [POSSIBLE[message.language], *choices])
    return EmailRequest(
        text=text,
        subject=cut(one_line(headline), SUBJECT_CHARACTERS_MAX),
        document=message.document,
    )


def written(
    message: OutboundMessage,
    request: EmailRequest,
    sender: Sender,
    recipient: str,
    now: datetime,
) -> bytes:
    """The whole mail as bytes.

    Its Message-ID follows from the message's id, so that whoever gets it twice can tell, and many
    servers and readers show it once.

    Args:
        message: what is said.
        request: rendered and prepared.
        sender: who writes.
        recipient: as `mailbox` gave it.
        now: for the Date.
    """
    mail = EmailMessage(policy=SMTP.clone(utf8=not recipient.isascii()))
    # Objects, not text: names and addresses cannot become a header of their own.
    mail["From"] = MailAddress(display_name=sender.name, addr_spec=sender.address)
    local, _, host = recipient.rpartition("@")
    mail["To"] = MailAddress(username=local, domain=host)
    mail["Subject"] = request.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.id}@{sender.host}>"
    # RFC 3834: no vacation notice shall answer.
    mail["Auto-Submitted"] = "auto-generated"
    if message.priority in ("reminder", "bulk"):
        mail["Precedence"] = "bulk"
    mail["Content-Language"] = message.language
    mail.set_content(f"{request.text}\n\n-- \n{_closing(message, request.chats)}\n")
    attachment = request.attachment
    if attachment is not None and attachment.kind == "picture":
        mail.add_attachment(
            attachment.content, maintype="image", subtype="png", filename=attachment.filename
        )
    elif attachment is not None:
        mail.add_attachment(
            attachment.content.decode(),
            subtype="calendar",
            params={"method": "PUBLISH"},
            filename=attachment.filename,
        )
    return mail.as_bytes()


def _closing(message: OutboundMessage, chats: AccountsAnswer) -> str:
    """Where an answer goes instead of into nobody's mailbox."""
    links = [f"https://t.me/{bot.username}" for bot in chats.telegram]
    links += [f"https://wa.me/{number.phone}" for number in chats.whatsapp]
    lines = [NOBODY_READS[message.language]]
    if links:
        lines += [ANSWER_THERE[message.language], *links]
    return "\n".join(lines)
