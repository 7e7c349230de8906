"""`python -m lab kafka ...`: what is typed reaches Kafka's tool as it is, and its answer the terminal."""

import os
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

import lab
import lab.cli.kafka
from lab.cli import main
from lab.embedded import jars, tools
from lab.embedded.tools import TOOLS
from tests.support.programs import Command
from tests.support.waiting import soon, wait_for

ODD = ["two words", "", "$HOME", "%PATH%", "it's", 'say "no"', "back\\slash", "é✓", "--", "--help", "-x", "*"]
# Java for Windows reads its arguments in the code page of the system, which has the second, not the first.
IN_JAVA = "✓" if os.name != "nt" else "€"
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminal")


def test_alone_it_lists_every_tool_with_one_line(capsys):
    assert main(["kafka"]) == 0
    shown = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in shown[: len(TOOLS)]] == sorted(TOOLS)
    assert all(line.endswith(tool.does) for line, tool in zip(shown, TOOLS.values()))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("topic", " Did you mean topics"),
        ("kafka-console-consumr.sh", " Did you mean console-consumer or"),
        ("kafka-topics.bat", " Did you mean topics"),
        ("zzz", ""),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(name, hint, capsys):
    assert main(["kafka", name, "--list"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: There is no tool '{name}' here.{hint}") and said.count("\n") == 1


@pytest.mark.parametrize("name", ["topics", "dump-log"])
def test_every_argument_is_passed_on_as_it_is(name, monkeypatch):
    given = []
    monkeypatch.setattr(lab.cli.kafka, "run_tool", lambda *call: given.append(call) or 7)
    assert main(["kafka", name, *ODD]) == 7
    assert given[0][:2] == (name, ODD)
    assert given[0][2]["bootstrap_servers"] == os.environ["LAB_BOOTSTRAP_SERVERS"]


def test_java_gets_odd_arguments_too_and_its_exit_code_comes_back(kafka, tmp_path):
    """The address is given here, and the one of the settings is wrong."""
    topic = f"""$HOME  it's "é{IN_JAVA}" \\ --help *"""
    call = ["topics", "--describe", "--bootstrap-server", kafka["bootstrap_servers"], "--topic", topic]
    done = subprocess.run(
        [sys.executable, "-m", "lab", "kafka", *call],
        env=os.environ | {"LAB_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LAB_HOME": str(tmp_path / "none")},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert f"Topic '{topic}' does not exist" in done.stdout.decode("utf-8")
    assert not (tmp_path / "none").exists()


def test_no_broker_is_one_line_and_java_is_not_started(monkeypatch, capsys):
    monkeypatch.setenv("LAB_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr(tools, "CONNECT_SECONDS", 0)
    monkeypatch.setattr(tools, "java_command", None)
    assert main(["kafka", "topics", "--list"]) == 1
    said = capsys.readouterr().err
    assert "No Kafka broker answers at 127.0.0.1:1" in said and "broker start" in said
    assert said.count("\n") == 1


def test_a_missing_jar_without_a_network_is_one_line_that_says_what_to_type(monkeypatch, tmp_path, capsys):
    pins = jars._pins()
    monkeypatch.setattr(jars, "_pins", lambda: [pin for pin in pins if ":kafka-tools:" in pin[0]])
    monkeypatch.setenv("M2_REPO", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody is there
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert main(["kafka", "dump-log", "--files", "x.log"]) == 1
    said = capsys.readouterr().err
    assert "error: kafka-tools-" in said and "Connect to the internet" in said and "broker start" in said
    assert said.count("\n") == 1


@POSIX
def test_ctrl_c_ends_the_tool_in_its_own_way(kafka):
    """In a terminal of its own, as a learner types it; Python says nothing about it."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CTTY,
            sys.executable,
            "-m",
            "lab",
            "kafka",
            "console-producer",
            "--topic",
            "typed",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b">" not in shown:
        shown += os.read(ours, 1000)
    (java,) = psutil.Process(process.pid).children()
    os.write(ours, b"\x03")
    assert process.wait(soon(30)) == 130
    with suppress(OSError):  # Linux says so at the end of a terminal
        while more := os.read(ours, 1000):
            shown += more
    os.close(ours)
    assert shown.replace(b"^C", b"").split() == [b">"], shown
    assert not java.is_running()


# Makes the terminal at its stdin that of its session, as a shell does, and becomes the program.
CTTY = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@POSIX
def test_who_ends_the_command_ends_the_tool(kafka, tmp_path):
    """A consumer goes on by itself for ever."""
    topic = lab.create_topic(lab.fresh_name("ended"), **kafka).name
    command = Command("kafka", "console-consumer", "--topic", topic, output=tmp_path / "said.txt")
    (java,) = wait_for(lambda: psutil.Process(command.process.pid).children())
    try:
        wait_for(lambda: topic in java.cmdline())
        command.process.terminate()
        assert command.wait(soon(20)) in (0, 143), command.text
        assert not java.is_running()
        assert "Traceback" not in command.text
    finally:
        command.kill()
        with suppress(psutil.NoSuchProcess):
            java.kill()
