"""The page itself, drawn with fpdf2 and fonts that come along."""

import unicodedata
from importlib.resources import files
from pathlib import Path

import segno
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import TTFFont

from registry.poster.words import WORDS, Poster, date_of, time_of

FONT = "DejaVu"
FONT_FOLDER = Path(str(files("registry.poster") / "fonts"))

PAGE_WIDTH_MM, PAGE_HEIGHT_MM = 210.0, 297.0
MARGIN_MM = 18.0
WIDTH_MM = PAGE_WIDTH_MM - 2 * MARGIN_MM
MM_PER_POINT = 25.4 / 72
LINE_HEIGHT = 1.18
"""Of a line, in font sizes."""

TITLE_POINTS = (60, 54, 48, 44, 40, 36, 32, 28, 24, 20)
TITLE_LINES_MAX = 5
TITLE_HEIGHT_MAX_MM = 62.0
DATE_POINTS, TIME_POINTS = (28, 26, 24, 22, 20), (22, 20, 18)
PLACE_POINTS = (22, 20, 18, 16, 14)
PLACE_LINES_MAX = 2
CAPTION_POINTS, ACCOUNT_POINTS = (20,), (17, 15, 13, 11, 9)
SCAN_POINTS, WRITE_POINTS = (24, 22, 20, 18), (17,)
CODE_POINTS = (60,)

QR_TOP_MM, QR_SIDE_MM = 150.0, 74.0
QR_OVERLAP_MM = 0.02
"""Rows reach a little into each other, so that no screen shows white lines between them."""
QR_ERROR_CORRECTION = "m"
"""15 %: survives a crease and a drawing pin."""
QUIET_ZONE_MODULES = 4
"""The white border that ISO/IEC 18004 asks for."""
BOX_TOP_MM, BOX_HEIGHT_MM = 246.0, 38.0

Colour = tuple[int, int, int]
INK: Colour = (17, 24, 39)
SOFT: Colour = (75, 85, 99)
ACCENT: Colour = (15, 118, 110)
BOX: Colour = (240, 253, 250)


class Undrawable(ValueError):
    """Our fonts have no signs for this; the message says so as a sentence."""


def draw(poster: Poster) -> bytes:
    """The poster as a PDF of one page.

    Raises:
        Undrawable: no letter of the title is in our fonts.
    """
    page = _Page(poster)
    try:
        page.head(poster)
        page.codes(poster)
        page.foot(poster)
        return page.done()
    finally:
        page.close()


