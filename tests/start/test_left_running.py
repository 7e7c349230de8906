"""Ctrl-C and a closed terminal, in a real terminal and at any moment: nothing is left running unsaid."""

import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from tests.support.waiting import wait_for

KIT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no terminal that a test could close"),
]
START = pytest.mark.skipif(
    Path(sys.prefix).resolve() != (KIT / ".venv").resolve(), reason="start.py runs the Python of .venv"
)


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, *command, **environment: str):
        import pty  # here, for Windows has none

        self.screen, end = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, *command],
            env=os.environ | environment,
            cwd=KIT,
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
            preexec_fn=self._take,
        )
        os.close(end)
        self.seen = b""
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    @staticmethod
    def _take() -> None:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # it may be ignored where the tests run

    def _read(self) -> None:
        # It does not block in a read: that would keep the terminal open when it is closed.
        while (screen := self.screen) >= 0:
            try:
                if select.select([screen], [], [], 0.05)[0]:
                    self.seen += os.read(screen, 4096)
            except OSError:
                return

    @property
    def text(self) -> str:
        return self.seen.decode(errors="replace")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self.screen, b"\x03")

    def hang_up(self) -> None:
        """Close it: the system sends a SIGHUP to all that run in it."""
        screen, self.screen = self.screen, -1
        self.reader.join(10)
        os.close(screen)


@contextmanager
def lab(tmp_path, *command):
    """(a terminal in which that runs, the processes of it that are alive, however they were started)."""
    home, (kafka, jupyter) = tmp_path / "home", free_ports(2)
    environment = {
        "LAB_HOME": str(home),
        "LAB_BOOTSTRAP_SERVERS": f"localhost:{kafka}",
        "LAB_WAREHOUSE": str(tmp_path / "warehouse.db"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_PORT": str(jupyter),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }

    def alive() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("LAB_HOME") == str(home):
                    found.append(process)
            except psutil.Error:
                continue  # it is gone, or another user's
        return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]

    terminal = Terminal(*command, **environment)
    try:
        yield terminal, alive
        try:
            terminal.process.wait(30)  # also the broker's parent, which else would keep a zombie
            wait_for(lambda: not alive(), timeout=15)
        except (subprocess.TimeoutExpired, AssertionError) as error:
            left = "".join(f"\n{process.pid}: {command_of(process)}" for process in alive())
            raise AssertionError(f"{error}. Alive:{left}\nOn its screen:\n{terminal.text}") from error
    finally:
        for process in [terminal.process, *alive()]:
            process.kill()
        terminal.process.wait(10)
        EmbeddedBroker(home, kafka).stop()
        if terminal.screen >= 0:
            terminal.hang_up()
        terminal.reader.join(10)


def demo(tmp_path):
    return lab(tmp_path, "-m", "lab", "demo", "--output", str(tmp_path / "chart.png"))


def command_of(process: psutil.Process) -> str:
    """How it was called, and for how long it runs; of a Kafka without its thousand jars."""
    try:
        words = [word if len(word) < 300 else "..." for word in process.cmdline()]
        return f"{' '.join(words)} ({process.status()}, {time.time() - process.create_time():.1f} s old)"
    except psutil.Error:
        return "gone"


def is_kafka(process: psutil.Process) -> bool:
    try:
        return "kafka.Kafka" in process.cmdline()
    except psutil.Error:
        return False


def cut_off(terminal: Terminal, number: int, pause: float) -> None:
    """Press Ctrl-C twice in the first round, close the terminal in the second, and so on."""
    if number % 2:
        terminal.hang_up()
        return
    terminal.interrupt()
    threading.Event().wait(pause)
    terminal.interrupt()


@pytest.mark.parametrize("how", [Terminal.interrupt, Terminal.hang_up], ids=["Ctrl-C", "closed"])
def test_a_demo_that_is_cut_off_while_its_broker_starts_stops_it(tmp_path, how):
    with demo(tmp_path) as (terminal, alive):
        wait_for(lambda: any(map(is_kafka, alive())))
        how(terminal)


def test_a_demo_that_is_cut_off_at_any_moment_leaves_nothing_running(tmp_path, pytestconfig):
    """Also if Ctrl-C is pressed twice."""
    chance = random.Random(pytestconfig.getoption("--seed"))
    for number in range(pytestconfig.getoption("--rounds")):
        (tmp_path / str(number)).mkdir()
        with demo(tmp_path / str(number)) as (terminal, _):
            threading.Event().wait(chance.uniform(0.2, 6))
            cut_off(terminal, number, chance.uniform(0, 0.5))


def notebook_server(tmp_path):
    return lab(tmp_path, "start.py", "lab", "--no-browser", "--allow-root")


# As in the middle of lesson 06: a broker of its own, and a producer on the common one.
LESSON = """
import sys, lab
mine = lab.start_own_broker()
producer = lab.start_program([sys.executable, "-m", "lab", "produce", "--quiet"])
"""


def is_ready(client: BlockingKernelClient) -> bool:
    try:
        client.wait_for_ready(timeout=60)
    except RuntimeError:  # it was not heard of for a second: on a busy machine it only begins
        return False
    return True


def run_in_a_kernel(code: str, address: str, token: str, runtime: Path) -> None:
    """Run code in a new kernel of a JupyterLab."""
    headers = {"Authorization": f"token {token}"}
    with urlopen(Request(f"{address}/api/kernels", data=b"{}", headers=headers), timeout=30) as answer:
        kernel = json.load(answer)["id"]
    client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    wait_for(lambda: is_ready(client), timeout=60)
    assert client.execute_interactive(code, timeout=60)["content"]["status"] == "ok"
    client.stop_channels()


@START
def test_jupyterlab_in_a_terminal_that_is_closed_is_stopped_with_its_broker(tmp_path):
    with notebook_server(tmp_path) as (terminal, alive):
        address = wait_for(lambda: re.search(r"(http://\S+?)/lab\S+token=(\w+)", terminal.text), timeout=60)
        assert any(map(is_kafka, alive()))
        run_in_a_kernel(LESSON, *address.groups(), tmp_path / "runtime")
        assert sum(map(is_kafka, alive())) == 2
        terminal.hang_up()


@START
def test_jupyterlab_that_is_cut_off_at_any_moment_leaves_nothing_running(tmp_path, pytestconfig):
    """Of the moments before it is there, one; more of them in a long run, with --rounds."""
    chance = random.Random(pytestconfig.getoption("--seed"))
    for number in range(max(1, pytestconfig.getoption("--rounds") // 3)):
        (tmp_path / str(number)).mkdir()
        with notebook_server(tmp_path / str(number)) as (terminal, _):
            threading.Event().wait(chance.uniform(0.2, 8))
            cut_off(terminal, number, chance.uniform(0, 2))
