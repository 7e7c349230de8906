"""Are the pictures of the lessons what the program draws, legible, and shown with their alternative text?"""

import re
import zlib
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from kafka.partitioner.default import murmur2
from matplotlib import get_data_path
from matplotlib.font_manager import get_font

from docs.pictures import FOLDER, draw, markdown
from docs.pictures.captions import CAPTIONS
from docs.pictures.card import SMALL, WIDTH
from docs.pictures.logs import PLACES

SVG = "{http://www.w3.org/2000/svg}"
pictures = pytest.mark.parametrize("name", CAPTIONS)


def boxes(name: str) -> list[tuple[str, float, float, float, float]]:
    """Each line of text, and where it is: left, top, right, bottom."""
    found = []
    for node in ElementTree.fromstring(draw(name)).iter(f"{SVG}text"):
        size, x, y = (float(node.attrib[key]) for key in ("font-size", "x", "y"))
        style = "-Bold" if "font-weight" in node.attrib else ""
        font = get_font(str(Path(get_data_path(), "fonts", "ttf", f"DejaVuSans{style}.ttf")))
        font.set_size(size, 72)
        font.set_text(node.text or "", 0)
        width = font.get_width_height()[0] / 64
        left = x - width * {"start": 0, "middle": 0.5, "end": 1}[node.attrib["text-anchor"]]
        found.append((node.text or "", left, y - 0.75 * size, left + width, y + 0.2 * size))
    return found


def test_the_files_are_what_the_program_draws():
    assert {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.svg")} == {
        name: draw(name) for name in CAPTIONS
    }, "python -m docs.pictures"


@pictures
def test_a_picture_says_what_it_shows_and_is_small(name):
    root = ElementTree.fromstring(draw(name))
    title, alt = CAPTIONS[name]
    assert (root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")) == (title, alt)
    assert len(draw(name)) < 40_000
    assert 40 < len(alt) < 260 and not re.search(r'[\[\]"]', alt), "one or two sentences, fit for Markdown"


@pictures
def test_every_text_is_large_enough_inside_the_card_and_on_no_other(name):
    root = ElementTree.fromstring(draw(name))
    assert min(float(node.attrib["font-size"]) for node in root.iter(f"{SVG}text")) >= SMALL
    height = float(root.attrib["height"])
    for words, left, top, right, bottom in boxes(name):
        assert left >= 12 and right <= WIDTH - 12 and top >= 6 and bottom <= height - 6, words
    for (one, l1, t1, r1, b1), (other, l2, t2, r2, b2) in combinations(boxes(name), 2):
        assert r1 <= l2 or r2 <= l1 or b1 <= t2 or b2 <= t1, f"{one!r} is on {other!r}"


def test_the_keys_are_where_the_clients_put_them():
    assert {key: (murmur2(key.encode()) & 0x7FFFFFFF) % 3 for key in PLACES} == {
        key: partition for key, (_, partition) in PLACES.items()
    }
    key = b"temperature-2"
    assert ((murmur2(key) & 0x7FFFFFFF) % 3, zlib.crc32(key) % 3) == (2, 0)
    shown = [words for words, *_ in boxes("partitioners") if words.startswith("partition ")]
    assert shown == ["partition 2", "partition 0"]


def test_a_lesson_shows_a_picture_with_its_alternative_text():
    known = {markdown(name) for name in CAPTIONS}
    for path in sorted(FOLDER.parent.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            shown = re.findall(r"!\[[^\]]*\]\(pictures/[^)]*\)", cell.source)
            assert set(shown) <= known, f"{path.name}: take the line that `python -m docs.pictures` prints"


@pytest.mark.parametrize(
    ("lesson", "name", "told"),
    [
        ("05_sensor_logs", "event_time", 'compare(guess, table.loc[eight, "after"])'),
        ("06_delivery", "two_places", "compare(guess, [produced - different, rows - different])"),
    ],
)
def test_a_picture_that_tells_what_a_learner_guesses_comes_after_the_guess(lesson, name, told):
    cells = nbformat.read(FOLDER.parent / f"{lesson}.ipynb", as_version=4).cells
    pictures = [n for n, cell in enumerate(cells) if f"pictures/{name}.svg" in cell.source]
    answers = [n for n, cell in enumerate(cells) if told in cell.source]
    assert pictures > answers[-1:], "the picture gives the answer away"
