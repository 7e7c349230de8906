"""What do the sensors measure? Simulated values, with planted faults that a lesson finds again.

A value is the sum of the mean of its kind, a daily wave, and noise from a seeded generator, so the same
arguments give the same values. A status depends only on the value.
"""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lab.readings import Reading, Status


@dataclass(frozen=True)
class Kind:
    """A kind of sensor; `normal` and `tolerable` are (lowest, highest) values, in `unit`."""

    name: str
    unit: str
    mean: float
    amplitude: float  # of the daily wave
    noise: float  # standard deviation
    peak_hour: float  # UTC
    normal: tuple[float, float]
    tolerable: tuple[float, float]

    def value_at(self, ts: datetime) -> float:
        """The value without noise."""
        hour = ts.hour + ts.minute / 60 + ts.second / 3600
        return self.mean + self.amplitude * math.cos(math.tau * (hour - self.peak_hour) / 24)

    def status_of(self, val: float) -> Status:
        """OK within `normal`, WARNING within `tolerable`, CRITICAL beyond."""
        if self.normal[0] <= val <= self.normal[1]:
            return "OK"
        return "WARNING" if self.tolerable[0] <= val <= self.tolerable[1] else "CRITICAL"


KINDS = (
    Kind("temperature", "°C", 21, 4, 0.3, 15, normal=(15, 25.5), tolerable=(10, 30)),
    Kind("humidity", "%", 50, 12, 1.2, 4, normal=(35, 65), tolerable=(25, 75)),
    Kind("pressure", "hPa", 1013, 3, 0.4, 10, normal=(1005, 1018), tolerable=(995, 1028)),
)


@dataclass(frozen=True)
class PlantedFault:
    """A fault hidden in the readings of one sensor, in the batches `first` to `last`, inclusive.

    An outlier adds `size` to the values, a drift grows from 0 to `size`, and in a gap the sensor
    sends nothing.
    """

    fault: str
    sensor_id: str
    first: int
    last: int
    size: float = 0

    def shift(self, n: int) -> float:
        """What is added to the value in batch n."""
        if self.fault == "drift":
            return self.size * (n - self.first) / (self.last - self.first)
        return self.size


# In a day of one batch a minute: spikes at 05:00, 12:30 and 18:20, silence from 08:00 up to
# 10:00, and a pressure that climbs from 14:00 on.
PLANTED_FAULTS = (
    PlantedFault("outlier", "temperature-1", 300, 300, size=14),
    PlantedFault("outlier", "temperature-1", 750, 750, size=-18),
    PlantedFault("outlier", "temperature-1", 1100, 1100, size=14),
    PlantedFault("gap", "humidity-1", 480, 599),
    PlantedFault("drift", "pressure-1", 840, 1439, size=12),
)
SAMPLE_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def sensor_ids(sensors: int = 3) -> list[str]:
    """The names of the first sensors: temperature-1, humidity-1, pressure-1, temperature-2, ..."""
    return [f"{KINDS[n % len(KINDS)].name}-{n // len(KINDS) + 1}" for n in range(sensors)]


def simulate_readings(
    sensors: int = 3,
    *,
    seed: int | None = None,
    start: datetime | None = None,
    step: timedelta = timedelta(minutes=1),
    plants: Iterable[PlantedFault] = (),
) -> Iterator[list[Reading]]:
    """Yield batches without end: each has one reading of each sensor.

    Without `start`, a batch carries the time at which it is requested. With `start`, the batches are
    `step` apart, so that a whole day can be sent in a second.
    """
    rng = random.Random(seed)
    names, planted, n = sensor_ids(sensors), list(plants), 0
    while True:
        ts = start + n * step if start else datetime.now(UTC)
        active = {p.sensor_id: p for p in planted if p.first <= n <= p.last}
        yield [
            _measure(KINDS[k % len(KINDS)], name, ts, rng, active[name].shift(n) if name in active else 0)
            for k, name in enumerate(names)
            if not (name in active and active[name].fault == "gap")
        ]
        n += 1


def count_readings(batches: int, sensors: int = 3, plants: Iterable[PlantedFault] = ()) -> int:
    """How many readings the first batches have: in a planted gap the sensor sends nothing."""
    gaps = [p for p in plants if p.fault == "gap" and p.sensor_id in sensor_ids(sensors)]
    return batches * sensors - sum(max(0, min(gap.last + 1, batches) - gap.first) for gap in gaps)


def _measure(kind: Kind, sensor_id: str, ts: datetime, rng: random.Random, shift: float) -> Reading:
    val = round(rng.gauss(kind.value_at(ts), kind.noise) + shift, 2)
    return Reading(sensor_id, val, kind.unit, kind.status_of(val), ts)
