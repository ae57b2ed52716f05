"""The picture of a ticket: a QR code that a phone's screen shows and another phone reads."""

import struct
import zlib
from dataclasses import dataclass

import segno

from contracts import Document
from runtime.failures import Reject

SIDE_PIXELS_MIN = 400
"""Big enough to be read from a phone held at arm's length."""
QUIET_ZONE_MODULES = 4
"""The white border that ISO/IEC 18004 asks for."""
ERROR_CORRECTION = "m"
"""15 %: survives a cracked screen, and still holds 2,048 bytes."""

_WHITE, _BLACK = b"\xff\xff\xff", b"\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file."""

    content: bytes
    filename: str


def draw(document: Document) -> Picture:
    """The document as a picture, the same bytes for the same document.

    Raises:
        Reject: its data is too long for any QR code.
    """
    try:
        code = segno.make_qr(document.data, error=ERROR_CORRECTION, boost_error=False)
    except segno.DataOverflowError as error:
        raise Reject("the ticket's code is too long for a QR") from error
    side_modules = code.symbol_size(border=QUIET_ZONE_MODULES)[0]
    scale = -(-SIDE_PIXELS_MIN // side_modules)
    rows = [
        b"".join(_BLACK if dark else _WHITE for dark in row)
        for row in code.matrix_iter(scale=scale, border=QUIET_ZONE_MODULES)
    ]
    return Picture(_png(rows), document.filename)


def _png(rows: list[bytes]) -> bytes:
    """Rows of RGB pixels as a PNG.

    WhatsApp takes pictures of 8 bits per channel, RGB or RGBA, only (Meta's page on image
    messages); segno writes one bit per pixel, so the file is written here.
    """
    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", pixels)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
