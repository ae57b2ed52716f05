"""A ticket is a picture that both platforms take and every phone reads."""

import asyncio
import hashlib
import os
import struct
import subprocess
import sys
import zlib

import pytest
import segno

from contracts import Document
from notifier.attachments import drawn
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
    rows: list[list[bool]] = []
    for at in range(0, stride * height, stride):
        filter_type, line = raw[at], raw[at + 1 : at + stride]
        if filter_type == 0:
            rows.append([line[x] == 0 for x in range(0, 3 * width, 3)])
        else:
            assert (filter_type, any(line)) == (2, False), "the line above once more"
            rows.append(rows[-1])
    return rows


@pytest.mark.parametrize("data", ["T", "TKT1." + "a" * 100, "x" * 2048])
def test_a_ticket_is_big_enough_and_holds_its_code(data: str) -> None:
    rows = pixels(draw(data))
    assert len(rows) >= 400
    assert all(len(row) == len(rows) for row in rows)
    expected = [
        list(row) for row in segno.make_qr(data, error="m", boost_error=False).matrix_iter(border=4)
    ]
    scale = len(rows) // len(expected)
    modules = [[int(dark) for dark in row[::scale]] for row in rows[::scale]]
    assert modules == expected
    assert not any(any(row) for row in modules[:QUIET_ZONE_MODULES])


def test_the_same_ticket_is_the_same_file_from_every_process() -> None:
    """Else the platforms would be given it again and again."""
    assert draw("TKT1.a") == draw("TKT1.a")
    say = (
        "import hashlib; from notifier.ticket import draw;"
        "print(hashlib.sha256(draw('TKT1.a')).hexdigest())"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", say],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        )
        assert run.stdout.strip() == hashlib.sha256(draw("TKT1.a")).hexdigest()


def test_a_code_that_fits_no_qr_is_set_aside_with_a_reason() -> None:
    with pytest.raises(Reject, match="too long"):
        draw("я" * 2048)


async def test_drawing_holds_up_nobody() -> None:
    """The longest code takes some 100 ms; the loop goes on meanwhile."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    heart = asyncio.create_task(beat())
    picture = await drawn(Document(kind="ticket", data="y" * 2048, filename="t.png"))
    heart.cancel()
    assert picture.content == draw("y" * 2048)
    assert beats > 10, "it was drawn in the loop"
