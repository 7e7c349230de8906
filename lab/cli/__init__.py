"""How is each part used from a terminal? By the commands of `python -m lab`; `main` runs one of them."""

from lab.cli.program import main

__all__ = ["main"]
