"""An incident from a terminal, as a learner types it."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.waiting import wait_for


@pytest.fixture
def type_in(tmp_path):
    """A function that runs `python -m lab incident ...` in a folder of its own; its exit code and output."""
    environment = os.environ | {"PYTHONUTF8": "1", "LAB_HOME": str(tmp_path / "my hôme" / ".lab")}

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "lab", "incident", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
        )
        return done.returncode, done.stdout

    yield run
    run("end")


@pytest.mark.broker
def test_a_call_is_taken_and_mended(type_in, tmp_path):
    code, said = type_in("start", "--seed", "1")
    assert code == 0
    assert "The charts have stood still" in said
    assert re.search(r"LAB_BOOTSTRAP_SERVERS.+127\.0\.0\.1:\d+", said)
    folder = tmp_path / "my hôme" / "incident"
    wait_for(lambda: "JSONDecodeError" in type_in("status")[1])
    assert re.search(r"storer +no +json", type_in("status")[1])

    code, said = type_in("start")
    assert (code, said.count("\n")) == (1, 1)
    assert "error: Incident 1 is still there" in said
    assert type_in("restart", "stroer")[1].startswith("error: There is no 'stroer'")

    program = folder / "storer.py"
    read = "    reading = json.loads(message.value)\n"
    step_over = f"    if message.value[:1] != b'{{':\n        continue\n{read}"
    program.write_text(program.read_text(encoding="utf-8").replace(read, step_over), encoding="utf-8")
    assert type_in("restart", "storer") == (0, "")
    wait_for(lambda: type_in("check")[0] == 0)
    assert "10 of 10 points" in type_in("check")[1]
    assert folder.with_name("incident-1.html").exists()

    assert type_in("stop", "storer") == (0, "")
    assert re.search(r"storer +no", type_in("status")[1])

    code, said = type_in("end")
    assert code == 0
    assert said.startswith("What was wrong: A message that is no reading.")
    assert not folder.exists()
    assert type_in("end")[1].startswith("error: There is no incident.")
