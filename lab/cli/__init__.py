"""How is each part used from a terminal? The commands of `python -m lab`."""
