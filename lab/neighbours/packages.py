"""How does this Python import what a neighbour has in an environment of its own?"""

import sys
import sysconfig

from lab.neighbours.neighbour import Neighbour


def use_packages(neighbour: Neighbour) -> None:
    """Let this Python import what the neighbour's environment has. What both have, it takes from its own."""
    there = str(neighbour.folder / "python")
    folder = sysconfig.get_path("platlib", "venv", vars={"base": there, "platbase": there})
    if folder not in sys.path:
        sys.path.append(folder)
