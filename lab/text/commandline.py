"""What has to be typed here to run the kit? Texts say `python -m lab ...`; `as_typed` adapts the command.

`python` is the kit's Python only if its `.venv` was activated. Otherwise, as in JupyterLab's terminal, the
same command is `.venv/bin/python -m lab`. After a plain `pip install .` it is `kafka-lab`.
"""

import os
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

START = Path(__file__).resolve().parents[2] / "start.py"  # missing after a plain `pip install .`
PROGRAM = "kafka-lab"
TYPED_IN = (
    "_KAFKA_LAB_TYPED_IN"  # the folder in which start.py was called, which then runs a command elsewhere
)
# Not after a slash: such a command was already adapted, because a text may be passed here twice.
PYTHON_CALL = re.compile(r"(?<![\w/\\.-])python -m (lab|pip)\b")
START_CALL = re.compile(r"(?<![\w/\\.-])(?:(?:python3?|py) )?start\.py (demo|lab|test|setup|reset)\b")


def as_typed(text: str) -> str:
    """The text, with each command of the kit in the form that works in the current folder."""
    text = PYTHON_CALL.sub(lambda call: kit() if call[1] == "lab" else f"{python()} -m {call[1]}", text)
    return START_CALL.sub(lambda call: start(call[1]), text)


def kit() -> str:
    """The command that runs the kit: `python -m lab`, or `kafka-lab` if installed without start.py."""
    if not START.exists() and shutil.which(PROGRAM):
        return PROGRAM
    return f"{python()} -m lab"


def python() -> str:
    """The command that runs this Python: `python` if that is the same, otherwise its path."""
    ours, found = Path(sys.executable or "python"), shutil.which("python")
    # The folder is compared too: the `python` of a .venv is a link to the one that it was made with.
    if found and Path(found).parent.resolve() == ours.parent.resolve() and Path(found).samefile(ours):
        return "python"
    return path_as_typed(ours.with_suffix("") if ours.suffix == ".exe" else ours)


def start(command: str) -> str:
    """The command line that calls `start.py`, with the Python that made this `.venv` if it has a name."""
    names = ("py" if os.name == "nt" else "python3", "python")
    return f"{next(filter(_made_this, names), python())} {path_as_typed(START)} {command}"


def _made_this(name: str) -> bool:
    found = shutil.which(name)
    return bool(found) and (name == "py" or Path(found).resolve() == Path(sys.executable).resolve())


def path_as_typed(path: Path) -> str:
    """A path, relative to the current folder if it is below it, and quoted if necessary."""
    with suppress(OSError, ValueError):  # the current folder was removed; the path is not below it
        path = path.relative_to(os.environ.get(TYPED_IN) or Path.cwd())
    return f'"{path}"' if re.search(r"[^\w./\\:-]", str(path)) else str(path)
