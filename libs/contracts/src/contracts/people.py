"""Who is who: proof of an address, one person on several messengers, and the wish to be forgotten.

A code proves that somebody reads a mailbox, or a chat that we know. It is bound to the chat that
asked for it, ends after `CODE_MINUTES`, and counts once.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.address import Address, Platform
from contracts.commands import (
    EMAIL_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    Command,
)
from contracts.inbound import Sender
from contracts.message import Message
from contracts.model import Value
from contracts.outbound import Recipient
from contracts.queries import Query

CODE_DIGITS = 6
CODE_MINUTES = 10
"""After that a code is worth nothing."""
CODE_TRIES_MAX = 5
"""Wrong codes, after which the right one does not help any more."""
CODES_PER_ADDRESS_AND_HOUR = 3
CODES_PER_CHAT_AND_HOUR = 10
HOLD_MINUTES = 10
"""How long a seat is kept for somebody who has not proven an address yet."""
HELD_SHARE = 0.1
"""The part of an event's capacity that may be held at a time; one seat at least."""


class _OfChat(Command):
    address: Address
    """The chat that asks, and that the outcome is told to."""

    def route(self) -> str:
        return self.subject.format(chat=self.address.chat_key)


class RequestCode(Command):
    """Send a code to whoever reads this address. The chat is told at once that one is on its way,
    before anybody looks whether the address is known; there is no outcome.
    """

    subject: ClassVar[str] = "command.request-code.{chat}"

    chat: Address
    """The chat that asks, and the only one in which the code is worth anything. Not `address`:
    that is where an outcome would be told."""
    email: str = Field(max_length=EMAIL_CHARACTERS_MAX)
    """As it was typed, in its normal form."""
    by: Literal["email", "messenger"] = "email"
    """To the mailbox; or to the other messenger, where there is somebody who has proven this
    address. Without a mail server every code goes to the messenger of who has typed it before."""
    language: Literal["en", "ru"]

    def route(self) -> str:
        """The lane of the chat."""
        return self.subject.format(chat=self.chat.chat_key)


class ProveEmail(_OfChat):
    """This is the code: the chat belongs to whoever reads that address. `EmailProven` or
    `CodeRefused` is the outcome.
    """

    subject: ClassVar[str] = "command.prove-email.{chat}"

    code: str = Field(max_length=32)
    """As it was typed, digits only."""
    name: str | None = Field(default=None, max_length=NAME_CHARACTERS_MAX)
    """For a person whom nobody knows yet."""
    sender: Sender
    language: Literal["en", "ru"]
    muted: bool = False


class Unlink(_OfChat):
    """This chat does not speak for its person any more; what is registered stays with them."""

    subject: ClassVar[str] = "command.unlink.{chat}"


class DisownLink(_OfChat):
    """A chat that has joined this person is none of theirs: it is parted from them, with what it
    had brought along, and cannot join them again.
    """

    subject: ClassVar[str] = "command.disown-link.{chat}"

    link_id: UUID


class ForgetPerson(Command):
    """Everything about this person goes; seats that lie ahead are free again."""

    subject: ClassVar[str] = "command.forget-person.{person}"

    address: Address | None
    """The chat that asks, and that the outcome is told to; None where time has come for it."""
    user_id: UUID | None = None
    """Whose time has come."""

    def route(self) -> str:
        """The lane of the chat, or of the person."""
        key = self.address.chat_key if self.address is not None else str(self.user_id)
        return self.subject.format(person=key)


class TendPeople(Command):
    """A tick: purge again what belonged to people who were forgotten, end what was kept for as long
    as it may be, and find those whose time has come.
    """

    subject: ClassVar[str] = "command.tend-people.tick"

    due_at: AwareDatetime


NoticeToPersonKind = Literal["code", "joined", "parted"]
"""`code`: the digits that were asked for. `joined`: another messenger belongs to them now.
`parted`: it does not any more."""


class NoticeToPersonDue(Message):
    """A person is to be told something that is about themselves and about no event;
    `FindNoticeToPerson` tells whom and what.
    """

    subject: ClassVar[str] = "notice.to-person-due"

    kind: NoticeToPersonKind
    about: UUID
    """The proof, or the link."""
    recipient: UUID
    """Which of those who are told: an id that the registry alone can tell a chat by."""
    expires_at: AwareDatetime


class NoticeToPersonAnswer(Value):
    """Whom it goes to, as of now; no recipient when it must not be sent any more."""

    recipient: Recipient | None = None
    alternatives: tuple[Recipient, ...] = ()
    """Other ways to the same person, the best first."""
    language: Literal["en", "ru"] = "en"
    code: str | None = None
    messenger: Platform | None = None
    """The one that asked for the code, or that has joined or was parted."""
    link_id: UUID | None = None
    """What `DisownLink` names; only where that is possible."""
    expires_at: AwareDatetime | None = None


class FindNoticeToPerson(Query):
    """Who is to be told this, and is it still true?"""

    subject: ClassVar[str] = "query.find-notice-to-person"
    answer: ClassVar[type[NoticeToPersonAnswer]] = NoticeToPersonAnswer

    kind: NoticeToPersonKind
    about: UUID
    recipient: UUID


class ExportAnswer(Value):
    """All that the registry keeps about a person."""

    summary: str
    """For people to read, in the language that was asked for."""
    data: str
    """The same for programs, as JSON."""


class ExportPerson(Query):
    """What do we keep about the person behind this chat?"""

    subject: ClassVar[str] = "query.export-person"
    answer: ClassVar[type[ExportAnswer]] = ExportAnswer

    address: Address
    language: Literal["en", "ru"]
