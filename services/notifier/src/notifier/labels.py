"""Texts and labels cut to a platform's limits; lengths are in characters (code points)."""

from collections.abc import Iterable

ELLIPSIS = "…"


def one_line(text: str) -> str:
    """Without line breaks and doubled spaces; never empty, which platforms refuse."""
    return " ".join(text.split()) or ELLIPSIS


def visible(text: str) -> str:
    """As it is, unless there is nothing to see, which platforms refuse."""
    return text if text.strip() else ELLIPSIS


def cut(text: str, characters_max: int) -> str:
    """The text, or its beginning and an ellipsis."""
    if len(text) <= characters_max:
        return text
    return text[: characters_max - len(ELLIPSIS)].rstrip() + ELLIPSIS


def unique_titles(labels: Iterable[str], characters_max: int) -> tuple[str, ...]:
    """One title per label, each within the limit, no two alike (platforms.md B4).

    Labels that are alike once they are cut get a number at their end.
    """
    titles: list[str] = []
    for label in labels:
        title = cut(one_line(label), characters_max)
        number = 1
        while title in titles:
            number += 1
            suffix = f" {number}"
            title = cut(one_line(label), characters_max - len(suffix)) + suffix
        titles.append(title)
    return tuple(titles)
