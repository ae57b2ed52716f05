"""A text as several messages: cut where a reader would pause, never inside of a word."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from notifier.graphemes import cut_after, cut_before
from notifier.labels import Measure, is_visible

_SPACES = re.compile(r"\s+")
_NO_BREAK = frozenset("\u00a0\u2007\u202f")
"""Spaces that hold together what they stand between."""
_SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u00bb\u201d\u2019)\]]*\Z")
_SENTENCE_END_CHARACTERS_MAX = 4


def split(
    text: str, units_max: int, measure: Measure, *, last_units_max: int | None = None
) -> tuple[str, ...]:
    """The text in pieces, all of which can be seen; white space at the cuts is dropped.

    A cut is made between paragraphs, else between lines, sentences or words, in this order, as
    long as that leaves a piece at least half full. Only a word that is longer than a piece is cut,
    and then between characters as people see them.

    Args:
        text: the whole of it.
        units_max: how long a piece may be, as `measure` counts; at least 2.
        measure: how long a text is; a code point counts 1 or 2.
        last_units_max: how long the last piece may be, where there is less room for it.
    """
    last_units_max = min(last_units_max or units_max, units_max)
    pieces: list[str] = []
    rest = text.rstrip()
    while measure(rest) > last_units_max:
        end = _reach(rest, units_max, measure)
        if end < len(rest):
            cut = _best_cut(rest, end // 2, end) or _last_word(rest, end)
        else:
            # The last paragraph alone makes a fine prompt; its last sentence alone would be lost.
            lowest = len(rest) - _reach(rest[::-1], last_units_max, measure)
            cut = _best_cut(rest, lowest, end - 1, within="first") or _inside_last(rest, lowest)
        pieces.append(rest[: cut.start])
        rest = rest[cut.end :]
    return tuple(piece for piece in [*pieces, rest] if is_visible(piece))


class _Cut(NamedTuple):
    """What lies between two pieces."""

    start: int
    end: int


def _reach(text: str, units_max: int, measure: Measure) -> int:
    """How many code points of the text fit from its beginning."""
    end = min(len(text), units_max)
    while (excess := measure(text[:end]) - units_max) > 0:
        end -= (excess + 1) // 2
    return end


def _best_cut(
    text: str, lowest: int, highest: int, *, within: Literal["first", "last"] = "last"
) -> _Cut | None:
    """The best place that leaves up to `highest` before it and nothing before `lowest` after it.

    Of equal places the last; within a paragraph it may be the first.
    """
    best, best_rank = None, 0
    for cut, rank in _pauses(text, highest):
        if cut.end < lowest or rank < best_rank:
            continue
        if within == "first" and rank == best_rank < _PARAGRAPH:
            continue
        best, best_rank = cut, rank
    return best


_WORD, _SENTENCE, _LINE, _PARAGRAPH = 1, 2, 3, 4


def _pauses(text: str, highest: int) -> Iterator[tuple[_Cut, int]]:
    for spaces in _SPACES.finditer(text):
        start, end = spaces.span()
        if start > highest:
            return
        if start == 0 or _NO_BREAK.issuperset(spaces[0]):
            continue
        breaks = spaces[0].count("\n")
        if breaks:
            rank = _PARAGRAPH if breaks > 1 else _LINE
        else:
            before = text[max(0, start - _SENTENCE_END_CHARACTERS_MAX) : start]
            rank = _SENTENCE if _SENTENCE_END.search(before) else _WORD
        yield _Cut(start, end), rank


def _last_word(text: str, end: int) -> _Cut:
    """The last pause up to `end`, however short the piece; else inside of the word."""
    inside = cut_before(text, end)
    pauses = [cut for cut, _ in _pauses(text, end)]
    return pauses[-1] if pauses else _Cut(inside, inside)


def _inside_last(text: str, lowest: int) -> _Cut:
    """A cut inside of the one word that ends the text."""
    inside = cut_after(text, lowest)
    if inside >= len(text):
        inside = lowest
    return _Cut(inside, inside)
