"""`python -m lab`: the pipeline, and all that serves it, from a terminal."""

import sys

from lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
