"""Where a dead letter goes when it is sent again."""

import re
from dataclasses import dataclass

from pydantic import ValidationError

from contracts import OutboundMessage
from contracts.topology import DEAD, STREAMS, Stream
from runtime.dead.letters import Letter

OUTBOUND_KINDS = ("out", "outbound", "bulk", "parked")
"""First tokens of subjects whose bodies are `OutboundMessage`s."""

_TOKEN = re.compile(r"\{\{wildcard\((\d+)\)\}\}|\{\{partition\([\d,]+\)\}\}|[^.]+")


class NoWayBack(Exception):
    """It cannot be sent again; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Way:
    """What to publish, and where: at the tail of whatever it waits in."""

    subject: str
    body: bytes


def way_back(letter: Letter) -> Way:
    """The way of a letter that was read with its body.

    Raises:
        NoWayBack: there is none.
    """
    assert letter.body is not None
    first = letter.subject.split(".")[0]
    if first == "webhook":
        raise NoWayBack(
            "a webhook that could not be read belongs to no chat: what could be read of it was "
            "handled when it came, and the rest needs a release that understands it"
        )
    if first in OUTBOUND_KINDS:
        return _outbound(letter)
    for stream in STREAMS:
        if stream is not DEAD and (subject := _taken_at(stream, letter.subject)) is not None:
            return Way(subject, letter.body)
    raise NoWayBack("no stream takes what was set aside there")


def _outbound(letter: Letter) -> Way:
    try:
        message = OutboundMessage.model_validate_json(letter.body or b"")
    except ValidationError:
        raise NoWayBack("this release does not understand it either") from None
    # The ledger lets it be sent once for each such act, whatever became of it before.
    again = message.model_copy(update={"redriven": letter.act})
    return Way(again.route(), again.model_dump_json().encode())


def _taken_at(stream: Stream, stored: str) -> str | None:
    """The subject at which `stream` takes in what it stores as `stored`; None if it does not."""
    if stream.transform is None:
        return stored if any(_matches(pattern, stored) for pattern in stream.subjects) else None
    taken, kept = stream.transform
    found: dict[int, str] = {}
    parts, tokens = stored.split("."), list(_TOKEN.finditer(kept))
    if len(parts) != len(tokens):
        return None
    for part, token in zip(parts, tokens, strict=True):
        if token[1] is not None:
            found[int(token[1])] = part
        elif not token[0].startswith("{{") and token[0] != part:
            return None
    wildcards = iter(range(1, taken.count("*") + 1))
    return ".".join(found[next(wildcards)] if t == "*" else t for t in taken.split("."))


def _matches(pattern: str, subject: str) -> bool:
    expected, given = pattern.split("."), subject.split(".")
    return len(expected) == len(given) and all(
        e in ("*", g) for e, g in zip(expected, given, strict=True)
    )
