"""What is a figure here? A ratio: ours to a reference, each run in turn with it, on the same data."""

import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
MEBIBYTE = 2**20


@dataclass
class Comparison:
    """What was measured of ours and of the reference, run by run; `goal` such as '>= 0.9', or none."""

    what: str
    reference: str
    unit: str
    goal: str = ""
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """Ours to theirs, from smallest to largest."""
        return sorted(ours / theirs for ours, theirs in zip(self.ours, self.theirs))

    @property
    def median(self) -> float:
        """The ratio in the middle."""
        return statistics.median(self.ratios)

    @property
    def is_reached(self) -> bool | None:
        """Whether the median meets the goal; None where there is no goal."""
        if not self.goal:
            return None
        sign, bound = self.goal.split()
        return self.median >= float(bound) if sign == ">=" else self.median <= float(bound)


def take_turns(runs: int, ways: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """What each way measures, run by run; in turns, so that a slow moment of the machine meets all.

    Every second round goes backwards, so that none always has the same one before it.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for n in range(runs):
        for name in list(ways)[:: -1 if n % 2 else 1]:
            found[name].append(ways[name]())
    return found


def in_process(*arguments: object, file: str, timeout: float = 120) -> dict[str, float]:
    """Run a program of this folder in a Python of its own; what it prints is JSON."""
    command = [sys.executable, "-m", f"benchmarks.{file}", *map(str, arguments)]
    done = subprocess.run(command, cwd=KIT, capture_output=True, text=True, encoding="utf-8", timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def missing(packages: Iterable[str]) -> list[str]:
    """Those of the packages that are not installed."""
    return [name for name in packages if importlib.util.find_spec(name) is None]
