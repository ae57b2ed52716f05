"""A ticket is a picture that both platforms take and every phone reads."""

import struct
import zlib

import pytest
import segno

from contracts import Document
from notifier.ticket import QUIET_ZONE_MODULES, draw
from runtime.failures import Reject


def pixels(png: bytes) -> list[list[bool]]:
    """The rows of an 8-bit RGB PNG; True is dark."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (8, 2), "WhatsApp takes 8-bit RGB or RGBA only"
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    raw = zlib.decompress(png[start + 4 : start + 4 + length])
    stride = 1 + 3 * width
    rows = [raw[at + 1 : at + stride] for at in range(0, stride * height, stride)]
    return [[row[at] == 0 for at in range(0, 3 * width, 3)] for row in rows]


@pytest.mark.parametrize("data", ["T", "TKT1." + "a" * 100, "x" * 2048])
def test_a_ticket_is_big_enough_and_holds_its_code(data: str) -> None:
    rows = pixels(draw(Document(kind="ticket", data=data, filename="t.png")).content)
    assert len(rows) >= 400
    assert all(len(row) == len(rows) for row in rows)
    expected = [
        list(row) for row in segno.make_qr(data, error="m", boost_error=False).matrix_iter(border=4)
    ]
    scale = len(rows) // len(expected)
    modules = [[int(dark) for dark in row[::scale]] for row in rows[::scale]]
    assert modules == expected
    assert not any(any(row) for row in modules[:QUIET_ZONE_MODULES])


def test_the_same_ticket_is_the_same_file() -> None:
    document = Document(kind="ticket", data="TKT1.a", filename="t.png")
    assert draw(document) == draw(document)


def test_a_code_that_fits_no_qr_is_set_aside_with_a_reason() -> None:
    with pytest.raises(Reject, match="too long"):
        draw(Document(kind="ticket", data="я" * 2048, filename="t.png"))
