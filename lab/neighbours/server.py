"""How does a Java server run beside a notebook? As a process that the kit knows, with its log in a file."""

import shutil
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from lab.embedded.java import environment
from lab.neighbours.rest import RestError, ask
from lab.settings import Settings
from lab.system import programs

START_SECONDS, STOP_SECONDS = 120.0, 15.0
PATIENCE_SECONDS = 5.0  # with one answer of a server that starts
TAIL_LINES = 15


class Server:
    """A server that is asked over HTTP at `url`. It may be killed, and started again.

    A kind of server says its `name`, its `command`, and how it is seen to be ready.
    """

    name: str
    variable: str  # what the lessons call it

    def __init__(self, url: str):
        self.url = url
        self.log = Path(mkdtemp(prefix="lesson-")) / f"{self.name.split()[-1].lower()}.log"
        self._process: subprocess.Popen | None = None

    def __repr__(self) -> str:
        state = f"process {self._process.pid}" if self._process and self.is_running() else "stopped"
        return f"<{self.name} at {self.url}, {state}>"

    def command(self) -> list[str]:
        """The command that runs it, in the folder of its log. Java's own files go to `tmp` there."""
        raise NotImplementedError

    def must_be_ready(self) -> None:
        """Raise RestError as long as it does not answer, or not yet as it should."""
        raise NotImplementedError

    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Any:
        """Start it unless it runs, and return it when it answers.

        Raises LabError, with the end of its log, if it does not within two minutes.
        """
        if not self.is_running():
            try:
                self._launch()
                self._wait_until_answering()
            except BaseException:  # also after an interrupt: it would answer nobody
                self.kill()
                raise
        return self

    def stop(self) -> None:
        """Ask it to end, and kill it if it does not."""
        if self._process and self.is_running():
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Its answer to a request, such as `rest("GET", "/")`.

        Raises RestError, in its own words, if it refuses the request, or does not run.
        """
        if not self.is_running():
            raise RestError(f"{self.name} does not run: {self.variable}.start() starts it.")
        return self.ask(method, path, body)

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 90) -> Any:
        """The same, whether it runs or not."""
        return ask(self.name, self.url, method, path, body, timeout)

    def _launch(self) -> None:
        command, folder = self.command(), self.log.parent
        shutil.rmtree(folder / "tmp", ignore_errors=True)  # a killed one leaves what Java has unpacked there
        (folder / "tmp").mkdir(exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                **programs.OWN_GROUP,
            )
        home = Settings.from_environment().home
        programs.end_with_this_process(home, self._process.pid, f"{self.name} at {self.url}")

    def _wait_until_answering(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.must_be_ready()
            except RestError as error:
                if not self.is_running() or time.monotonic() > until:
                    raise RestError(f"{self.name} does not start.\n{self._log_tail()}") from error
            time.sleep(0.1)

    def _log_tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join([f"The end of its log, {self.log}:", *lines])
