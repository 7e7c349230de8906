"""A clean notebook is put in place, and the answers in the former one are kept."""

import pytest

from lab.classroom import notebooks
from lab.cli import main
from lab.errors import LabError

CLEAN = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def folder(tmp_path, monkeypatch, own_logging):
    """The learner's notebooks; the clean ones are kept elsewhere."""
    folder, originals = tmp_path / "notebóoks", tmp_path / "originals"
    for place in (folder, originals):
        place.mkdir()
        for name in ("03_producer", "04_consumer"):
            (place / f"{name}.ipynb").write_bytes(CLEAN)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", folder)
    monkeypatch.setattr(notebooks, "ORIGINALS", originals)
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    return folder


def test_an_edited_notebook_is_kept_and_a_second_one_too(folder, capsys):
    notebook, kept = folder / "03_producer.ipynb", set()
    for answer in (b"my answer", b"a second answer", b"a third answer"):  # within a minute
        notebook.write_bytes(answer)
        assert main(["notebook", "restore", "03_producer"]) == 0
        said = capsys.readouterr().out
        assert notebook.read_bytes() == CLEAN
        new = {path for path in folder.glob("03_producer-20*.ipynb") if path not in kept}
        assert [path.read_bytes() for path in new] == [answer]
        assert str(*new) in said and "Reload Notebook from Disk" in said
        kept |= new
    assert len(kept) == 3
    assert (folder / "04_consumer.ipynb").read_bytes() == CLEAN


@pytest.mark.parametrize("lesson", ["03", "03_producer", "03_producer.ipynb", "notebooks/03_producer.ipynb"])
def test_a_lesson_may_be_named_by_its_number_or_its_file(folder, lesson):
    (folder / "03_producer.ipynb").unlink()
    assert notebooks.restore(lesson) == (folder / "03_producer.ipynb", None)
    assert (folder / "03_producer.ipynb").read_bytes() == CLEAN


def test_a_clean_notebook_stays(folder):
    assert notebooks.restore("03") == (folder / "03_producer.ipynb", None)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("lesson", ["", "0", "3", "99", "producer", "..", "03_produce"])
def test_an_unknown_lesson_is_told_which_there_are(folder, lesson):
    with pytest.raises(LabError, match="There are: 03_producer, 04_consumer"):
        notebooks.restore(lesson)


def test_without_a_clean_copy_it_says_what_makes_one(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(notebooks, "ORIGINALS", tmp_path / "none")
    with pytest.raises(LabError, match=r"start\.py"):
        notebooks.restore("03")
