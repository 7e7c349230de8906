"""Is the module `kafka` the client that the kit needs? It must come from kafka-python, in a tested version.

Other packages install a module of the same name in the same folder: an old one called `kafka`, and the fork
`kafka-python-ng`. A file kafka.py of your own hides it as well. This module works without the client.
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
TESTED = ">=3.0.12,<3.1"  # its tested versions, as in pyproject.toml
VENV = Path(__file__).resolve().parents[2] / ".venv"  # where start.py puts the packages
OLDEST_PYTHON = (3, 11)  # an older one cannot parse the kit's code


def verify_client() -> None:
    """Import the client, or say why that fails and what to do. An untested version is only a warning.

    Raises ImportError. A command prints the reason as one line and exits.
    """
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise ImportError("an old Python")
        for module in ("kafka", "kafka.admin"):
            importlib.import_module(module)
        fault = find_fault()
        cause = None
    except Exception as error:  # a wrong package can fail in any way: the old `kafka` has invalid syntax
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
    """(fault, fix) if the client cannot work at all; None if it can."""
    from importlib import metadata  # here, because it is slow to import and rarely needed

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
    """(fault, fix) if the kit was not tested with this version of the client; None if it was."""
    ours = version(PACKAGE) or ""
    oldest, too_new = map(_numbers, TESTED.split(","))
    if oldest <= _numbers(ours) < too_new:
        return None
    return f"{PACKAGE} {ours} is installed, and the kit is tested with {TESTED}", reinstall()


def _numbers(text: str) -> tuple[int, ...]:
    """'3.1.0.dev0' as (3, 1, 0): a pre-release of 3.1 is as untested as 3.1 itself."""
    match = re.search(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def take_the_right_python() -> str:
    """The Python of start.py, which has the client; without it, the command that installs the client here."""
    own = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not own.exists() or Path(sys.prefix).resolve() == VENV:
        return reinstall()
    return f"The kit has a Python of its own: {path_as_typed(own)}; in a notebook, the kernel Python 3."


def reinstall() -> str:
    """The command that installs a tested version."""
    return f'Run {python()} -m pip install --force-reinstall "{PACKAGE}{TESTED}"'


def version(package: str) -> str | None:
    """The version of an installed package, or None."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
