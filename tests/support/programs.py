"""How does a test run a command of the kit? As a program of its own, with its output in a file."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import wait_for


class Command:
    """`python -m lab ...` as a process, its output kept line by line."""

    def __init__(self, *arguments: str, output: Path, **environment: str):
        self.output = output
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "lab", *map(str, arguments)],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait(self, timeout: float = 30) -> int:
        """Its exit code. One that does not end in time is killed: it would disturb the tests that follow."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def running(*arguments: str, output: Path, **environment: str):
    """A command that is killed at the end of the block if it still runs."""
    command = Command(*arguments, output=output, **environment)
    try:
        yield command
    finally:
        command.kill()


def suspend(process):
    """Suspend a program, where the system then says that it is."""
    process.suspend()
    if os.name == "nt" and process.status() != psutil.STATUS_STOPPED:
        process.resume()
        pytest.skip("this Windows does not tell that a program is suspended")
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
