"""`start.py lab`: a real JupyterLab beside a real broker, for this user on this machine, and no longer."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil
import pytest

from lab.clients.connection import is_answering, is_port_open
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.ports import free_ports
from tests.support.waiting import wait_for

KIT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        Path(sys.prefix).resolve() != (KIT / ".venv").resolve(), reason="start.py runs the Python of .venv"
    ),
]


@pytest.fixture
def server(tmp_path):
    """(the process of start.py, JupyterLab's address with its token, the broker's address)."""
    jupyter, kafka = free_ports(2)
    output = tmp_path / "output.txt"
    environment = {
        "LAB_HOME": str(tmp_path / "home"),
        "LAB_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    options = ["--no-browser", f"--port={jupyter}", "--allow-root"]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, KIT / "start.py", "lab", *options],
            env=os.environ | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    pattern = re.compile(r"http://localhost:\d+/\S*\?token=\w+")
    try:
        address = wait_for(lambda: pattern.search(output.read_text(encoding="utf-8")), timeout=60)
        # It says where it is a moment before it listens; and it may be at another port than asked for.
        wait_for(lambda: is_port_open("localhost", int(re.search(r":(\d+)/", address[0])[1])))
        yield process, address[0], f"127.0.0.1:{kafka}"
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
            child.kill()
        process.kill()
        process.wait(10)
        EmbeddedBroker(tmp_path / "home", kafka).stop()


def status_of(address: str) -> int:
    try:
        with urlopen(address, timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


def test_it_opens_the_first_lesson_keeps_its_token_and_stops_with_the_broker(server):
    process, address, kafka = server
    page, _, token = address.partition("?token=")
    port = int(re.search(r":(\d+)/", page)[1])
    base = f"http://localhost:{port}"
    assert page.endswith("/lab/tree/notebooks/00_overview.ipynb")
    assert len(token) >= 32
    assert is_answering(kafka)
    # Without the token nothing is shown and nothing is run; with it, the notebooks are.
    assert status_of(f"{base}/api/contents/notebooks") == 403
    assert status_of(f"{base}/api/kernels?token={'0' * 48}") == 403
    with urlopen(f"{base}/api/contents/notebooks?token={token}", timeout=10) as answer:
        listed = {file["name"] for file in json.load(answer)["content"]}
    assert {path.name for path in (KIT / "notebooks").glob("*.ipynb")} <= listed
    # Nothing of it listens beyond this machine.
    family = psutil.Process(process.pid).children(recursive=True)
    listening = [c.laddr for p in family for c in p.net_connections("tcp") if c.status == "LISTEN"]
    assert port in {address.port for address in listening}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}
    if os.name == "posix":  # Ctrl-C reaches the whole group of a terminal; here the one we started
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not is_answering(kafka)
        with pytest.raises(URLError, match="refused"):
            urlopen(base, timeout=5)
