"""Ids are derived from their cause: whoever repeats the work says the same thing again."""

from uuid import UUID, uuid5

from contracts.address import Platform

TURNOUT = UUID("6d0f3a52-53f2-5d0c-9a55-0d8f3cf4e1b7")
"""The namespace of every id that we derive; it must never change."""


def inbound_id(platform: Platform, account: str, provider_id: str) -> UUID:
    """The id of what a platform told us, the same for every repetition of its webhook.

    Args:
        platform: the messenger.
        account: the bot or number that was written to.
        provider_id: Telegram's `update_id`, WhatsApp's `messages[].id` (platforms.md A2, B2).
    """
    return uuid5(TURNOUT, f"{platform}:{account}:{provider_id}")


def derived_id(cause: UUID, name: int | str) -> UUID:
    """The id of what `cause` brought about; `name` tells apart several things of one cause."""
    return uuid5(cause, str(name))
