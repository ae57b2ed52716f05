"""A message as an e-mail."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from notifier_house import NOON, outbound

from contracts import AccountsAnswer, Address, Choice, OutboundMessage, TelegramAccount
from contracts.queries import WhatsAppAccount
from notifier.attachments import Attachment
from notifier.email_rendering import (
    EmailRequest,
    Sender,
    Unmailable,
    mailbox,
    render,
    written,
)
from runtime.settings import Misconfigured

SENDER = Sender.of("Турнаут <turnout@пример.example>")
CHATS = AccountsAnswer(
    telegram=(TelegramAccount(account="1", username="turnout_bot"),),
    whatsapp=(WhatsAppAccount(account="2", phone="15550783881"),),
)


def a_mail(**changes: Any) -> OutboundMessage:
    values: dict[str, Any] = {
        "address": Address(platform="email", account="mail", chat_id="7"),
        "email_to": "ann@example.org",
        "headline": "PyCon",
        "priority": "transactional",
    }
    return outbound(**(values | changes))


def read(message: OutboundMessage, request: EmailRequest | None = None) -> EmailMessage:
    """The mail as its reader's program understands it."""
    request = request or render(message)
    content = written(message, request, SENDER, mailbox(message.email_to or ""), NOON)
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_mail_says_what_it_is() -> None:
    message = a_mail(text="У вас есть место!", language="ru")
    mail = read(message)
    assert mail["From"] == "Турнаут <turnout@xn--e1afmkfd.example>"
    assert mail["To"] == "ann@example.org"
    assert mail["Subject"] == "PyCon"
    assert mail["Message-ID"] == f"<{message.id}@xn--e1afmkfd.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Mon, 23 Nov 2026 12:00:00 +0000"
    assert mail.get_content_charset() == "utf-8"
    assert words(mail).startswith("У вас есть место!\n")
    assert "никто не читает" in words(mail)


def test_what_can_be_tapped_elsewhere_is_listed_with_the_ways_there() -> None:
    choices = (Choice(id="take:7", label="Take the seat"), Choice(id="pass:7", label="No"))
    message = a_mail(text="A seat is free.", choices=choices)
    request = EmailRequest(text=render(message).text, subject="PyCon", chats=CHATS)
    text = words(read(message, request))
    assert "A seat is free.\n\nWhat you can do in the chat:\n• Take the seat\n• No" in text
    assert "https://t.me/turnout_bot\nhttps://wa.me/15550783881" in text


def test_without_a_headline_the_first_line_is_the_subject() -> None:
    assert read(a_mail(text="Hello!\nMore.", headline=None))["Subject"] == "Hello!"
    assert len(read(a_mail(headline="x" * 150))["Subject"]) == 150


def test_a_title_cannot_become_a_header() -> None:
    mail = read(a_mail(headline="PyCon\r\nBcc: eve@example.org", text="Hi"))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "PyCon Bcc: eve@example.org"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@example.org\r\nRCPT TO:<eve@example.org>",
        "ann@example.org>",
        "ann@example.org, eve@example.org",
        "ann@exa mple.org",
        f"{'a' * 250}@example.org",
        "ann@" + "a" * 64 + ".org",
    ],
)
def test_what_is_no_address_is_not_mailed_to(address: str) -> None:
    with pytest.raises(Unmailable):
        mailbox(address)


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.O'Neil+py@Example.ORG", "Ann.O'Neil+py@Example.ORG"),
        ("ann@пример.рф", "ann@xn--e1afmkfd.xn--p1ai"),
        ("анна@пример.рф", "анна@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_a_host_is_told_as_the_network_knows_it(address: str, envelope: str) -> None:
    assert mailbox(address) == envelope
    mail = read(a_mail(email_to=address))
    assert mail["To"] == envelope


def test_a_ticket_is_a_picture_and_a_date_a_calendar_entry() -> None:
    message = a_mail()
    for attachment, kind, name in (
        (Attachment("picture", "ticket.png", b"\x89PNG"), "image/png", "ticket.png"),
        (Attachment("file", "встреча.ics", b"BEGIN:VCALENDAR"), "text/calendar", "встреча.ics"),
    ):
        request = EmailRequest(text="Hi", subject="PyCon", attachment=attachment)
        (part,) = read(message, request).iter_attachments()
        assert (part.get_content_type(), part.get_filename()) == (kind, name)
        assert part.get_content_disposition() == "attachment"
    assert part.get_content().strip() == "BEGIN:VCALENDAR"
    assert part["Content-Type"].params["method"] == "PUBLISH"


@pytest.mark.parametrize("mail_from", ["Turnout", "", "turnout@", "a@b, c@d"])
def test_whoever_writes_has_an_address(mail_from: str) -> None:
    with pytest.raises(Misconfigured, match="MAIL_FROM looks like"):
        Sender.of(mail_from)


def test_news_for_many_say_that_they_are() -> None:
    assert read(a_mail(priority="bulk"))["Precedence"] == "bulk"
    assert read(a_mail())["Precedence"] is None
