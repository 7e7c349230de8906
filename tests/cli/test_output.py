"""What is shown in a terminal, through a pipe, and where the output is closed or full? No reading is lost."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lab.cli.output import table
from tests.support.programs import running
from tests.support.waiting import wait_for

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


def test_a_row_of_a_table_is_one_whole_line_however_wide(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    row = "x" * 300, "[bold]y[/bold]", "温度", "z" * 300
    table(["a", "b", "c", "d"], [row, ("1", "", "2", "3")])
    header, wide, narrow = capsys.readouterr().out.splitlines()
    assert wide == "  ".join(row)
    assert narrow == f"1{' ' * 317}2     3"  # each of the two signs is two columns wide
    assert header.split() == ["a", "b", "c", "d"]


in_a_terminal = pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminal")


def show_in_terminal(*arguments: str) -> tuple[int, str]:
    """Run a command in a terminal of 80 columns; returns the exit code and all that it wrote there."""
    import pty  # here, for Windows has none

    program = f"import pty, sys; sys.exit(pty.spawn({command(*arguments)!r}) >> 8)"
    environment = os.environ | {"COLUMNS": "80", "TERM": "xterm"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert pty.STDOUT_FILENO == 1
    return done.returncode, done.stdout.decode(environment.get("PYTHONIOENCODING", "utf-8"))


@in_a_terminal
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_progress_bar_is_shown_in_a_terminal_of_any_code_page(place, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    code, shown = show_in_terminal("consume", "--max-messages", "3", "--quiet")
    last = shown.split("\x1b[2K")[-1]
    assert code == 0
    assert re.search("3/3\\S* readings", last), shown
    assert "3 messages in" in last
    assert ("\u2501" in shown) == (encoding == "utf-8")


@in_a_terminal
def test_a_bar_without_an_end_counts(place):
    code, shown = show_in_terminal("consume", "--idle-timeout", "1", "--quiet")
    assert (code, "stored 3 readings" in shown) == (0, True), shown


@in_a_terminal
def test_only_in_a_terminal_a_header_is_bold(place):
    assert "\x1b[1mpartition" in show_in_terminal("topic", "describe")[1]
    done = subprocess.run(command("topic", "describe"), capture_output=True, text=True, timeout=30)
    assert re.search("^partition", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("arguments", ["produce --batches 1 --quiet", "consume --max-messages 3 --quiet"])
def test_where_no_terminal_is_no_bar_is_shown(place, arguments):
    done = subprocess.run(command(*arguments.split()), capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    assert "\x1b" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal to send to one process alone")
def test_a_status_that_is_watched_is_shown_again_until_a_signal_ends_it(place, tmp_path):
    with running("status", "--watch", output=tmp_path / "status.txt") as status:
        wait_for(lambda: status.text.count("error: There is no warehouse") == 1)  # and it goes on
        subprocess.run(command("consume", "--max-messages", "3"), capture_output=True, timeout=30)
        wait_for(lambda: len(re.findall(r"^0 +3 +3 +0 ", status.text, re.MULTILINE)) == 2)
        status.process.send_signal(signal.SIGINT)
        assert status.wait(5) == 0
        assert not re.search("Traceback|\x1b", status.text)
