"""What people write who fill in a registration and go back, again and again.

Only the beginning asks the registry who registered already: what is measured is the conversation.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from contracts import (
    Address,
    ChoiceTapped,
    InboundMessage,
    Platform,
    Sender,
    TextSaid,
    inbound_id,
)

ACCOUNTS: dict[Platform, str] = {"telegram": "123456", "whatsapp": "106540352242922"}
FIRST_CHAT = 1_000_000_000
"""All chats have as many digits, so that one's document is easily made another's."""
PACE = timedelta(seconds=2)
"""Between two things that one person says, by the platform's clock: nobody floods."""
SAID_BEFORE = timedelta(minutes=30)


def address(number: int) -> Address:
    """The chat with this number; even ones are on Telegram."""
    platform: Platform = "whatsapp" if number % 2 else "telegram"
    return Address(platform=platform, account=ACCOUNTS[platform], chat_id=str(FIRST_CHAT + number))


class Chats:
    """Dialogues that go on from round to round; `code` is an event that is open."""

    def __init__(self, code: str) -> None:
        self._beginning = ChoiceTapped(choice_id=f"reg:{code}")
        self._script = (
            TextSaid(text="Ann Lee"),
            TextSaid(text="/help"),
            TextSaid(text="ann.lee@example.org"),
            TextSaid(text="back"),
            TextSaid(text="back"),
        )
        self._said: dict[int, Iterator[int]] = {}
        self._began = datetime.now(UTC) - SAID_BEFORE

    def say(self, number: int) -> InboundMessage:
        """The next thing that is said in a chat."""
        nth = next(self._said.setdefault(number, itertools.count()))
        chat = address(number)
        return InboundMessage(
            id=inbound_id(chat.platform, chat.account, f"{chat.chat_id}:{nth}"),
            correlation_id=inbound_id(chat.platform, chat.account, f"{chat.chat_id}:{nth}"),
            occurred_at=datetime.now(UTC),
            address=chat,
            sender=Sender(name="Ann Lee", language="en"),
            content=self._script[(nth - 1) % len(self._script)] if nth else self._beginning,
            sent_at=self._began + nth * PACE,
        )
