"""How does lesson 13 run a program with Quix Streams, and compare its windows with the truth?"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd

from lab.classroom.programs import start_program
from lab.clients.groups import group_offsets
from lab.neighbours.neighbour import PROGRAMS, require
from lab.settings import Settings
from lab.system.signals import wait_until
from lab.topics import read_records

PROGRAM = PROGRAMS / "stream.py"
WINDOW = ["sensor_id", "start"]  # what names a window
SAID: WeakKeyDictionary[subprocess.Popen, Path] = WeakKeyDictionary()  # the file in which each said something


def start_stream(
    steps: str | Path,
    readings: str,
    results: str,
    table: str | None = None,
    *,
    guarantee: str = "exactly-once",
    ends: bool = True,
) -> subprocess.Popen:
    """Start a program that does the steps of a file with each message of `readings`, and sends the `results`.

    Started again with the same `results`, it is the same program: it goes on where it was. Beside the file it
    has a folder with that name: its `state`, and in `said.txt` what it said. If it `ends`, then when it has
    read all that is there. A `table` is a second topic, for a join. The other `guarantee` is "at-least-once".
    """
    place = Path(steps).parent / results
    place.mkdir(exist_ok=True)
    servers = Settings.from_environment().bootstrap_servers
    how = [guarantee, "once" if ends else "forever", *filter(None, [table])]
    command = [require("streams").python, PROGRAM, servers, readings, results, steps, place / "state", *how]
    with (place / "said.txt").open("ab") as said:
        program = start_program(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    SAID[program] = place / "said.txt"
    return program


def run_stream(steps: str | Path, readings: str, results: str, table: str | None = None) -> None:
    """The same, until it ends. If that is by an error, its last line is printed."""
    program = start_stream(steps, readings, results, table)
    program.wait(timeout=100)
    _say_error(program)


def wait_for_checkpoint(
    program: subprocess.Popen, readings: str, results: str, messages: int, **kafka: Any
) -> None:
    """Wait until a program has written down that it is done with so many messages, or has ended.

    If it ended by an error, its last line is printed.
    """

    def is_done() -> bool:
        return sum(group_offsets(readings, results, **kafka).values()) >= messages

    wait_until(lambda: program.poll() is not None or is_done(), timeout=100)
    _say_error(program)


def _say_error(program: subprocess.Popen) -> None:
    if program.poll():
        said = SAID[program].read_text(encoding="utf-8", errors="replace").split("\n")
        words = [line.strip() for line in said if line.strip()]  # none, if it was killed
        print(f"The program ended: {words[-1] if words else f'code {program.returncode}'}", file=sys.stderr)


def read_windows(results: str, **kafka: Any) -> pd.DataFrame:
    """The results of windows that are in a topic, without those of a transaction that was not committed."""
    found = [
        json.loads(record.value) | {"sensor_id": record.key.decode()}
        for record in read_records(results, **{"isolation_level": "read_committed"} | kafka)
    ]
    table = pd.DataFrame(found, columns=["sensor_id", "start", "end", "mean", "count"])
    for name in ("start", "end"):
        table[name] = pd.to_datetime(table[name], unit="ms", utc=True)
    return table


def window_ledger(truth: pd.DataFrame, windows: pd.DataFrame) -> dict[str, int]:
    """What became of the windows. Both have the columns `sensor_id`, `start`, `mean` and `count`.

    `lost` have no result, `twice` are the results too many, and `wrong` those with another mean or count.
    """
    both = windows.merge(truth, on=WINDOW, how="left", suffixes=("", "_true"))
    right = (both["count"] == both["count_true"]) & ((both["mean"] - both["mean_true"]).abs() < 1e-6)
    different = len(windows.drop_duplicates(WINDOW))
    lost = len(truth.merge(windows, on=WINDOW, how="left", indicator=True).query("_merge == 'left_only'"))
    return {
        "produced": len(truth),
        "stored": len(windows),
        "lost": lost,
        "twice": len(windows) - different,
        "wrong": int((~right).sum()),
    }
