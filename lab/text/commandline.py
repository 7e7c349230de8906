"""What has to be typed here to run the kit? Texts say `python -m lab ...`; `as_typed` makes it work.

`python` is the kit's own only where its `.venv` was activated. Elsewhere, as in JupyterLab's own
terminal, the same command is `.venv/bin/python -m lab`, and after a plain `pip install .` it is `kafka-lab`.
"""

import os
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

START = Path(__file__).resolve().parents[2] / "start.py"  # not there after a plain `pip install .`
PROGRAM = "kafka-lab"
# Not after a slash: there the right Python stands already, for a text may pass here twice.
PYTHON_CALL = re.compile(r"(?<![\w/\\.-])python -m (lab|pip)\b")
START_CALL = re.compile(r"(?<![\w/\\.-])(?:(?:python3?|py) )?start\.py (demo|lab|test|setup|reset)\b")


def as_typed(text: str) -> str:
    """The text, with each command of the kit as it works from the current folder."""
    text = PYTHON_CALL.sub(lambda call: kit() if call[1] == "lab" else f"{python()} -m {call[1]}", text)
    return START_CALL.sub(lambda call: start(call[1]), text)


def kit() -> str:
    """What runs the kit: `python -m lab`, or `kafka-lab` where it was installed without start.py."""
    if not START.exists() and shutil.which(PROGRAM):
        return PROGRAM
    return f"{python()} -m lab"


def python() -> str:
    """What runs this very Python: `python` where that is it, else its path."""
    ours, found = Path(sys.executable or "python"), shutil.which("python")
    # By its folder as well: the `python` of a .venv and the one that it was made with are one file.
    if found and Path(found).parent.resolve() == ours.parent.resolve() and Path(found).samefile(ours):
        return "python"
    return path_as_typed(ours.with_suffix("") if ours.suffix == ".exe" else ours)


def start(command: str) -> str:
    """The call of `start.py` with a command, by a Python that every terminal has."""
    usual = "py" if os.name == "nt" else "python3"
    return f"{usual if shutil.which(usual) else python()} {path_as_typed(START)} {command}"


def path_as_typed(path: Path) -> str:
    """A path: from the current folder if it is below that, and quoted where it has to be."""
    with suppress(OSError, ValueError):  # the current folder is gone; it is elsewhere
        path = path.relative_to(Path.cwd())
    return f'"{path}"' if re.search(r"[^\w./\\:-]", str(path)) else str(path)
