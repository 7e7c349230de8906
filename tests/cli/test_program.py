"""The program as a whole: its version, what it imports, and what a shell completes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from tests.support.commands import command_names, find

SLOW = {"pandas", "matplotlib", "rich", "jgo"}
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


def run(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_is_that_of_the_changelog():
    assert run("-m", "lab", "--version") == f"Kafka lab kit {lab.__version__}\n"
    told = re.search(r"^## \[(.+?)\]", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    assert told and told[1] == lab.__version__


@pytest.mark.broker
@pytest.mark.parametrize(
    ("names", "absent"),
    [
        ([""], {*SLOW, "lab.consumer", "lab.producer", "lab.warehouse", "lab.topics"}),
        (["produce"], {*SLOW, "lab.consumer", "lab.warehouse"}),
        (command_names(), SLOW),
    ],
    ids=["the list", "produce", "all"],
)
def test_a_command_imports_only_what_it_needs(names, absent):
    code = (
        "import sys; from lab.cli import main\n"
        f"for name in {names!r}: assert main([*name.split(), '--help']) == 0\n"
        "print('MODULES', *sys.modules)"
    )
    imported = run("-c", code).partition("MODULES")[2].split()
    assert "click" in imported
    assert absent & set(imported) == set()


@pytest.mark.broker
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("kafka-lab pro", ["produce"]),
        ("kafka-lab broker sta", ["start", "status"]),
        ("kafka-lab consume --m", ["--max-messages", "--metrics-port"]),
        ("kafka-lab kafka console-p", ["console-producer"]),
    ],
)
def test_a_shell_completes_commands_and_options(line, completed):
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_KAFKA_LAB_COMPLETE": "bash_complete"}
    assert run("-m", "lab", **words).split() == [f"plain,{word}" for word in completed]


def test_a_line_that_a_shell_completes_touches_no_file(tmp_path):
    picture = tmp_path / "no such folder" / "x.png"
    line = ["--output", str(picture)]
    assert find("chart").make_context("chart", line, resilient_parsing=True).params["output"] == picture
