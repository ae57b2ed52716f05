"""Dead letters in words; a list says nothing of a person."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from runtime.dead.letters import Letter


def as_table(letters: Sequence[Letter], *, each: bool) -> str:
    """How many there are of each origin and reason, the most first; or one line for each letter."""
    if not letters:
        return "no dead letters\n"
    if each:
        rows: list[tuple[str, ...]] = [("number", "at", "kind", "origin", "id", "reason")]
        rows += [
            (str(one.number), _time(one.at), one.kind, one.origin, one.message_id, _why(one))
            for one in letters
        ]
    else:
        rows = [("count", "oldest", "newest", "origin", "reason")]
        rows += [
            (str(len(group)), _time(_oldest(group)), _time(_newest(group)), origin, reason)
            for (origin, reason), group in _groups(letters)
        ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    noun = "dead letter" if len(letters) == 1 else "dead letters"
    return "\n".join([*lines, f"{len(letters)} {noun}", ""])


def as_json(letters: Sequence[Letter], *, each: bool) -> str:
    """The same for scripts."""
    shown: dict[str, object] = {
        "total": len(letters),
        "groups": [
            {
                "origin": origin,
                "reason": reason,
                "count": len(group),
                "oldest": _oldest(group).isoformat(),
                "newest": _newest(group).isoformat(),
            }
            for (origin, reason), group in _groups(letters)
        ],
    }
    if each:
        shown["letters"] = [
            {
                "number": one.number,
                "at": one.at.isoformat(),
                "kind": one.kind,
                "origin": one.origin,
                "id": one.message_id,
                "reason": one.reason,
                "deliveries": one.deliveries,
                "discarded": one.discarded,
            }
            for one in letters
        ]
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def as_text(letter: Letter) -> str:
    """All of one letter that was read with its body."""
    lines = [f"letter {letter.number}", f"  at: {_time(letter.at)}"]
    lines += [f"  {name}: {value}" for name, value in sorted(letter.headers.items())]
    return "\n".join([*lines, "", _body(letter.body or b""), ""])


def _body(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body.decode(errors="backslashreplace")


def _groups(letters: Iterable[Letter]) -> list[tuple[tuple[str, str], list[Letter]]]:
    groups: defaultdict[tuple[str, str], list[Letter]] = defaultdict(list)
    for letter in letters:
        groups[letter.origin, letter.reason].append(letter)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _why(letter: Letter) -> str:
    if letter.discarded is None:
        return letter.reason
    return f"{letter.reason} (discarded: {letter.discarded})"


def _oldest(letters: Sequence[Letter]) -> datetime:
    return min(letter.at for letter in letters)


def _newest(letters: Sequence[Letter]) -> datetime:
    return max(letter.at for letter in letters)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
