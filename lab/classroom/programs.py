"""How does a lesson start a program or a server, so that none is left running when the notebook is gone?"""

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from lab.embedded.secured import SecuredBroker
from lab.settings import Settings
from lab.system import programs
from lab.text.urls import without_password
from lab.wire.network import Network

B = TypeVar("B", bound=EmbeddedBroker)  # Python 3.11 has no def _start[B]


def start_program(command: Sequence[str | Path], **options: Any) -> subprocess.Popen:
    """Start a program that runs beside the notebook. It takes and returns what `subprocess.Popen` does.

    The stop button does not end it. It ends with the notebook's kernel; `python -m lab broker stop` ends it
    too.
    """
    home = _home()
    program = subprocess.Popen(command, **{**programs.OWN_GROUP, **options})
    python, *words = [without_password(str(word)) for word in command]
    try:
        programs.end_with_this_process(home, program.pid, " ".join([Path(python).name, *words]))
    except BaseException:  # nobody would know of it
        program.kill()
        program.wait()
        raise
    return program


def kill_after_first_line(program: subprocess.Popen, timeout: float = 30) -> str:
    """Wait for the first line that a program prints, kill it there and then, and return the line.

    Start it with `stdout=PIPE`. The line is empty if the program ends without one, or prints none within
    `timeout` seconds.
    """
    assert program.stdout, "start the program with stdout=PIPE"
    too_late = threading.Timer(timeout, program.kill)
    too_late.start()
    try:
        line = program.stdout.readline()
        return line.decode(errors="replace").strip()  # Windows has other encodings
    finally:
        too_late.cancel()
        program.kill()
        program.wait()
        program.stdout.close()


def start_own_broker(brokers: int = 1, network: Network | None = None) -> EmbeddedBroker:
    """Start a Kafka for this notebook only: `brokers` nodes at free ports, with their data in a new folder.

    `network`: what the brokers say to each other goes over it.
    It ends with the notebook's kernel; `python -m lab broker stop` ends it too.
    """
    broker = EmbeddedBroker(mkdtemp(prefix="lesson-"), free_ports(brokers)[0], brokers)
    broker.for_node = network.properties if network else None
    return _start(broker)


def start_secured_broker() -> SecuredBroker:
    """Start a Kafka for this notebook only, which asks clients for TLS, a password and rights.

    `broker.address()` is for the clients, and `broker.bootstrap_servers` for the administrator. It ends with
    the notebook's kernel; `python -m lab broker stop` ends it too.
    """
    return _start(SecuredBroker(mkdtemp(prefix="lesson-")))


def end_with_notebook(pid: int, name: str) -> None:
    """Let a server that another package started end with the notebook's kernel, also if that is killed."""
    programs.end_with_this_process(_home(), pid, name)


def _start(broker: B) -> B:
    broker.known_in = _home()
    broker.start()
    return broker


def _home() -> Path:
    """The kit's home, without what earlier notebooks have left running."""
    home = Settings.from_environment().home
    programs.end(programs.left_over(home))
    return home
