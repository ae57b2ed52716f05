"""What was answered then and now, side by side for a person's eyes."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from conversation.replay.transcript import Heard, Meanwhile, Transcript, Turn, span_in_words

_RED, _GREEN, _DIM, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[1m", "\x1b[0m"


def differences(then: Transcript, now: Transcript) -> list[int]:
    """The turns, from 0, that are answered otherwise than was written down."""
    return [
        number
        for number, (before, after) in enumerate(zip(then.turns, now.turns, strict=True))
        if before.hears is not None and before.hears != after.hears
    ]


def as_chat(then: Transcript, now: Transcript, *, everything: bool, coloured: bool) -> str:
    """The chat, with the old answers marked - and the new ones +.

    Args:
        then: the transcript as it was recorded.
        now: the same with today's answers.
        everything: show also what has not changed.
        coloured: mark with colours as well.
    """
    changed = set(differences(then, now))
    shown: list[str] = []
    for number, (before, after) in enumerate(zip(then.turns, now.turns, strict=True)):
        if number not in changed and not everything and before.hears is not None:
            continue
        shown.append(_painted(f"{number + 1:>3}  {_happened(after)}", _BOLD, coloured=coloured))
        if number in changed:
            shown += _changed(before, after, coloured=coloured)
        else:
            shown += [f"       {line}" for line in _lines(after)]
        shown.append("")
    return "\n".join(shown)


def _changed(before: Turn, after: Turn, *, coloured: bool) -> Iterator[str]:
    old, new = _lines(before), _lines(after)
    for what, old_from, old_to, new_from, new_to in SequenceMatcher(a=old, b=new).get_opcodes():
        if what == "equal":
            for line in old[old_from:old_to]:
                yield _painted(f"       {line}", _DIM, coloured=coloured)
            continue
        for line in old[old_from:old_to]:
            yield _painted(f"     - {line}", _RED, coloured=coloured)
        for line in new[new_from:new_to]:
            yield _painted(f"     + {line}", _GREEN, coloured=coloured)


def _happened(turn: Turn) -> str:
    (name, happened), *_ = turn.happened.items()
    match happened:
        case str() if name == "taps":
            return f"taps [{happened}]"
        case str() if name == "says":
            return f"says: {happened}"
        case Meanwhile():
            return f"meanwhile {happened.model_dump(exclude_unset=True)}"
    span = f"({span_in_words(turn.passes)})" if turn.passes is not None else happened
    return f"{name}: {span}"


def _lines(turn: Turn) -> list[str]:
    """The bubbles as lines, with an empty one between two."""
    lines: list[str] = []
    for heard in turn.hears or ():
        lines += [""] if lines else []
        lines += _bubble(heard)
    return lines or ["(no answer)"]


def _bubble(heard: Heard) -> list[str]:
    lines = [] if heard.document is None else [f"({heard.document} attached)"]
    lines += heard.text.splitlines()
    if heard.choices:
        lines.append(" ".join(f"[{label}]" for label in heard.choices))
    return lines


def _painted(line: str, colour: str, *, coloured: bool) -> str:
    return f"{colour}{line}{_PLAIN}" if coloured else line
