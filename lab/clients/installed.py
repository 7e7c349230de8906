"""Is the module `kafka` the client that we need? It is that of the package kafka-python, in a tested version.

Other packages bring a module of the same name, in the same folder: an old one called `kafka`, and
the fork `kafka-python-ng`. So does any file of yours that is called kafka.py. Nothing here needs
the client to be there.
"""

import importlib
import importlib.util
import logging
import os
import re
import sys
from pathlib import Path

from lab.text.commandline import PROGRAM, as_typed, path_as_typed, python

PACKAGE, IMPOSTORS = "kafka-python", ("kafka", "kafka-python-ng")
TESTED = ">=3.0.12,<3.1"  # the versions of it; as in pyproject.toml
VENV = Path(__file__).resolve().parents[2] / ".venv"  # where start.py puts the packages
OLDEST_PYTHON = (3, 11)  # with less the kit cannot even be read


def verify_client() -> None:
    """Import the client, or say what is in its way, and what to do. Of an untested version it only warns.

    Raises ImportError; a command ends with that line alone.
    """
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise ImportError("an old Python")
        for module in ("kafka", "kafka.admin"):
            importlib.import_module(module)
        fault = find_fault()
        cause = None
    except Exception as error:  # an impostor may fail in any way: the old `kafka` is no valid Python now
        fault = find_fault() or (f"{PACKAGE} cannot be imported: {error}", reinstall())
        cause = error
    if fault:
        line = as_typed("{}. {}".format(*fault))
        if sys.argv[0] == "-m" or Path(sys.argv[0]).stem == PROGRAM:  # from a terminal
            sys.exit(f"error: {line}")
        raise ImportError(line) from cause
    if untested := find_untested():
        logging.getLogger("lab").warning(as_typed("{}. {}".format(*untested)))


def find_fault() -> tuple[str, str] | None:
    """What keeps the client from working at all, and how to mend it; None if nothing does."""
    from importlib import metadata  # here, for it is slow to import, and most never need it

    if sys.version_info < OLDEST_PYTHON:
        found = f"The kit needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})"
        return found, "Start it with start.py lab, or choose the kernel Python 3."
    for impostor in IMPOSTORS:
        if version(impostor):
            fix = f"Run {python()} -m pip uninstall -y {impostor}, then {reinstall()[4:]}"
            return f"The package {impostor} is installed; it hides {PACKAGE}", fix
    if not (ours := version(PACKAGE)):
        return f"{PACKAGE} is not installed for {sys.executable}", take_the_right_python()
    if _numbers(ours) < (3,):
        return f"{PACKAGE} {ours} is installed, and the kit needs {TESTED}", reinstall()
    spec = importlib.util.find_spec("kafka")
    found = Path(spec.origin) if spec and spec.origin else None
    right = Path(str(metadata.distribution(PACKAGE).locate_file("kafka/__init__.py")))
    if found and found.resolve() != right.resolve():
        hides = found if found.name != "__init__.py" else found.parent
        return f"'import kafka' finds {hides}, which hides {PACKAGE}", f"Give {hides} another name."
    return None


def find_untested() -> tuple[str, str] | None:
    """Whether the kit was not tested with this version of the client, and how to get one that it was."""
    ours = version(PACKAGE) or ""
    oldest, too_new = map(_numbers, TESTED.split(","))
    if oldest <= _numbers(ours) < too_new:
        return None
    return f"{PACKAGE} {ours} is installed, and the kit is tested with {TESTED}", reinstall()


def _numbers(text: str) -> tuple[int, ...]:
    """'3.1.0.dev0' as (3, 1, 0): what leads to 3.1 is as untested as 3.1 itself."""
    match = re.search(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def take_the_right_python() -> str:
    """Which Python has it; where start.py made none, the command that installs it for this one."""
    own = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not own.exists() or Path(sys.prefix).resolve() == VENV:
        return reinstall()
    return f"The kit has a Python of its own: {path_as_typed(own)}; in a notebook, the kernel Python 3."


def reinstall() -> str:
    """The command that puts it right."""
    return f'Run {python()} -m pip install --force-reinstall "{PACKAGE}{TESTED}"'


def version(package: str) -> str | None:
    """The version of an installed package, or None."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
