"""Is the module `kafka` the client that we need? It is that of the package kafka-python, from 3 on.

Other packages bring a module of the same name, in the same folder: an old one called `kafka`, and
the fork `kafka-python-ng`. So does any file of yours that is called kafka.py. Nothing here needs
the client to be there.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

from lab.text.commandline import PROGRAM, as_typed, path_as_typed, python

PACKAGE, IMPOSTORS = "kafka-python", ("kafka", "kafka-python-ng")
VENV = Path(__file__).resolve().parents[2] / ".venv"  # where start.py puts the packages
OLDEST_PYTHON = (3, 11)  # with less the kit cannot even be read
NEEDED = ("kafka", "kafka.admin", "kafka.net.selector")  # the last one came with version 3


def verify_client() -> None:
    """Import the client, or say what is in its way, and what to do.

    Raises ImportError; a command ends with that line alone.
    """
    try:
        if sys.version_info < OLDEST_PYTHON:
            raise ImportError("an old Python")
        for module in NEEDED:
            importlib.import_module(module)
    except Exception as error:  # an impostor may fail in any way: the old `kafka` is no valid Python now
        found, fix = find_fault() or (f"{PACKAGE} cannot be imported: {error}", reinstall())
        line = as_typed(f"{found}. {fix}")
        if sys.argv[0] == "-m" or Path(sys.argv[0]).stem == PROGRAM:  # from a terminal
            sys.exit(f"error: {line}")
        raise ImportError(line) from error


def find_fault() -> tuple[str, str] | None:
    """What is wrong with the client, and how to mend it; None if nothing is."""
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
    if int(ours.split(".")[0]) < 3:
        return f"{PACKAGE} {ours} is installed, and the kit needs 3", reinstall()
    spec = importlib.util.find_spec("kafka")
    found = Path(spec.origin) if spec and spec.origin else None
    right = Path(str(metadata.distribution(PACKAGE).locate_file("kafka/__init__.py")))
    if found and found.resolve() != right.resolve():
        hides = found if found.name != "__init__.py" else found.parent
        return f"'import kafka' finds {hides}, which hides {PACKAGE}", f"Give {hides} another name."
    return None


def take_the_right_python() -> str:
    """Which Python has it; where start.py made none, the command that installs it for this one."""
    own = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not own.exists() or Path(sys.prefix).resolve() == VENV:
        return reinstall()
    return f"The kit has a Python of its own: {path_as_typed(own)}; in a notebook, the kernel Python 3."


def reinstall() -> str:
    """The command that puts it right."""
    return f"Run {python()} -m pip install --force-reinstall {PACKAGE}"


def version(package: str) -> str | None:
    """The version of an installed package, or None."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
