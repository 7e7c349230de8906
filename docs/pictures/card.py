"""What do all pictures of an idea have in common? A white card, a few shapes, and text that stays text."""

from collections.abc import Iterable
from math import atan2, cos, sin
from xml.sax.saxutils import escape, quoteattr

from lab.drawing.palette import COPY, FAULT, LAG, NOTHING, STORED

INK, PAPER = "#1a1a1a", "white"
LINE, WAITING, LOST, GAP = STORED, LAG, FAULT, NOTHING
WIDTH, MARGIN = 900, 24
# Verdana and DejaVu Sans have the same widths, so a text has the same room on every system.
FONTS = "Verdana, 'DejaVu Sans', sans-serif"
TEXT, SMALL, CELL = 18, 16, 44  # at 900 px: 16 is the least that a projector shows to the last row

# What a message or a box is: its background, its frame, its text, and the dashes of its frame.
STYLES = {
    "stored": (LINE, LINE, "white", ""),
    "waiting": (WAITING, WAITING, INK, ""),
    "lost": ("#fbe3d6", LOST, INK, "6 4"),
    "absent": (PAPER, GAP, "#595959", "6 4"),
    "plain": (PAPER, INK, INK, ""),
    "place": ("#eef5fa", LINE, INK, ""),
    "good": (COPY, LINE, INK, ""),
}


class Card:
    """A white card, which is legible on a dark page too, and what is drawn on it, in pixels."""

    def __init__(self, height: int):
        self.height = height
        self.parts: list[str] = []

    def text(
        self, x: float, y: float, words: str, size: int = TEXT, anchor: str = "middle",
        color: str = INK, bold: bool = False,
    ) -> None:  # fmt: skip
        """One or several lines, centred at y; `anchor` is the part of a line that is at x."""
        rows = words.split("\n")
        weight = ' font-weight="bold"' if bold else ""
        for n, row in enumerate(rows):
            base = y + 0.36 * size + 1.3 * size * (n - (len(rows) - 1) / 2)
            self.parts.append(
                f'<text x="{x:g}" y="{base:.1f}" font-size="{size}" text-anchor="{anchor}" '
                f'fill="{color}"{weight}>{escape(row)}</text>'
            )

    def box(
        self, x: float, y: float, width: float, height: float, words: str = "", style: str = "plain",
        size: int = TEXT, bold: bool = False,
    ) -> None:  # fmt: skip
        """A rounded box, with words in its middle."""
        fill, frame, color, dashes = STYLES[style]
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="{fill}" stroke="{frame}" stroke-width="2"{dashed}/>'
        )
        if words:
            self.text(x + width / 2, y + height / 2, words, size, color=color, bold=bold)

    def log(self, x: float, y: float, cells: Iterable[tuple[object, str]], size: int = CELL) -> None:
        """Messages side by side: what is written in each, and its style."""
        for n, (words, style) in enumerate(cells):
            self.box(x + n * (size + 4), y, size, size, str(words), style, min(TEXT, size // 2 + 2))

    def line(self, points: Iterable[tuple[float, float]], color: str = INK, dashes: str = "") -> None:
        """A line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2.5"{dashed}/>'
        )

    def arrow(self, *points: tuple[float, float], color: str = INK, dashes: str = "") -> None:
        """A line through points, with a head at its end."""
        (x0, y0), (x, y) = points[-2:]
        angle = atan2(y - y0, x - x0)
        back = [(x - 13 * cos(angle + turn), y - 13 * sin(angle + turn)) for turn in (0.42, -0.42)]
        neck = (x - 8 * cos(angle), y - 8 * sin(angle))
        self.line([*points[:-1], neck], color, dashes)
        head = " ".join(f"{a:.1f},{b:.1f}" for a, b in [(x, y), *back])
        self.parts.append(f'<polygon points="{head}" fill="{color}"/>')

    def cross(self, x: float, y: float, size: float = 14) -> None:
        """Something dies here."""
        for turn in (1, -1):
            self.line([(x - size, y - turn * size), (x + size, y + turn * size)], LOST)

    def svg(self, title: str, alt: str) -> str:
        """The file: the same bytes each time."""
        frame = f'x="1" y="1" width="{WIDTH - 2}" height="{self.height - 2}" rx="14"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" '
                f'width="{WIDTH}" height="{self.height}" role="img" font-family={quoteattr(FONTS)}>',
                f"<title>{escape(title)}</title>",
                f"<desc>{escape(alt)}</desc>",
                f'<rect {frame} fill="{PAPER}" stroke="#d0d0d0"/>',
                *self.parts,
                "</svg>\n",
            ]
        )
