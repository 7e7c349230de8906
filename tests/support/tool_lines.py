"""The lines "With Kafka's own tools: ..." of the lessons, typed in a terminal."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LINE = re.compile(r"With Kafka's own tools: `python -m lab (kafka [^`]+)`")


def lines_of(lesson: str) -> list[str]:
    """Those of a lesson, such as "02"."""
    (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return LINE.findall("\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))


def run_line(line: str, settings: dict[str, str], typed: str = "") -> str:
    """What it prints, with these settings (`LAB_...`); `typed` is what it gets to read."""
    done = subprocess.run(
        [sys.executable, "-m", "lab", *shlex.split(line)],
        env=os.environ | settings,
        input=typed.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    said = done.stdout.decode("utf-8").replace("\r\n", "\n")
    assert done.returncode == 0, f"{line}\n{said}"
    return said
