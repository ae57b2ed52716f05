"""What a mail server's answers mean for a message, as data.

The step that failed decides first, then the enhanced status code (RFC 3463), then the number
(RFC 5321). The words after them are the server's own and may quote addresses: nobody looks at them
but for the enhanced code at their beginning.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from notifier.verdicts import Down, Failed, Later, Stopped, Throttled, Verdict

GREYLISTED_SECONDS = 300.0
"""Servers that do not know a sender ask for a second try after some minutes."""
GREYLISTED_TRIES_MAX = 12
"""An hour: whoever has not let it pass by then does not mean to."""
TOO_FAST_SECONDS = 60.0
"""Servers name no time."""

Step = Literal["connect", "login", "sender", "recipient", "content"]
"""How far the talk with the server had come."""

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
LATER = Later(after_seconds=GREYLISTED_SECONDS, tries_max=GREYLISTED_TRIES_MAX)


@dataclass(frozen=True, slots=True)
class Row:
    """The first one that fits decides."""

    verdict: Verdict
    steps: frozenset[Step]
    codes: range | frozenset[int]
    enhanced: str = ""
    """A regular expression for the enhanced code, such as `5.1.1`; empty: whatever it is."""


def _row(
    verdict: Verdict, steps: tuple[Step, ...], codes: range | tuple[int, ...], enhanced: str = ""
) -> Row:
    kept = codes if isinstance(codes, range) else frozenset(codes)
    return Row(verdict, frozenset(steps), kept, enhanced)


_ENTRY: tuple[Step, ...] = ("connect", "login")
_ENVELOPE: tuple[Step, ...] = ("recipient", "content")
_POLICY = r"4\.7\.\d+"
_TOO_FAST = Throttled(scope="account", after_seconds=TOO_FAST_SECONDS)

TABLE: tuple[Row, ...] = (
    # Too much from us: 4.7.x is "security or policy", the usual way to say so.
    _row(_TOO_FAST, ("sender", "recipient", "content"), (421,), _POLICY),
    _row(_TOO_FAST, ("sender", "content"), (450, 451, 454), _POLICY),
    # The server as a whole.
    _row(Down(), (*_ENTRY, "sender", *_ENVELOPE), (421,)),
    _row(Down(), _ENTRY, range(400, 500)),
    # It does not let us in, or not under this name: a human has to look at SMTP_URL or MAIL_FROM.
    _row(Stopped(), _ENTRY, range(500, 600)),
    _row(Failed(), ("sender",), (552,)),
    _row(Stopped(), ("sender",), range(500, 600)),
    _row(Stopped(), _ENVELOPE, (530, 534, 535, 538)),
    # This one mail, or this one mailbox.
    _row(LATER, ("sender", *_ENVELOPE), range(400, 500)),
    _row(Failed(), _ENVELOPE, range(500, 600)),
)
"""A mailbox that does not exist is `Failed` and nothing more: the chat of an e-mail address is the
person, and a person who proves another address tomorrow must get mail there."""


def judge(step: Step, code: int, words: str = "") -> Verdict:
    """The verdict on an answer that was no acceptance.

    Args:
        step: what was answered.
        code: the answer's number.
        words: what came after it.
    """
    found = _ENHANCED.match(words)
    enhanced = ".".join(found.groups()) if found else ""
    for row in TABLE:
        if step in row.steps and code in row.codes and re.fullmatch(row.enhanced or ".*", enhanced):
            return replace(row.verdict, reason=f"email-{enhanced or code}")
    return Later(reason=f"email-{code}")
