"""Texts and labels within a platform's limits, whose units a `Measure` counts."""

import re
import unicodedata
from collections.abc import Callable, Iterable

from contracts import Choice
from notifier.graphemes import cut_before

ELLIPSIS = "…"
_WITHOUT_INK = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Spaces and controls. Not what the tables do not know: that may be next year's emoji."""
_LOOKS_EMPTY = re.compile(
    "[\u034f\u115f\u1160\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Fillers, the Braille pattern without dots, and variation selectors."""

Measure = Callable[[str], int]
"""How long a text is to a platform."""


def code_points(text: str) -> int:
    """What Telegram counts (platforms.md A4), and Python."""
    return len(text)


def utf16_units(text: str) -> int:
    """What JavaScript, Java and others count: an emoji is two."""
    return len(text) + sum(character > "\uffff" for character in text)


def is_visible(text: str) -> bool:
    """Whether there is anything to see; platforms refuse a text without."""
    return any(
        unicodedata.category(character) not in _WITHOUT_INK and not _LOOKS_EMPTY.match(character)
        for character in text
    )


def visible(text: str) -> str:
    """As it is, unless there is nothing to see."""
    return text if is_visible(text) else ELLIPSIS


def one_line(text: str) -> str:
    """Without line breaks, tabs and doubled spaces; never empty."""
    return visible(" ".join(text.split()))


def cut(text: str, units_max: int, measure: Measure = code_points) -> str:
    """The text, or its beginning and an ellipsis; no character is cut in two."""
    if measure(text) <= units_max:
        return text
    end = len(text)
    while (excess := measure(text[:end]) + len(ELLIPSIS) - units_max) > 0:
        end -= (excess + 1) // 2
    return text[: cut_before(text, end)].rstrip() + ELLIPSIS


def unique_titles(
    labels: Iterable[str], units_max: int, measure: Measure = code_points
) -> tuple[str, ...]:
    """One title per label, each within the limit, no two alike (platforms.md B4).

    Labels that are alike once they are cut get a number at their end.
    """
    titles: list[str] = []
    for label in labels:
        title = cut(one_line(label), units_max, measure)
        number = 1
        while title in titles:
            number += 1
            suffix = f" {number}"
            title = cut(one_line(label), units_max - len(suffix), measure) + suffix
        titles.append(title)
    return tuple(titles)


def description(choice: Choice) -> str:
    """What is said of a choice besides its label; empty where there is nothing to see."""
    described = choice.description or ""
    return one_line(described) if is_visible(described) else ""


def told(choice: Choice) -> str:
    """A choice in words: its label, and its description if it has one."""
    return " — ".join(filter(None, (one_line(choice.label), description(choice))))


def with_lines(text: str, lines: Iterable[str]) -> str:
    """The text, and the lines as a paragraph of their own below it."""
    below = "\n".join(lines)
    return f"{text}\n\n{below}" if below else text
