"""What if nobody can be told? Output that is closed or full: no traceback, and no reading lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lab

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")


@pytest.fixture
def place(tmp_path, kafka, monkeypatch):
    """A warehouse of the test's own, and a topic with three readings."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAB_WAREHOUSE", str(tmp_path / "warehouse.db"))
    monkeypatch.setenv("LAB_TOPIC", lab.fresh_name("output"))
    lab.produce(os.environ["LAB_TOPIC"], lab.simulate_readings(3), interval=0, max_batches=1, **kafka)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def stored() -> int:
    with lab.Warehouse(os.environ["LAB_WAREHOUSE"], create=False) as warehouse:
        return warehouse.query("SELECT count(*) FROM sensor_logs")[0][0]


@needs_full
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [("--help", ""), ("topic describe", ""), ("topic describe", "1"), ("consume --max-messages 3", "")],
)
def test_output_that_cannot_be_written_is_one_line(place, monkeypatch, arguments, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with FULL.open("wb") as full:
        done = subprocess.run(
            command(*arguments.split()), stdout=full, stderr=subprocess.PIPE, text=True, timeout=30
        )
    expected = "error: The output cannot be used: No space left on device. Choose another place.\n"
    assert (done.returncode, done.stderr.splitlines(keepends=True)[-1:]) == (1, [expected])
    assert "Traceback" not in done.stderr


@needs_full
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_words_that_cannot_be_written_stop_no_consumer(place, quiet):
    with FULL.open("wb") as full:
        done = subprocess.run(command("consume", "--max-messages", "3", *quiet), stderr=full, timeout=30)
    assert (done.returncode, stored()) == (0, 3)


@pytest.mark.skipif(os.name == "nt", reason="a program of Windows starts with all three")
@pytest.mark.parametrize(("closed", "quiet"), [([1], []), ([2], ["--quiet"]), ([0, 1, 2], [])], ids=str)
def test_closed_streams_are_no_fault(place, closed, quiet):
    """As by `>&-`."""
    consume = command("consume", "--max-messages", "3", *quiet)
    code = f"import os, sys; [os.close(n) for n in {closed}]; os.execv(sys.executable, {consume!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert stored() == 3
