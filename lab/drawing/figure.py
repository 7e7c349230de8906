"""What does a picture look like? The figure, its captions and axes, and how a notebook shows it."""

import io
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from html import escape
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font

from lab.drawing.palette import FAULT, NOTHING
from lab.text.printable import code, printable

# So many inches and pixels are what JupyterLab shows in a window of 1280x720 without making them smaller, and
# with the code above them.
WIDTH, HEIGHT, DPI = 9.2, 5.2, 90
FEW_TICKS = 5  # on the time axis of a narrow panel; with fewer there are times for which no step fits


class Picture:
    """A PNG with its text for those who do not see it; JupyterLab has no place for one beside a plain PNG."""

    def __init__(self, data: bytes, alt: str):
        self.data, self.alt = data, alt

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        png, alt = b64encode(self.data).decode(), printable(self.alt)
        image = f'<img src="data:image/png;base64,{png}" alt="{escape(alt)}">'
        words = {"image/png": {"alt": alt}}  # for what does not take the HTML, such as the book
        return {"text/html": image, "image/png": png}, words


class Chart(Figure):
    """A figure that shows itself in a notebook, live or saved, with any backend.

    `alt` says in words what it shows, and `left_out` what it does not; the picture says that, too.
    """

    def __init__(self, height: float = HEIGHT, alt: str = "", left_out: Sequence[str] = ()):
        super().__init__(figsize=(WIDTH, height), layout="constrained", dpi=DPI)
        self.alt = alt
        self.left_out = list(left_out)
        if left_out:
            text = "\n".join(f"Not shown: {what}" for what in left_out)
            self.suptitle(text, x=0.01, ha="left", fontsize=10, color=FAULT, wrap=True)

    def savefig(self, *where: Any, **how: Any) -> None:
        """Save the picture, laid out first: otherwise matplotlib draws all of it once more for the layout."""
        engine = self.get_layout_engine()
        if self.axes and engine:
            engine.execute(self)
        self.set_layout_engine(None)
        try:
            super().savefig(*where, **how)
        finally:
            self.set_layout_engine(engine)

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        return picture(self)._repr_mimebundle_()


def picture(figure: Figure, *more: str) -> Picture:
    """The figure as a PNG, with its words, what it leaves out, and `more`."""
    words = [getattr(figure, "alt", "") or "A figure.", *more]
    words += [f"Not shown: {what}." for what in getattr(figure, "left_out", ())]
    return Picture(render_png(figure), " ".join(words))


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
        panel.legend(loc="upper left", bbox_to_anchor=(1, legend_top), frameon=False, fontsize=10,
                     labelspacing=0.25, handlelength=1.2)  # fmt: skip


class TimeLocator(AutoDateLocator):
    """Finds the ticks of a view once: for one picture, matplotlib asks for them dozens of times."""

    view: tuple[float, ...] = ()
    ticks: Sequence[float] = ()

    def __call__(self) -> Sequence[float]:
        """The places of the ticks."""
        assert self.axis
        view = tuple(self.axis.get_view_interval())
        if view != self.view:
            self.view, self.ticks = view, super().__call__()
        return self.ticks


class TimeFormatter(ConciseDateFormatter):
    """Short labels, and beside them what they have in common: `2 January 2026, UTC`. They are made once."""

    def __init__(self, locator: AutoDateLocator):
        days = "%d %B %Y, UTC"
        offsets = ["", "%Y, UTC", "%B %Y, UTC", days, days, "%d %B %Y, %H:%M, UTC"]
        super().__init__(locator, tz="UTC", offset_formats=offsets)
        self.zero_formats[3] = "%d %b"  # midnight, among hours
        self.year = ""  # all that the labels have in common, if they name several days
        self.ticks: tuple[float, ...] | None = None
        self.labels: list[str] = []

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The labels of the ticks."""
        if tuple(values) != self.ticks:
            self.ticks, self.labels = tuple(values), self._labels_of(values)
        return self.labels

    def _labels_of(self, values: Sequence[float]) -> list[str]:
        labels, days = super().format_ticks(values), {moment.date() for moment in num2date(values)}
        years, has_hours = {day.year for day in days}, any(":" in label for label in labels)
        self.year = ""
        if has_hours and len(days) > 1:
            self.year = f"{years.pop()}, UTC" if len(years) == 1 else "UTC"
        return labels

    def get_offset(self) -> str:
        """The day without the zero, for which there is no portable format."""
        return self.year or super().get_offset().removeprefix("0") or "UTC"


def dress_times(panel: Axes, max_ticks: int | None = None) -> None:
    """Label the time axis of a panel concisely."""
    locator = TimeLocator(minticks=2, maxticks=max_ticks)
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(TimeFormatter(locator))
    panel.xaxis.get_offset_text().set_fontsize(11)


def shade(panel: Axes, starts: Iterable[datetime], ends: Iterable[datetime], label: str) -> None:
    """Shade from each start to its end in grey, as one shape, because there may be thousands."""
    spans = zip(date2num(starts), date2num(ends))
    corners = [[(start, 0), (start, 1), (end, 1), (end, 0)] for start, end in spans]
    shapes = PolyCollection(corners, color=NOTHING, alpha=0.25, linewidth=0, label=label)
    shapes.set_transform(panel.get_xaxis_transform())
    panel.add_collection(shapes, autolim=False)
