"""How does a picture move while the notebook goes on? A thread draws it again, in the same place.

A notebook can replace an output by its display id, and this module uses only that. So it works in JupyterLab
and elsewhere, without a package or the internet, and a saved notebook contains the last picture. It says when
it was drawn. When nothing can be drawn, the last picture stays in its place, with the reason.
"""

import textwrap
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import Pretty, display
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lab.drawing.figure import Picture, caption, picture
from lab.drawing.palette import FAULT

SHORTEST = 0.25  # seconds between two pictures: a shorter time would show nothing more
LINE_LENGTH = 80  # letters of an error on a picture
STAMP = 0.22  # inches at the bottom, for the time of the drawing
STOP_SECONDS = 15.0  # how long `stop` waits for a drawing in progress: ten if the broker is away

_moving: dict[str, "Live"] = {}  # {cell: its picture}


class Live:
    """A picture that is redrawn until `stop()`, or until the program ends.

    As a context manager, it stops at the end of the block.
    """

    def __init__(self, draw: Callable[[], Any], show: Callable[[Any], object], interval: float = 0.5):
        """`draw` returns the picture and `show` displays it; both run on their own thread."""
        self.drawn = 0
        self._draw, self._show, self._interval = draw, show, interval
        self._last: Figure | None = None
        self._stamp = ""
        self._stop = threading.Event()
        # A daemon thread does not keep a kernel from ending.
        self._thread = threading.Thread(target=self._run, name="lab-live", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Live: drawn {self.drawn} times, {'moving' if self.is_moving else 'standing still'}>"

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def is_moving(self) -> bool:
        """Whether it is still being redrawn."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Draw a last time and stop. Stopping twice is safe."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join(STOP_SECONDS)
        if not self.is_moving:
            self._redraw()

    def _run(self) -> None:
        while not self._stop.is_set():
            began, used = time.monotonic(), time.thread_time()
            self._redraw()
            # A pause in any case, and as much rest as work, so that the notebook can do its own.
            worked = time.thread_time() - used
            self._stop.wait(max(began + self._interval - time.monotonic(), worked, SHORTEST))

    def _redraw(self) -> None:
        try:
            drawn = self._draw()
            if isinstance(drawn, Figure):
                self._stamp = f"drawn at {datetime.now():%H:%M:%S}"
                self._last, drawn = drawn, _render(drawn, self._stamp)
            else:
                self._last = None
        except Exception as error:  # any error is shown, and the next drawing tries again
            lines = str(error).strip().splitlines() or [""]
            drawn = self._instead(f"No picture just now: {type(error).__name__}: {lines[0]}")
        self._show(drawn)
        self.drawn += 1

    def _instead(self, why: str) -> Picture | Pretty:
        """The last picture, with the reason on it: so the page does not jump."""
        if self._last is None:
            return Pretty(why)
        try:
            return _render(self._last, self._stamp, why)
        except Exception:  # it was the picture that could not be rendered
            return Pretty(why)


def _render(figure: Figure, stamp: str, why: str = "") -> Picture:
    """The figure as a picture, with the time of its drawing, and why none is newer. It stays as it was."""
    engine, share = figure.get_layout_engine(), STAMP / figure.get_figheight()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0, share, 1, 1 - share))
    texts = [figure.text(0.995, 0.005, stamp, ha="right", va="bottom", fontsize=11)]
    if why:
        lines = [caption(line, len(line)) for line in textwrap.wrap(why, LINE_LENGTH)[:3]]
        box = {"facecolor": "white", "edgecolor": FAULT, "linewidth": 2, "pad": 8}
        middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 12, "bbox": box}
        texts.append(figure.text(0.5, 0.5, "\n".join(lines), **middle))
    try:
        return picture(figure, f"{stamp.capitalize()}.", *filter(None, [why]))
    finally:
        for text in texts:
            text.remove()


def show_live(draw: Callable[[], Any], interval: float = 0.5) -> Live:
    """Show a picture in this cell, and redraw it every `interval` seconds while the notebook goes on.

    `draw` has no arguments and returns a matplotlib figure, or anything else that a notebook can show. It
    runs on its own thread, so it must open the warehouse itself. If it raises an error, the last picture
    stays and shows the error, and `draw` is called again. Ends at `stop()`, when the cell is run again, or
    with the notebook's kernel. Redraws at most four times a second, and rests as long as a drawing works:
    a slow laptop redraws less often. Outside a notebook, nothing is shown.
    """
    notebook: Any = get_ipython()
    if not hasattr(notebook, "kernel"):
        print("A live picture needs a notebook; nothing is shown here.")
        live = Live(draw, show=lambda drawn: None, interval=interval)
        live.stop()
        return live
    asked = (
        notebook.kernel.get_parent() or {}
    )  # the message that runs this cell; not every client names the cell
    cell = asked.get("metadata", {}).get("cellId") or notebook.user_ns["In"][-1]
    if cell in _moving:
        _moving.pop(cell).stop()
    place = display(Pretty("Drawing ..."), display_id=True)
    _moving[cell] = Live(draw, place.update, interval)
    return _moving[cell]
