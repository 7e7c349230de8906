"""How does the course become a book? `python3 start.py book` runs every notebook once, then Sphinx.

The notebooks run on a broker of the book's own, in a temporary folder: yours is not touched. Exercises stay
as the learner finds them. With `--no-run` the pages have no outputs, and the book is ready in seconds.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

KIT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(KIT))  # for `tests.support`, which knows why there is no PostgreSQL

from lab.embedded.broker import EmbeddedBroker  # noqa: E402
from lab.embedded.folders import remove_folders  # noqa: E402
from lab.embedded.ports import free_ports  # noqa: E402
from lab.errors import LabError  # noqa: E402
from lab.neighbours.neighbour import FOLDER, fault_of  # noqa: E402
from lab.settings import Settings  # noqa: E402
from tests.support.postgresql_there import postgresql_fault_of  # noqa: E402

PAGES = ["README.md", "TEACHING.md", "SCALING.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"]
SECONDS_PER_CELL = 300


class BookError(Exception):
    """The book cannot be built; its text is one line that says where and why."""


def main() -> int:
    """Build the book, and say where it is."""
    parser = argparse.ArgumentParser(prog="start.py book", description="The course as pages to read.")
    parser.add_argument("--no-run", action="store_true", help="do not run the notebooks: no outputs")
    parser.add_argument("--output", type=Path, default=KIT / "build" / "book", metavar="FOLDER")
    options = parser.parse_args()
    try:
        build(options.output, run=not options.no_run)
    except (BookError, LabError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The book is as it was before.", file=sys.stderr)
        return 130
    print(f"The book is ready. Open it in a browser: {(options.output.resolve() / 'index.html').as_uri()}")
    return 0


def build(output: Path, run: bool = True) -> None:
    """Write the book into a folder, which is replaced only when the book is complete."""
    with tempfile.TemporaryDirectory(prefix="kafka-lab-book-", ignore_cleanup_errors=True) as folder:
        sources, made = Path(folder) / "sources", Path(folder) / "book"
        copy_sources(sources)
        if run:
            run_notebooks(sources / "notebooks", Path(folder) / "run")
        print("Writing the pages ...", flush=True)
        write_pages(sources, made)
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(made, output)


def copy_sources(sources: Path) -> None:
    """Copy the pages as they lie in the kit, so that their links lead to the same places."""
    shutil.copytree(KIT / "docs", sources / "docs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(KIT / "notebooks", sources / "notebooks", ignore=what_is_not_of_the_course)
    for path in (sources / "notebooks").glob("*.ipynb"):  # Sphinx leaves links alone that are HTML
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r'(href=\\"\w+)\.ipynb', r"\1.html", text), encoding="utf-8")
    for name in PAGES:
        shutil.copy(KIT / name, sources / name)
    shutil.copy(KIT / "docs" / "conf.py", sources)
    # The front page of a site is in its top folder; its links are those of a file in docs/.
    front = (sources / "docs" / "index.md").read_text(encoding="utf-8")
    front = front.replace("](", "](docs/").replace("](docs/../", "](")
    front = re.sub(r" <(\w+)>$", r" <docs/\1>", front, flags=re.MULTILINE).replace("../", "")
    (sources / "index.md").write_text(front, encoding="utf-8")
    (sources / "docs" / "index.md").unlink()


def what_is_not_of_the_course(folder: str, names: list[str]) -> set[str]:
    """Of the files of a folder: a learner's own notebooks and files may lie beside the lessons."""
    front = (KIT / "docs" / "index.md").read_text(encoding="utf-8")
    lessons = {f"{name}.ipynb" for name in re.findall(r"^\.\./notebooks/(\w+)$", front, re.MULTILINE)}
    return {
        name for name in names if name not in lessons and name != "pictures" and not name.endswith(".svg")
    }


def run_notebooks(folder: Path, place: Path) -> None:
    """Run them in order, each in a kernel of its own, all on one broker. Their outputs are kept in them."""
    with broker_of_the_book(place):
        for path in sorted(folder.glob("*.ipynb")):
            if reason := (fault_of(path.stem) or postgresql_fault_of(path.stem)).rstrip("."):
                print(f"{path.stem}: not run, so without outputs: {reason}", flush=True)
                add_note(path, f"This lesson was not run for this book: {reason}.")
                continue
            print(f"{path.stem} ...", flush=True)
            run_notebook(path)
            name_folders(path, place)


