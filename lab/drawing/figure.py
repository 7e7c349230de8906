"""What does a picture look like? The figure, its colours, captions and axes, and its PNG."""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from lab.text.printable import code, printable

# Colours that colour-blind people, and everyone on a projector, can tell apart (after Okabe and Ito).
LINE, GAP = "#0072b2", "#999999"
STATUS = {"WARNING": ("#e69f00", "^"), "CRITICAL": ("#d55e00", "X")}


class Chart(Figure):
    """A figure that shows itself in a notebook, live or saved, with any backend.

    `left_out` says what it does not show; the picture says it too.
    """

    def __init__(self, *args, left_out: Sequence[str] = (), **kwargs):
        super().__init__(*args, layout="constrained", dpi=110, **kwargs)
        self.left_out = list(left_out)
        if left_out:
            text = "\n".join(f"Not shown: {what}" for what in left_out)
            self.suptitle(text, x=0.01, ha="left", fontsize=10, color=STATUS["CRITICAL"][0])

    def _repr_png_(self) -> bytes:
        return render_png(self)


def render_png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG."""
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def caption(text: str, max_length: int = 60) -> str:
    """A foreign text in a form that matplotlib draws literally: short, and not taken for a formula."""
    letters = _letters(findfont(FontProperties())) & _letters(findfont(FontProperties(weight="bold")))
    text = "".join(x if ord(x) in letters else code(x) for x in printable(text))
    if len(text) > max_length:
        text = f"{text[: max_length - 9]}…{text[-8:]}"
    if text.startswith("_"):
        text = f" {text}"  # a legend leaves out a label that begins with _
    return text.replace("$", r"\$")


@cache
def _letters(font: str) -> frozenset[int]:
    """The characters that a font has; for any other, matplotlib draws a box and warns."""
    return frozenset(get_font(font).get_charmap())


def dress(panel: Axes, title: str, unit: str = "", tick_size: int = 11, legend_top: float = 1) -> None:
    """Add a title, the unit of the values, a grid, and a legend if anything in the panel has a label."""
    panel.set_title(title, loc="left", fontsize=12, fontweight="bold")
    panel.set_ylabel(unit, fontsize=12)
    panel.tick_params(labelsize=tick_size)
    panel.grid(alpha=0.3)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(loc="upper left", bbox_to_anchor=(1, legend_top), frameon=False, fontsize=10)


def dress_times(panel: Axes) -> None:
    """Label the time axis of a panel concisely."""
    locator = AutoDateLocator()
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def shade(panel: Axes, starts: Iterable[datetime], ends: Iterable[datetime], label: str) -> None:
    """Shade from each start to its end in grey, as one shape, because there may be thousands."""
    spans = zip(date2num(starts), date2num(ends))
    corners = [[(start, 0), (start, 1), (end, 1), (end, 0)] for start, end in spans]
    shapes = PolyCollection(corners, color=GAP, alpha=0.25, linewidth=0, label=label)
    shapes.set_transform(panel.get_xaxis_transform())
    panel.add_collection(shapes, autolim=False)
