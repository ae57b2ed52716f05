"""Taking out, for good and without a trace, what the dead letters hold of one chat."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from nats.aio.client import Client
from pydantic import AwareDatetime, TypeAdapter
from pydantic_core import from_json

from contracts import Address
from contracts.topology import DEAD
from runtime.dead.letters import Letter, Letters
from runtime.dead.owners import NOBODY, letter_subject, owner_of
from runtime.purging import purge

UNOWNED = (
    f"dead.*.{NOBODY}.{NOBODY}",
    # As they were kept before the chat's key ended every subject; gone after `DEAD_DAYS_MAX`.
    "dead.command.*.*.*",
    "dead.webhook.*",
    "dead.discarded",
)
"""Where letters are whose subject does not tell whose they are."""
WEBHOOK = "webhook"
"""First token of where the raw bodies were that a platform sent us."""

_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


async def forget(
    client: Client,
    address: Address,
    *,
    mentions: Iterable[str] = (),
    before: datetime | None = None,
) -> int:
    """Take out every dead letter of one chat; returns how many there were.

    Letters that are nobody's by their subject are read, one after the other. They go if their body
    concerns the chat after all, if they are webhooks that hold the chat's id, or if they hold one
    of `mentions`. It may be broken off anywhere and begun again.

    What is being worked on at this moment may still be set aside later: call it again for that.

    Args:
        client: the broker.
        address: the chat.
        mentions: what else only this person is known by, such as an e-mail address or a phone
            number in digits; whole words, in any case.
        before: only what is from before this time goes; None: all. Whoever was forgotten may be
            back by now.

    Raises:
        nats.errors.Error, OSError: the broker does not answer.
    """
    count = 0
    letters = Letters(client.jetstream())
    for pattern in (letter_subject("*", address), *_older(address)):
        if before is None:
            count += await purge(client, DEAD.name, pattern)
        else:
            count += await _remove_older(letters, pattern, before)
    known_by = frozenset(mentions)
    async for letter in letters.all(*UNOWNED):
        whole = await letters.read(letter.number)
        if whole is None or (before is not None and _happened_at(whole) >= before):
            continue
        if _is_of(whole, address, known_by):
            count += await letters.remove(whole)
    return count


def _older(address: Address) -> tuple[str, ...]:
    """Where letters of a chat were kept before: at `dead.` and where they had been, which for some
    streams ended in the chat's key, after a lane, an account or a priority.
    """
    platform, key = address.platform, address.chat_key
    return (
        f"dead.*.{platform}.*.{key}",  # inbound, parked
        f"dead.*.{platform}.*.*.{key}",  # woken
        f"dead.*.*.{platform}.{key}",  # out
        f"dead.*.*.{platform}.*.{key}",  # outbound, bulk
    )


async def _remove_older(letters: Letters, pattern: str, before: datetime) -> int:
    count = 0
    async for letter in letters.all(pattern):
        whole = await letters.read(letter.number)
        if whole is not None and _happened_at(whole) < before:
            count += await letters.remove(whole)
    return count


def _happened_at(letter: Letter) -> datetime:
    """When what it is about came to be: it may have been set aside much later."""
    try:
        said: Any = from_json(letter.body or b"")
        return _MOMENT.validate_python(said["occurred_at"])
    except (ValueError, KeyError, TypeError):
        return letter.at


def _is_of(letter: Letter, address: Address, mentions: frozenset[str]) -> bool:
    body = letter.body or b""
    if owner_of(letter.subject, body) == address:
        return True
    is_webhook = letter.subject.split(".")[0] == WEBHOOK
    # Not in a command: there a short id could be any number.
    words = mentions | {address.chat_id} if is_webhook else mentions
    return any(_holds(body, word) for word in words)


def _holds(body: bytes, word: str) -> bool:
    try:
        texts = list(_texts(from_json(body)))
    except ValueError:
        # Nobody knows where a word ends in what is broken.
        return word.casefold() in body.decode(errors="replace").casefold()
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
    return any(whole.search(text) for text in texts)


def _texts(value: Any) -> Iterator[str]:
    """Every word and number in what was JSON."""
    match value:
        case dict():
            for name, inner in value.items():
                yield name
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case str() | int() | float():
            yield str(value)
