"""How does a learner get back to the clean notebook of a lesson, without losing the answers in it?

`start.py` keeps a copy of each notebook before it is used, because a kit from a zip file has no Git.
"""

from datetime import datetime
from pathlib import Path

from lab.errors import LabError
from lab.system.paths import KIT

NOTEBOOKS = KIT / "notebooks"
ORIGINALS = KIT / ".lab" / "notebooks"


def restore(lesson: str) -> tuple[Path, Path | None]:
    """Put the clean notebook in place. Returns its path, and that of the former one if it was not clean.

    `lesson`: its number, its name or its file. Raises LabError if there is no such lesson.
    """
    original = _original(Path(lesson).name.removesuffix(".ipynb"))
    notebook, clean = NOTEBOOKS / original.name, original.read_bytes()
    kept = None
    try:
        if notebook.exists() and notebook.read_bytes() != clean:
            kept = _free_name(notebook)
            notebook.replace(kept)
        notebook.write_bytes(clean)
    except OSError as error:
        raise LabError(
            f"{notebook} cannot be replaced: {error.strerror}. Close it, and try again."
        ) from error
    return notebook, kept


def _original(name: str) -> Path:
    originals = sorted(ORIGINALS.glob("*.ipynb"))
    found = [path for path in originals if name in (path.stem, path.stem.partition("_")[0])]
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.stem for path in originals)
    if not names:
        raise LabError(f"There are no clean notebooks in {ORIGINALS} yet: start.py setup keeps them there.")
    raise LabError(f"There is no clean notebook {name!r}. There are: {names}.")


def _free_name(notebook: Path) -> Path:
    """The name under which a notebook is kept: with the time, and a number if that is not enough."""
    time = f"{notebook.stem}-{datetime.now():%Y-%m-%d-%H%M}"
    names = (f"{time}{number}.ipynb" for number in ["", *(f"-{n}" for n in range(2, 1000))])
    return next(path for path in map(notebook.with_name, names) if not path.exists())
