"""Ids are derived from their cause: whoever repeats the work says the same thing again."""

from hashlib import sha1
from uuid import UUID

from contracts.address import Platform

TURNOUT = UUID("6d0f3a52-53f2-5d0c-9a55-0d8f3cf4e1b7")
"""The namespace of every id that we derive; it must never change."""


_WITHOUT_VERSION = ~(0xF000 << 64 | 0xC000 << 48)
_VERSION_5 = 5 << 76 | 0x8000 << 48
"""RFC 9562, 5.5: the version and the variant, in the bits that are cleared for them."""


def inbound_id(platform: Platform, account: str, provider_id: str) -> UUID:
    """The id of what a platform told us, the same for every repetition of its webhook.

    Args:
        platform: the messenger.
        account: the bot or number that was written to.
        provider_id: Telegram's `update_id`, WhatsApp's `messages[].id` (platforms.md A2, B2).
    """
    return derived_id(TURNOUT, f"{platform}:{account}:{provider_id}")


def derived_id(cause: UUID, name: int | str) -> UUID:
    """The id of what `cause` brought about; `name` tells apart several things of one cause."""
    # What uuid5 does, in half the time: a command derives five of them while a row is locked.
    digest = sha1(cause.bytes + str(name).encode(), usedforsecurity=False).digest()
    number = int.from_bytes(digest[:16], "big")
    return UUID(int=number & _WITHOUT_VERSION | _VERSION_5)
