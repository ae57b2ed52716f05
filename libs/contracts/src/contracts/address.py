"""Where a person can be reached, and the one token that stands for it in a subject."""

import re
from typing import Literal

from pydantic import Field

from contracts.model import Value

Platform = Literal["telegram", "whatsapp", "email"]
"""Where we can write to. People write to us on the first two; e-mail only goes out."""

_ODD = re.compile(r"[^A-Za-z0-9_]")
_ESCAPED = re.compile(r"=([0-9A-F]{2})")


class Address(Value):
    """One chat with one of our accounts.

    The account is part of the address: the same person may write to two of our bots, and those
    are two chats that never mix.
    """

    platform: Platform
    account: str = Field(min_length=1, max_length=64)
    """The bot's id on Telegram, the phone number's id on WhatsApp, the sender's key for e-mail."""
    chat_id: str = Field(min_length=1, max_length=140)
    """Telegram: chat id. WhatsApp: the business-scoped user id, else the phone (Meta, BSUID).
    E-mail: the user's id; the address itself would be personal in a subject.
    """

    @property
    def account_key(self) -> str:
        """The account as one valid subject token."""
        return subject_token(self.account)

    @property
    def chat_key(self) -> str:
        """`account-chat` as one valid subject token; `from_key` reads it back."""
        return f"{self.account_key}-{subject_token(self.chat_id)}"

    @property
    def is_whatsapp_number(self) -> bool:
        """Whether it is an id that others may get one day; scoped ids are nobody else's ever."""
        return self.platform == "whatsapp" and self.chat_id.isdecimal()

    @classmethod
    def from_key(cls, platform: Platform, key: str) -> "Address":
        """The address behind a chat key.

        Raises:
            ValueError: the key was not made by `chat_key`.
        """
        account, separator, chat = key.partition("-")
        if not separator:
            raise ValueError("a chat key is account-chat")
        return cls(platform=platform, account=_unescape(account), chat_id=_unescape(chat))


def subject_token(part: str) -> str:
    """`part` as one token of a subject, without a dash; for ids of digits it is the id itself."""
    # A token may hold neither dots, spaces nor wildcards, and the dash is our separator.
    return _ODD.sub(_escaped, part)


def _escaped(odd: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in odd[0].encode())


def _unescape(part: str) -> str:
    octets = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), part).encode("latin-1")
    return octets.decode()
