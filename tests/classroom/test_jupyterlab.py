"""`start.py lab`: a real JupyterLab beside a real broker, for this user on this machine, and no longer."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import psutil
import pytest
import websocket

import lab
from lab.clients.connection import is_answering, is_port_open
from lab.embedded.broker import EmbeddedBroker
from lab.embedded.jars import maven_folder
from lab.embedded.ports import free_ports
from tests.support.waiting import wait_for

KIT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        Path(sys.prefix).resolve() != (KIT / ".venv").resolve(), reason="start.py runs the Python of .venv"
    ),
]


def listens_at(process: psutil.Process) -> list:
    """The addresses at which it listens; none if it has just ended."""
    with suppress(psutil.NoSuchProcess):
        return [c.laddr for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return []


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(the process of start.py, JupyterLab's address with its token, the broker's, what it prints)."""
    tmp_path = tmp_path_factory.mktemp("jupyterlab")
    jupyter, kafka = free_ports(2)
    output = tmp_path / "output.txt"
    environment = {
        "LAB_HOME": str(tmp_path / "home"),
        "LAB_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka}",
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONUTF8": "1",  # else Windows writes the log in a code page
    }
    if bash := shutil.which("bash"):  # a user whose terminals find another Python first, as with pyenv
        user = tmp_path / "user"
        user.mkdir()
        (user / "python").write_text("#!/bin/sh\necho error: another Python\n", encoding="utf-8")
        (user / "python").chmod(0o755)
        (user / ".bashrc").write_text(f"PATH='{user}':$PATH\n", encoding="utf-8")
        environment |= {"HOME": str(user), "SHELL": bash, "M2_REPO": str(maven_folder())}
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
        address = wait_for(lambda: pattern.search(output.read_text(encoding="utf-8")), timeout=120)
        # It says where it is a moment before it listens; and it may be at another port than asked for.
        wait_for(lambda: is_port_open("localhost", int(re.search(r":(\d+)/", address[0])[1])))
        yield process, address[0], f"127.0.0.1:{kafka}", output
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ():
            with suppress(psutil.NoSuchProcess):  # it has ended with another one
                child.kill()
        process.kill()
        process.wait(10)
        EmbeddedBroker(tmp_path / "home", kafka).stop()


def post(base: str, place: str, token: str) -> dict:
    request = Request(f"{base}/api/{place}", data=b"{}", headers={"Authorization": f"token {token}"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def shell():
    """That of JupyterLab's terminals. In Wine, PowerShell is a program that does nothing."""
    if os.name == "nt":
        call = ["powershell.exe", "-NoProfile", "-Command", "echo here"]
        if b"here" not in subprocess.run(call, capture_output=True, timeout=60).stdout:
            pytest.skip("this Windows has no PowerShell that does anything")


def test_its_terminal_shows_a_few_lines_and_those_in_the_browser_know_the_kit(shell, server):
    _, address, kafka, output = server
    page, _, token = address.partition("?token=")
    base = page.partition("/lab/")[0]
    log = output.with_name("home") / "jupyterlab.log"
    post(base, "kernels", token)
    wait_for(lambda: "Kernel started" in log.read_text(encoding="utf-8"))
    name = post(base, "terminals", token)["name"]
    place = f"{base.replace('http', 'ws')}/terminals/websocket/{name}?token={token}"
    terminal = websocket.create_connection(place, timeout=30)
    typed = "echo $VIRTUAL_ENV; python -m lab --version" if os.name == "posix" else "python -m lab --version"
    terminal.send(json.dumps(["stdin", f"{typed}\r"]))
    seen = []

    def is_known() -> bool:
        kind, *rest = json.loads(terminal.recv())  # an error after 30 s
        seen.extend(rest if kind == "stdout" else [])
        assert "error" not in "".join(seen), seen
        return f"Kafka lab kit {lab.__version__}" in "".join(seen)

    wait_for(is_known)
    assert os.name == "nt" or str(KIT / ".venv") in "".join(seen)
    terminal.close()
    shown = output.read_text(encoding="utf-8").splitlines()
    assert len(shown) == 4 and kafka in shown[0] and address in shown[1], shown
    assert "Ctrl-C" in shown[2] and shown[3] == f"Its log is {log}."


def status_of(address: str) -> int:
    try:
        with urlopen(address, timeout=10) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


def test_it_opens_the_first_lesson_keeps_its_token_and_stops_with_the_broker(server):
    """The last test of the server: it is stopped."""
    process, address, kafka, _ = server
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
    listening = [address for member in family for address in listens_at(member)]
    assert port in {address.port for address in listening}
    assert {address.ip for address in listening} <= {"127.0.0.1", "::1"}
    if os.name == "posix":  # Ctrl-C reaches the whole group of a terminal; here the one we started
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not is_answering(kafka)
        with pytest.raises(URLError, match="refused"):
            urlopen(base, timeout=5)


def test_a_server_that_cannot_start_shows_why_and_where_its_log_is(kafka, tmp_path):
    """Here: its port is taken."""
    home = tmp_path / "home"
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
        done = subprocess.run(
            [sys.executable, KIT / "start.py", "lab", *options],
            env=os.environ | {"LAB_HOME": str(home), "JUPYTER_RUNTIME_DIR": str(tmp_path), "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
    assert done.returncode != 0
    assert f"port {port} is already in use" in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1].endswith(f"Its log is {home / 'jupyterlab.log'}.")
