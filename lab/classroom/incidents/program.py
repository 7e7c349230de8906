"""How is a program of the system started, ended and changed?

`x.py` has its settings in `x.json`, and what it prints in `x.log`; `x.process` says which process it is.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from lab.embedded.folders import retry_while_in_use
from lab.system.programs import OWN_GROUP, Process, end_with_this_process

SCRIPTS = Path(__file__).parent / "programs"
END_SECONDS = 5.0
_started: dict[int, subprocess.Popen] = {}  # by this Python, which is told when they end


class Program:
    """The program of this name in a folder. It goes on when the Python that started it ends.

    `known_in`: the kit's home, if it is to end with that Python.
    """

    def __init__(self, folder: Path, name: str, known_in: Path | None = None):
        self.folder, self.name, self.known_in = folder, name, known_in

    def write(self, script: str) -> None:
        """Make it a copy of the script of that name."""
        shutil.copy(SCRIPTS / f"{script}.py", self._file("py"))

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings, as they are in its file now."""
        file = self._file("json")
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def change(self, **settings: object) -> None:
        """Change settings in its file. It reads them when it starts."""
        write_json(self._file("json"), self.settings | settings)

    def start(self) -> None:
        """Start it."""
        with self._file("log").open("ab") as printed:
            printed.write(f"({self.name} is started at {datetime.now():%H:%M:%S})\n".encode())
            printed.flush()
            program = subprocess.Popen(
                [sys.executable, f"{self.name}.py"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                **OWN_GROUP,
            )
        _started[program.pid] = program
        with suppress(psutil.Error):  # it has ended already
            write_json(self._file("process"), asdict(Process.of(program.pid)))
            if self.known_in:
                end_with_this_process(self.known_in, program.pid, f"{self.name}.py of an incident")

    def end(self, at_once: bool = False) -> None:
        """End it, if it runs; `at_once`, as a crash would."""
        if process := self._process():
            for act in (psutil.Process.kill,) if at_once else (psutil.Process.terminate, psutil.Process.kill):
                running = _family(process.pid)
                for each in running:
                    with suppress(psutil.NoSuchProcess):
                        act(each)
                psutil.wait_procs(running, END_SECONDS)
            if process.pid in _started:  # also Python itself is to know of it
                _started.pop(process.pid).wait(END_SECONDS)

    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process() is not None

    def changed_after_start(self) -> str:
        """Its file that was changed after it was started, if it runs; empty if there is none."""
        if not self.is_running():
            return ""
        started = self._file("process").stat().st_mtime_ns
        files = (self._file(ending) for ending in ("py", "json"))
        return next((file.name for file in files if file.stat().st_mtime_ns > started), "")

    def last_line(self) -> str:
        """What it printed last; empty for nothing."""
        file = self._file("log")
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _process(self) -> Process | None:
        file = self._file("process")
        process = Process(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None
        if not process:
            return None
        child = _started.get(process.pid)
        is_running = child.poll() is None if child else process.is_alive()
        return process if is_running else None

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.name}.{ending}"


def _family(pid: int) -> list[psutil.Process]:
    """The process and what it started: on Windows, the Python of a `.venv` starts the real one."""
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def write_json(file: Path, values: Mapping[str, object]) -> None:
    """Write a file of JSON whole, because others may read it meanwhile."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    retry_while_in_use(lambda: new.replace(file))
