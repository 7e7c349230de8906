"""Which readings are outliers, though the status of each is OK? The day of an exercise in lesson 05."""

from datetime import datetime, timedelta
from itertools import islice

import pandas as pd

from lab.simulation import SAMPLE_DAY, PlantedFault, simulate_readings

SENSOR = "temperature-1"
# The temperature is about 17 degrees in the early morning and 25 in the afternoon; from 15 to 25.5 is OK.
PLANTS = [
    PlantedFault("outlier", SENSOR, minute, minute, size)
    for minute, size in ((185, 7), (618, -4.5), (911, -8), (1375, 5))
]


def strange_day() -> pd.DataFrame:
    """The readings of temperature-1 on another day, one a minute, in the columns of `sensor_logs`."""
    batches = islice(simulate_readings(1, seed=55, start=SAMPLE_DAY, plants=PLANTS), 1440)
    readings = [reading for batch in batches for reading in batch]
    columns = ["sensor_id", "val", "unit", "status", "ts"]
    return pd.DataFrame([[getattr(one, name) for name in columns] for one in readings], columns=columns)


def outlier_times() -> set[datetime]:
    """When its outliers were measured, in UTC."""
    return {SAMPLE_DAY + timedelta(minutes=plant.first) for plant in PLANTS}
