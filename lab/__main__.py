"""`python -m lab`: the pipeline, and all that serves it, from a terminal."""

from lab.cli import main

raise SystemExit(main())