@contextlib.contextmanager
def broker_of_the_book(place: Path) -> Generator[None]:
    """A broker that only the notebooks of the book know, and a warehouse: their kernels inherit both."""
    broker = EmbeddedBroker(place / ".lab", free_ports(1)[0])
    os.environ.setdefault(FOLDER, str(Settings.from_environment().home / "neighbours"))
    os.environ["LAB_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
    os.environ["LAB_HOME"] = str(broker.home)
    os.environ["LAB_WAREHOUSE"] = f"sqlite:///{(place / 'warehouse.db').as_posix()}"
    for name in ("LAB_CHECK", "LAB_TOPIC", "LAB_GROUP"):  # the book shows what they are by themselves
        os.environ.pop(name, None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        yield
    finally:
        broker.stop()
        with contextlib.suppress(OSError):  # Windows, while a kernel that has just been ended lets go of it
            remove_folders(place)


def run_notebook(path: Path) -> None:
    """Run one as *Run All* does, in the folder of the kit's notebooks, and keep the outputs."""
    book = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(KIT / "notebooks")}}
    client = NotebookClient(book, timeout=SECONDS_PER_CELL, kernel_name="python3", resources=place)
    try:
        client.execute(stderr=subprocess.DEVNULL)  # what the kernel says of itself is not about the lesson
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise BookError(f"{path.name}, {where(book)}: {in_one_line(error)}") from None
    for cell in book.cells:
        if words := words_of_picture(cell):
            cell.metadata["mystnb"] = {"image": {"alt": words}}
    nbformat.write(book, path)


def words_of_picture(cell: nbformat.NotebookNode) -> str:
    """What the picture of a cell says to those who do not see it; empty without a picture."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if any(kind.startswith("image/") for kind in data):
            told = [values.get("alt") for values in output.metadata.values() if isinstance(values, dict)]
            plain = "".join(data.get("text/plain", ""))
            told += [plain] if not plain.startswith("<") else []  # <Figure size 640x480 with 1 Axes>
            statement = re.findall(r"^\w.*", cell.source, re.MULTILINE)[-1]  # its first line
            return next(filter(None, told), f"The picture that this draws: {statement}")
    return ""


def name_folders(path: Path, place: Path) -> None:
    """In the outputs, call the folders of this machine as a learner's would be."""
    text = path.read_text(encoding="utf-8")
    for folder in (place, KIT):
        # A path of Windows has backslashes, which both Python and the notebook's file show twice.
        for shown in (repr(str(folder))[1:-1], str(folder), folder.as_posix()):
            text = text.replace(json.dumps(shown, ensure_ascii=False)[1:-1], "kafka-lab-kit")
    path.write_text(text, encoding="utf-8")


def where(book: nbformat.NotebookNode) -> str:
    """The cell at which a run ended: the last that was begun."""
    begun = [
        number
        for number, cell in enumerate(book.cells, 1)
        if cell.cell_type == "code" and (cell.outputs or cell.metadata.get("execution"))
    ]
    return f"cell {begun[-1]}" if begun else "before its first cell"


def in_one_line(error: Exception) -> str:
    """What went wrong, without the traceback."""
    if isinstance(error, CellExecutionError):
        return f"{error.ename}: {' '.join(error.evalue.split())}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def add_note(path: Path, text: str) -> None:
    """Put a note below the first cell of a notebook."""
    book = nbformat.read(path, as_version=4)
    book.cells.insert(1, nbformat.v4.new_markdown_cell(f"> {text}"))
    nbformat.write(book, path)


def write_pages(sources: Path, output: Path) -> None:
    """Let Sphinx write them. A link inside the book that leads nowhere is an error."""
    sphinx = [sys.executable, "-m", "sphinx", "-q", "--no-color", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run([*sphinx, sources, output], capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if line.strip()), "Sphinx gave no reason")
        raise BookError(first.replace(f"{sources}{os.sep}", ""))


if __name__ == "__main__":
    sys.exit(main())
