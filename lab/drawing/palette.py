"""What does each colour mean? The same in every picture of the kit, and one thing only.

Colour-blind people, and everyone on a projector, can tell the colours apart (after Okabe and Ito).
"""

from matplotlib.colors import LinearSegmentedColormap, to_hex

# A message.
PRODUCED = "#333333"
STORED = "#0072b2"
LAG = "#e69f00"
TWICE = "#cc79a7"
FAULT = "#d55e00"  # lost, a dead letter, not in sync, a CRITICAL reading, an error
COPY = "#cfe5f3"  # a pale STORED: what a replica has too
# Readings.
SENSORS = ("#2e1a6b", "#7b4fd0", "#9f7ddb")
STATUS = {"WARNING": ("#f0e442", "^"), "CRITICAL": (FAULT, "X")}
# The members of a group, in the order in which they come, and where nobody and nothing is.
MEMBERS = ("#009e73", "#56b4e9", "#8c564b", "#b5d99c")
NOTHING = "#999999"


def sensor_colors(sensors: int) -> list[str]:
    """One violet for each of so many sensors, from dark to light."""
    violets = LinearSegmentedColormap.from_list("sensors", SENSORS)
    return [to_hex(violets(n / max(2, sensors - 1))) for n in range(sensors)]
