"""The QR codes of a poster, read back from the PDF's own rectangles."""

import re
import zlib
from dataclasses import dataclass

import segno

Symbol = tuple[tuple[int, ...], ...]
"""The modules of a QR code, row by row, without the white border; 1 is dark."""

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_STEP = re.compile(
    rb"(?P<rect>(?P<x>-?[\d.]+) (?P<y>-?[\d.]+) (?P<w>-?[\d.]+) (?P<h>-?[\d.]+) re)"
    rb"|(?P<black>(?<=\n)0 g(?=\n))|(?P<colour>(?<=\n)[\d.]+ [\d.]+ [\d.]+ rg(?=\n))"
)
"""A rectangle, or a colour for those that follow; a text's own colour does not stand alone."""
PAGE_MIDDLE_POINTS = 297.6


@dataclass(frozen=True)
class _Rectangle:
    """In points, from the page's lower left corner."""

    left: float
    top: float
    width: float
    height: float


def symbol_of(text: str) -> Symbol:
    """The QR code that a poster shows for `text`."""
    code = segno.make_qr(text, error="m", boost_error=False)
    return tuple(tuple(int(dark) for dark in row) for row in code.matrix)


def codes_on(pdf: bytes) -> list[Symbol]:
    """The codes on the poster, from left to right."""
    black = _black_rectangles(pdf)
    left = [one for one in black if one.left + one.width < PAGE_MIDDLE_POINTS]
    right = [one for one in black if one.left > PAGE_MIDDLE_POINTS]
    parts = [left, right] if len(left) + len(right) == len(black) else [black]
    return [_symbol(part) for part in parts if part]


def _black_rectangles(pdf: bytes) -> list[_Rectangle]:
    found, is_black = [], False
    for stream in _STREAM.findall(pdf):
        try:
            content = zlib.decompress(stream)
        except zlib.error:
            continue
        for step in _STEP.finditer(content):
            if step["rect"] and is_black:
                x, y, width, height = (float(step[name]) for name in ("x", "y", "w", "h"))
                found.append(_Rectangle(x, y, width, abs(height)))
            elif not step["rect"]:
                is_black = step["black"] is not None
    return found


def _symbol(rectangles: list[_Rectangle]) -> Symbol:
    first, top = min(one.left for one in rectangles), max(one.top for one in rectangles)
    width = max(one.left + one.width for one in rectangles) - first
    # Rows reach a little into each other, so the height says nearly the size of a module only.
    side = round(width / min(one.width for one in rectangles))
    module = width / side
    rows = [[0] * side for _ in range(side)]
    for one in rectangles:
        y, x = round((top - one.top) / module), round((one.left - first) / module)
        for dark in range(x, x + round(one.width / module)):
            rows[y][dark] = 1
    return tuple(tuple(row) for row in rows)
