"""How does a notebook show the kit's errors and results? An error as one line, a result as a small table.

The door calls `begin` when it is imported in a kernel. Elsewhere nothing changes.
"""

import sys
import threading
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from IPython.core.getipython import get_ipython

from lab.classroom import tables
from lab.errors import LabError

# {(module, class): its table}: by name, so that no module is imported before a lesson uses it.
TABLES = {
    ("lab.topics", "Topic"): tables.topic_table,
    ("lab.producer", "ProduceSummary"): tables.produce_table,
    ("lab.clients.summaries", "ConsumeSummary"): tables.consume_table,
}
RENDER = "_render_traceback_"  # IPython shows what an exception's method of this name returns
_usual = threading.excepthook  # what shows an error that ends a thread


def begin() -> None:
    """Tell the running IPython, if there is one, how to show them. Calling it twice is safe."""
    shell: Any = get_ipython()
    if shell is None:
        return
    html = shell.display_formatter.formatters["text/html"]
    for (module, name), table in TABLES.items():
        html.for_type_by_name(module, name, table)
    setattr(LabError, RENDER, _render)
    threading.excepthook = _show_in_thread


def _render(error: LabError) -> list[str]:
    """One line for an error that has just ended a cell; otherwise, as for `%tb`, the whole traceback."""
    shell: Any = get_ipython()
    if sys.exc_info()[1] is not error:
        return shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
    return [_line(error, shell.user_ns)]


def _show_in_thread(ended: threading.ExceptHookArgs) -> None:
    """The same for an error that has ended a thread, which IPython does not get to see."""
    shell: Any = get_ipython()
    if shell and isinstance(ended.exc_value, LabError):
        print(_line(ended.exc_value, shell.user_ns), file=sys.stderr)
    else:
        _usual(ended)


def _line(error: LabError, notebook: Mapping[str, Any]) -> str:
    return f"{type(error).__name__}{_place(error.__traceback__, notebook)}: {error}"


def _place(trace: TracebackType | None, notebook: Mapping[str, Any]) -> str:
    """Where in the notebook: the line of a cell, or of a function that is defined in one."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(trace) if frame.f_globals is notebook]
    if not frames:
        return ""
    frame, line = frames[-1]
    name = frame.f_code.co_name
    return f" in line {line}" if name.startswith("<") else f" in {name}, line {line}"
