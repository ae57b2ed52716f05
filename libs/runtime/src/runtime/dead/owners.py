"""Whose a dead letter is: where it is kept ends in its chat's key, so that one purge finds all."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from contracts import Address
from contracts.topology import CHANNELS

NOBODY = "none"
"""Stands for platform and chat where a letter concerns no chat, several, or nobody can tell which.
It is no chat's key: those have a dash."""
CHAT_FIELDS = ("address", "chat")
"""What a message calls the chat that it concerns."""


def letter_subject(subject: str, owner: Address | None) -> str:
    """`dead.<kind>.<platform>.<chat key>`: always four tokens, so that `*` may stand for the kind.

    Args:
        subject: where it was; the kind is its first token.
        owner: the chat that it concerns.
    """
    kind = subject.partition(".")[0]
    if owner is None:
        return f"dead.{kind}.{NOBODY}.{NOBODY}"
    # The platform too: keys of two platforms may be equal.
    return f"dead.{kind}.{owner.platform}.{owner.chat_key}"


def owner_of(subject: str, body: bytes) -> Address | None:
    """The chat that a message concerns, if that can be told.

    Its body is asked first: a command about an event has the event in its subject, and the person
    in its body. It need not be readable as a message; that its chat can be read is enough.

    Args:
        subject: where it was.
        body: as it came.
    """
    return _said_in(body) or _named_by(subject)


def _said_in(body: bytes) -> Address | None:
    try:
        said: Any = from_json(body)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    return next((chat for name in CHAT_FIELDS if (chat := _address(said.get(name)))), None)


def _address(said: object) -> Address | None:
    try:
        return Address.model_validate(said)
    except ValidationError:
        return None


def _named_by(subject: str) -> Address | None:
    """The chat of a subject that has a platform in it and ends in a key."""
    *before, key = subject.split(".")
    platform = next((channel for channel in CHANNELS if channel in before), None)
    if platform is None:
        return None
    try:
        address = Address.from_key(platform, key)
    except ValueError:
        return None
    # An id of ours has dashes as well, and is no key.
    return address if address.chat_key == key else None
