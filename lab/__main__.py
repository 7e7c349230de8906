"""How is the kit run from a terminal? With `python -m lab`."""

from lab.cli import main

raise SystemExit(main())
