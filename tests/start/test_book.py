"""The course as pages: every link leads somewhere, nothing comes from elsewhere, and a fault is one line.

The pages are built here without running the notebooks: that they run is tested with the notebooks themselves.
"""

import importlib.util
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

from tests.support.browser import CHROMIUM, FLAGS, NAMES

KIT = Path(__file__).parents[2]
NOTEBOOKS = sorted((KIT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
pytestmark = pytest.mark.broker  # it needs none, but takes as long


def load():
    spec = importlib.util.spec_from_file_location("book_of_the_kit", KIT / "docs" / "book.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Page(HTMLParser):
    """What a page links to, what it loads, and the places in it."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.loads, self.places, self.without_words = [], [], {""}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = {name: value or "" for name, value in attrs}
        self.places |= {found.get("id", "")}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("img", "script", "iframe") and "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") != "canonical":
            self.loads.append(found.get("href", ""))
        if tag == "img" and not found.get("alt"):
            self.without_words.append(found.get("src"))


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """The book without outputs, in a folder with a space and an accent."""
    output = tmp_path_factory.mktemp("the boók of") / "the kit"
    load().build(output, run=False)
    return output


@pytest.fixture(scope="module")
def pages(book) -> dict[Path, Page]:
    return {path: Page(path) for path in book.rglob("*.html")}


def test_every_link_of_the_book_leads_somewhere(book, pages):
    faults = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            is_place = target not in pages or unquote(parts.fragment) in pages[target].places
            if not target.is_file() or not is_place:
                faults.append(f"{path.relative_to(book)}: {link}")
    assert faults == []


def test_the_book_can_be_read_without_a_network(book, pages):
    """No script, style, font or picture comes from another server."""
    outside = {load for page in pages.values() for load in page.loads if re.match(r"(https?:)?//", load)}
    styles = (path.read_text(encoding="utf-8") for path in book.rglob("*.css"))
    assert outside == set()
    assert [found for style in styles for found in re.findall(r"url\(['\"]?(?:https?:)?//[^)]+", style)] == []


def test_every_picture_of_the_pages_is_told_in_words(pages):
    assert {path.name: page.without_words for path, page in pages.items() if page.without_words} == {}


@pytest.mark.skipif(CHROMIUM is None, reason=f"there is no Chromium: none of {', '.join(NAMES)}")
def test_the_page_to_print_is_one_page(book):
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser is driven by it")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto((book / "docs" / "cheat_sheet.html").as_uri())
        printed = [page.pdf(format=paper) for paper in ("A4", "Letter")]
        browser.close()
    assert [len(re.findall(rb"/Type\s*/Page\b", pages)) for pages in printed] == [1, 1]


def test_every_lesson_is_a_page_in_order_and_its_exercises_are_empty(book, pages):
    lessons = [f"notebooks/{path.stem}.html" for path in NOTEBOOKS]
    front = [link for link in pages[book / "index.html"].links if link.startswith("notebooks/")]
    assert list(dict.fromkeys(front)) == lessons
    for path in NOTEBOOKS[2:]:
        assert "# Your code here" in (book / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")


def test_the_book_has_the_lessons_and_their_pictures_and_no_file_of_a_learner():
    names = ["01_broker.ipynb", "Untitled.ipynb", "01_broker-Copy1.ipynb", "pictures", "log.svg", "mine.csv"]
    left_out = load().what_is_not_of_the_course("notebooks", names)
    assert left_out == {"Untitled.ipynb", "01_broker-Copy1.ipynb", "mine.csv"}


def test_the_search_finds_the_words_of_a_lesson(book):
    text = (book / "searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").rstrip(");"))
    found = index["terms"]["rebal"]
    names = [index["docnames"][number] for number in (found if isinstance(found, list) else [found])]
    assert {"docs/glossary", "notebooks/08_consumer_groups"} <= set(names)


def test_an_error_in_a_lesson_is_one_line_that_names_the_cell(tmp_path):
    path = tmp_path / "05_sensor_logs.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# 05"), nbformat.v4.new_code_cell("fine = 1")]
    cells += [nbformat.v4.new_code_cell("1 /\\\n 0"), nbformat.v4.new_code_cell("never = 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    book = load()
    with pytest.raises(book.BookError) as fault:
        book.run_notebook(path)
    assert str(fault.value) == "05_sensor_logs.ipynb, cell 3: ZeroDivisionError: division by zero"


def test_a_picture_of_a_lesson_has_words_and_the_folders_are_those_of_a_learner(tmp_path):
    path, place = tmp_path / "05_sensor_logs.ipynb", tmp_path / r"back\slash é"
    draw = "%matplotlib inline\nimport pandas as pd\npd.Series([1, 2]).plot().figure;"
    inside = "if True:\n    display(pd.Series([1, 2]).plot().figure)"
    cells = [f"{str(place / 'warehouse.db')!r}", f"print({str(KIT)!r})", draw, inside, "3"]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)
    book = load()
    book.run_notebook(path)
    book.name_folders(path, place)
    where, kit, picture, block, number = nbformat.read(path, as_version=4).cells
    assert re.fullmatch(r"'kafka-lab-kit.+warehouse\.db'", where.outputs[0].data["text/plain"])
    assert kit.outputs[0].text == "kafka-lab-kit\n"
    words = "The picture that this draws: pd.Series([1, 2]).plot().figure;"
    assert picture.metadata["mystnb"]["image"]["alt"] == words
    words = "The picture that this draws: if True:"
    assert block.metadata["mystnb"]["image"]["alt"] == words
    assert "mystnb" not in number.metadata


def test_a_link_that_leads_nowhere_is_one_line_and_the_book_of_before_stays(tmp_path, monkeypatch):
    book, output = load(), tmp_path / "book"
    output.mkdir()
    (output / "index.html").write_text("before", encoding="utf-8")
    monkeypatch.setenv("FORCE_COLOR", "1")  # the message is without colours all the same

    def break_it(sources):
        sources.mkdir()
        (sources / "conf.py").write_text("extensions = ['myst_parser']", encoding="utf-8")
        (sources / "index.md").write_text("# A page\n\n[on](nowhere.md)\n", encoding="utf-8")

    monkeypatch.setattr(book, "copy_sources", break_it)
    with pytest.raises(book.BookError, match=r"^index\.md:\d+: WARNING: .+nowhere\.md"):
        book.build(output, run=False)
    assert (output / "index.html").read_text(encoding="utf-8") == "before"


def test_the_pins_of_the_book_are_those_of_the_tests():
    """Else `start.py book` and `start.py test`, in one `.venv`, would undo each other."""
    tests = (KIT / "requirements-test.txt").read_text(encoding="utf-8").splitlines()
    book = (KIT / "requirements-book.txt").read_text(encoding="utf-8").splitlines()
    assert set(book) - set(tests) == set() and "furo" in " ".join(book)
