"""What the clients of the lessons say to Kafka: the X-ray can decode each request and answer of it."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lab.wire.recorder import TOO_NEW
from lab.wire.xray import xray

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# Those of part one; the cluster of lesson 09 is its own, see `test_network`.
LESSONS = sorted(
    path.stem for path in NOTEBOOKS.glob("*.ipynb") if re.fullmatch(r"(0[0-8]|1[0-2])_\w+", path.stem)
)


@pytest.mark.long_run
@pytest.mark.parametrize("lesson", LESSONS)
def test_every_request_and_answer_of_a_lesson_is_decoded(lesson, kafka, monkeypatch, tmp_path):
    """Cells that stop the broker fail here, because the X-ray is at the address: the others go on."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAB_WAREHOUSE", str(tmp_path / "warehouse.db"))
    with xray(**kafka) as wire:
        monkeypatch.setenv("LAB_BOOTSTRAP_SERVERS", wire.kafka["bootstrap_servers"])
        notebook = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
        NotebookClient(
            notebook, timeout=120, allow_errors=True, resources={"metadata": {"path": NOTEBOOKS}}
        ).execute()
        seen = [each for each in wire.exchanges if each.client.startswith(("kafka-python", "lab"))]
    assert seen
    undecoded = {(each.kind, each.version) for each in seen if TOO_NEW in (each.request, each.answer)}
    assert undecoded == set()
