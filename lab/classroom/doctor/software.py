"""Is the required software installed? Python, packages, Java, Kafka's jars, and what stands beside Kafka."""

import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from lab.classroom.doctor.finding import Finding
from lab.clients.installed import find_fault, find_untested, version
from lab.embedded.jars import damaged_jars
from lab.embedded.java import java_executable
from lab.errors import LabError
from lab.neighbours.neighbour import NEIGHBOURS
from lab.settings import Settings
from lab.text.commandline import START, python

LAB = Path(__file__).resolve().parents[2]
KIT = LAB.parent
# A file with such a name, next to a notebook or in the current folder, is imported instead of the module.
NAMES = sys.stdlib_module_names | {"kafka", "lab", "pandas", "numpy", "matplotlib", "psutil", "click", "rich"}


def check_python(settings: Settings) -> Finding:
    """The kernel must be the Python of the kit's own `.venv`, if there is one."""
    venv = KIT / ".venv"
    found = f"{sys.version.split()[0]}, {sys.executable}"
    if venv.is_dir() and Path(sys.prefix).resolve() != venv.resolve():
        fix = "In JupyterLab choose Kernel > Change Kernel > Python 3; in a terminal: start.py lab."
        return Finding("Python", f"{found}, not the one in {venv}", fix)
    return Finding("Python", found)


def check_packages(settings: Settings) -> Finding:
    """Every package that the kit requires is installed, in a suitable version."""
    from packaging.requirements import Requirement  # here, because a broken set-up may lack it

    pins = f"In {KIT}: {python()} -m pip install -r requirements.txt"
    try:
        asked = [Requirement(line) for line in requires("kafka-lab-kit") or []]
    except PackageNotFoundError:
        return Finding("Packages", f"the kit is not installed for {sys.executable}", pins)
    needed = [each for each in asked if not each.marker or each.marker.evaluate({"extra": ""})]
    wrong = {
        f'"{each.name}{each.specifier}"': f"{each.name} {found or 'is missing'} (needed: {each.specifier})"
        for each in needed
        if not (found := version(each.name)) or not each.specifier.contains(found, prereleases=True)
    }
    if not wrong:
        return Finding("Packages", f"{len(needed)}, as needed")
    fix = pins if START.exists() else f"{python()} -m pip install {' '.join(wrong)}"
    return Finding("Packages", ", ".join(wrong.values()), fix)


def check_client(settings: Settings) -> Finding:
    """The folder `kafka` must be kafka-python's, in a version that the kit was tested with."""
    if fault := find_fault() or find_untested():
        return Finding("Kafka client", *fault)
    return Finding("Kafka client", f"kafka-python {version('kafka-python')}")


def check_file_names(settings: Settings) -> Finding:
    """No file next to the notebooks or in the current folder hides a module: `kafka.py`, `random.py`."""
    folders = {folder for folder in (Path.cwd(), KIT / "notebooks") if folder.is_dir()}
    hiding = [path for folder in folders for path in folder.iterdir() if _hides(path)]
    if hiding:
        found = f"{hiding[0]} hides the module {hiding[0].stem} from every program beside it"
        return Finding("File names", found, f"Give {hiding[0]} another name.")
    return Finding("File names", "none hides a module")


def _hides(path: Path) -> bool:
    is_module = path.suffix == ".py" or (path / "__init__.py").exists()
    return is_module and path.stem in NAMES and path != LAB


def check_java(settings: Settings) -> Finding:
    """The embedded broker runs on Java 17 or newer."""
    where = f"{platform.system()} {platform.machine()}"
    try:
        java = java_executable()
        done = subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace")
        said = done.stderr.strip().splitlines()
        shown = next((line for line in said if re.search(r'version "\d', line)), None)
        if shown and not done.returncode:
            return Finding("Java", f"{shown}, on {where}")
        found = f"{java} does not run on {where}: {said[0] if said else f'exit code {done.returncode}'}"
    except (LabError, OSError) as error:
        found = str(error)
    fix = "Install Java 17 or newer; or set LAB_BOOTSTRAP_SERVERS to a Kafka elsewhere."
    if START.exists():
        fix = "Run start.py setup again; or install Java 17 or newer; or use docker-compose.yaml."
    return Finding("Java", found, fix)


def check_jars(settings: Settings) -> Finding:
    """Kafka's jars are present and unchanged."""
    if damaged := damaged_jars():
        found = f"{len(damaged)} missing or changed, for example {damaged[0].name}"
        return Finding("Kafka's jars", found, "With internet: python -m lab broker start fetches them.")
    return Finding("Kafka's jars", "all there, checksums right")


def check_neighbours(settings: Settings) -> Finding:
    """What was fetched for part two is whole. It is no fault if something was not fetched."""
    here = [each for each in NEIGHBOURS.values() if each.is_here]
    for each in NEIGHBOURS.values():
        if each not in here and each.stamp.exists():
            found = f"{each.what} in {each.folder} is of another version of the kit, or damaged"
            return Finding("Neighbours", found, f"With internet: python -m lab fetch {each.name}")
    names = ", ".join(each.name for each in here) or "none fetched"
    return Finding("Neighbours", f"{names} (python -m lab fetch lists all)")
