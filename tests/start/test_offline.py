"""After one set-up, a day without any network: `start.py` and a lesson, with nothing but this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.embedded.ports import free_ports

KIT = Path(__file__).parents[2]
# A network of its own with nothing in it; then its loopback is switched on, and the command is run.
CUT_OFF = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", 0x1, b""))  # SIOCSIFFLAGS, IFF_UP
os.execv(sys.argv[1], sys.argv[1:])
"""


def run(*command, **environment):
    return subprocess.run(
        ["unshare", "--net", sys.executable, "-c", CUT_OFF, sys.executable, *map(str, command)],
        cwd=KIT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def can_cut_off() -> bool:
    if not sys.platform.startswith("linux") or Path(sys.prefix).resolve() != (KIT / ".venv").resolve():
        return False
    try:
        return run("-c", "").returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not can_cut_off(), reason="only root of a Linux can cut itself off")


@pytest.fixture
def place(tmp_path):
    return {
        "LAB_BOOTSTRAP_SERVERS": f"localhost:{free_ports(1)[0]}",
        "LAB_HOME": str(tmp_path / "home"),
        "LAB_WAREHOUSE": str(tmp_path / "warehouse.db"),
    }


def test_there_is_no_network():
    done = run("-c", "import socket; socket.create_connection(('192.0.2.1', 80), 5)")
    assert "Network is unreachable" in done.stderr


def test_the_demo(place, tmp_path):
    done = run("start.py", "demo", "--output", tmp_path / "chart.png", **place)
    assert done.returncode == 0, done.stderr
    assert "4200 rows in sensor_logs" in done.stdout
    assert (tmp_path / "chart.png").stat().st_size > 10_000


def test_a_lesson(place):
    done = run("-m", "pytest", "-q", "-p", "no:xdist", "--nbmake", "notebooks/00_overview.ipynb", **place)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
