"""The picture of a ticket: a QR code that a phone's screen shows and another phone reads."""

import struct
import zlib
from collections.abc import Sequence

import segno

from runtime.failures import Reject

SIDE_PIXELS_MIN = 400
"""Big enough to be read from a phone held at arm's length."""
QUIET_ZONE_MODULES = 4
"""The white border that ISO/IEC 18004 asks for."""
ERROR_CORRECTION = "m"
"""15 %: survives a cracked screen, and still holds 2,048 bytes."""

_WHITE, _BLACK = b"\xff\xff\xff", b"\x00\x00\x00"
_PLAIN, _LIKE_ABOVE = b"\x00", b"\x02"
"""PNG's filters None and Up: a line of zeros after Up is the line above once more."""


def draw(code: str) -> bytes:
    """The ticket's code as a PNG file, the same bytes for the same code.

    Takes some 5 ms, and up to 100 for the longest codes: not for an event loop.

    Raises:
        Reject: the code is too long for any QR code.
    """
    try:
        symbol = segno.make_qr(code, error=ERROR_CORRECTION, boost_error=False)
    except segno.DataOverflowError as error:
        raise Reject("the ticket's code is too long for a QR") from error
    modules = [bytes(row) for row in symbol.matrix_iter(border=QUIET_ZONE_MODULES)]
    scale = -(-SIDE_PIXELS_MIN // len(modules))
    return _png(modules, scale)


def _png(modules: Sequence[bytes], scale: int) -> bytes:
    """A square of modules, 1 for dark, as a PNG with `scale` pixels to a module.

    WhatsApp takes pictures of 8 bits per channel, RGB or RGBA, only (Meta's page on image
    messages); segno writes one bit per pixel, so the file is written here.
    """
    side_pixels = len(modules) * scale
    header = struct.pack(">IIBBBBB", side_pixels, side_pixels, 8, 2, 0, 0, 0)
    colours = (_WHITE * scale, _BLACK * scale)
    again = (_LIKE_ABOVE + bytes(len(_WHITE) * side_pixels)) * (scale - 1)
    lines = (_PLAIN + b"".join(colours[dark] for dark in row) + again for row in modules)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(lines), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