class _Page:
    """One sheet of A4."""

    def __init__(self, poster: Poster) -> None:
        self._pdf = pdf = FPDF(format="A4")
        pdf.add_font(FONT, "", FONT_FOLDER / "DejaVuSans.ttf")
        pdf.add_font(FONT, "B", FONT_FOLDER / "DejaVuSans-Bold.ttf")
        pdf.set_auto_page_break(auto=False)
        pdf.set_margins(MARGIN_MM, MARGIN_MM)
        pdf.c_margin = 0
        pdf.set_lang(poster.language)
        pdf.set_creator("Turnout")
        pdf.add_page()
        self._y_mm = 0.0

    def head(self, poster: Poster) -> None:
        """Title, time and place."""
        title = self._drawable(poster.title, bold=True)
        if not any(sign.isalnum() for sign in title):
            raise Undrawable(
                "The poster's fonts have no signs for this title. They know Latin, Cyrillic, "
                "Greek, Armenian and Georgian letters."
            )
        self._pdf.set_title(title)
        self._bar(0.0, 9.0)
        self._y_mm = 24.0
        self._text(title, TITLE_POINTS, INK, TITLE_LINES_MAX, height_max_mm=TITLE_HEIGHT_MAX_MM)
        self._y_mm += 6.0
        self._text(date_of(poster), DATE_POINTS, ACCENT, 1)
        self._text(time_of(poster), TIME_POINTS, ACCENT, 1)
        self._y_mm += 3.0
        place = self._drawable(poster.location, bold=False)
        if place:
            self._text(place, PLACE_POINTS, SOFT, PLACE_LINES_MAX, bold=False)

    def codes(self, poster: Poster) -> None:
        """A QR code for each platform, with its name and our name there."""
        links = poster.links
        shown: list[tuple[str, str, str]] = []
        if links.telegram:
            shown.append((links.telegram.url, "Telegram", f"@{links.telegram.username}"))
        if links.whatsapp:
            shown.append((links.whatsapp.url, "WhatsApp", f"+{links.whatsapp.phone}"))
        self._y_mm = QR_TOP_MM - 13.0
        self._text(WORDS[poster.language].scan, SCAN_POINTS, INK, 1, align="C")
        column_mm = WIDTH_MM / len(shown)
        for number, (url, platform, account) in enumerate(shown):
            left_mm = MARGIN_MM + number * column_mm
            self._qr(url, left_mm + (column_mm - QR_SIDE_MM) / 2, QR_TOP_MM)
            self._y_mm = QR_TOP_MM + QR_SIDE_MM - 1.0
            self._text(
                platform, CAPTION_POINTS, INK, 1, align="C", left_mm=left_mm, width_mm=column_mm
            )
            self._text(
                account,
                ACCOUNT_POINTS,
                SOFT,
                1,
                bold=False,
                align="C",
                left_mm=left_mm,
                width_mm=column_mm,
            )

    def foot(self, poster: Poster) -> None:
        """The short code, for those who type."""
        pdf = self._pdf
        pdf.set_fill_color(*BOX)
        pdf.set_draw_color(*ACCENT)
        pdf.set_line_width(0.6)
        pdf.rect(
            MARGIN_MM,
            BOX_TOP_MM,
            WIDTH_MM,
            BOX_HEIGHT_MM,
            style="DF",
            round_corners=True,
            corner_radius=4,
        )
        self._y_mm = BOX_TOP_MM + 3.5
        self._text(
            WORDS[poster.language].write,
            WRITE_POINTS,
            INK,
            1,
            bold=False,
            align="C",
            left_mm=MARGIN_MM + 4,
            width_mm=WIDTH_MM - 8,
        )
        pdf.set_char_spacing(8)
        self._text(poster.links.code, CODE_POINTS, ACCENT, 1, align="C")
        pdf.set_char_spacing(0)
        self._bar(PAGE_HEIGHT_MM - 5.0, 5.0)

    def done(self) -> bytes:
        """The file."""
        return bytes(self._pdf.output())

    def close(self) -> None:
        """Close the font files; fpdf2 leaves that to the collector, and ours is frozen."""
        for font in self._pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def _bar(self, top_mm: float, height_mm: float) -> None:
        self._pdf.set_fill_color(*ACCENT)
        self._pdf.rect(0, top_mm, PAGE_WIDTH_MM, height_mm, style="F")

    def _text(
        self,
        text: str,
        sizes_points: tuple[int, ...],
        colour: Colour,
        lines_max: int,
        *,
        bold: bool = True,
        align: str = "L",
        left_mm: float = MARGIN_MM,
        width_mm: float = WIDTH_MM,
        height_max_mm: float = PAGE_HEIGHT_MM,
    ) -> None:
        """Write at the first size at which it fits; at the last one what fits of it."""
        pdf = self._pdf
        pdf.set_text_color(*colour)
        for points in sizes_points:
            pdf.set_font(FONT, "B" if bold else "", points)
            line_mm = points * MM_PER_POINT * LINE_HEIGHT
            lines = self._lines(text, width_mm)
            fits = len(lines) <= lines_max and len(lines) * line_mm <= height_max_mm
            if fits and all(pdf.get_string_width(word) <= width_mm for word in text.split()):
                break
        else:
            if len(lines) > lines_max:
                lines = [*lines[: lines_max - 1], lines[lines_max - 1][:-1].rstrip() + "…"]
        for line in lines:
            pdf.set_xy(left_mm, self._y_mm)
            pdf.cell(
                width_mm, line_mm, line.strip(), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT
            )
            self._y_mm += line_mm

    def _lines(self, text: str, width_mm: float) -> list[str]:
        lines = self._pdf.multi_cell(width_mm, text=text, align="L", dry_run=True, output="LINES")
        assert isinstance(lines, list)
        return lines

    def _qr(self, url: str, left_mm: float, top_mm: float) -> None:
        code = segno.make_qr(url, error=QR_ERROR_CORRECTION, boost_error=False)
        rows = [list(row) for row in code.matrix_iter(border=QUIET_ZONE_MODULES)]
        module_mm = QR_SIDE_MM / len(rows)
        self._pdf.set_fill_color(0, 0, 0)
        for y, row in enumerate(rows):
            for start, end in _dark_runs(row):
                self._pdf.rect(
                    left_mm + start * module_mm,
                    top_mm + y * module_mm,
                    (end - start) * module_mm,
                    module_mm + QR_OVERLAP_MM,
                    style="F",
                )

    def _drawable(self, text: str, *, bold: bool) -> str:
        """The text without signs that the font lacks, such as most emoji."""
        known = self._pdf.fonts[FONT.lower() + ("B" if bold else "")].cmap  # type: ignore[union-attr]
        composed = unicodedata.normalize("NFC", " ".join(text.split()))
        return " ".join(
            "".join(sign for sign in composed if _is_drawn(sign) and ord(sign) in known).split()
        )


def _is_drawn(sign: str) -> bool:
    # Joiners and variation selectors belong to emoji; alone they would be boxes.
    return unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn") and not (
        0xFE00 <= ord(sign) <= 0xFE0F
    )


def _dark_runs(row: list[int]) -> list[tuple[int, int]]:
    """Where dark modules stand side by side: (first, behind the last)."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and runs and runs[-1][1] == x:
            runs[-1] = (runs[-1][0], x + 1)
        elif dark:
            runs.append((x, x + 1))
    return runs
