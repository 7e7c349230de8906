"""How does a picture move while the notebook goes on? A thread draws it again, in the same place.

A notebook can replace an output by its display id, and this module uses only that. So it works in JupyterLab
and elsewhere, without a package or the internet, and a saved notebook contains the last picture.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import Image, Pretty, display
from matplotlib.figure import Figure

from lab.drawing.figure import GAP, render_png

SHORTEST = 0.25  # seconds between two pictures: a shorter time would show nothing more
STOP_SECONDS = 15.0  # how long `stop` waits for a drawing in progress: ten if the broker is away


class Live:
    """A picture that is redrawn until `stop()`, or until its seconds are over.

    As a context manager, it stops at the end of the block.
    """

    def __init__(
        self,
        draw: Callable[[], Any],
        show: Callable[[Any], object],
        interval: float = 0.5,
        seconds: float = 300,
    ):
        """`draw` returns the picture and `show` displays it; both run on their own thread."""
        self.drawn = 0
        self._draw, self._show = draw, show
        self._interval, self._seconds = interval, seconds
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
        until = time.monotonic() + self._seconds
        while not self._stop.is_set():
            began = time.monotonic()
            if began >= until:
                self._redraw(f"Updated for {self._seconds:g} seconds, and stopped.")
                return
            self._redraw()
            # Always pause, however long the drawing took, so that the notebook can do its own work.
            self._stop.wait(max(began + self._interval - time.monotonic(), SHORTEST))

    def _redraw(self, note: str = "") -> None:
        try:
            picture = self._draw()
            if isinstance(picture, Figure):
                if note:
                    box = {"facecolor": "white", "edgecolor": GAP}
                    picture.text(0.99, 0.01, note, ha="right", va="bottom", fontsize=11, bbox=box)
                picture = Image(render_png(picture))
        except Exception as error:  # any error is shown, and the next drawing tries again
            lines = str(error).strip().splitlines() or [""]
            picture = Pretty(f"No picture just now: {type(error).__name__}: {lines[0]}")
        self._show(picture)
        self.drawn += 1


def show_live(draw: Callable[[], Any], interval: float = 0.5, seconds: float = 300) -> Live:
    """Show a picture in this cell, and redraw it every `interval` seconds while the notebook goes on.

    `draw` has no arguments and returns a matplotlib figure, or anything else that a notebook can show. It
    runs on its own thread, so it must open the warehouse itself. If it raises an error, the error is shown
    in one line, and `draw` is called again. Ends at `stop()`, or after `seconds`. Redraws at most four times
    a second. Outside a notebook, nothing is shown.
    """
    if not hasattr(get_ipython(), "kernel"):
        print("A live picture needs a notebook; nothing is shown here.")
        return Live(draw, show=lambda picture: None, interval=interval, seconds=0)
    place = display(Pretty("Drawing ..."), display_id=True)
    return Live(draw, place.update, interval, seconds)
