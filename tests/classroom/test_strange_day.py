"""The days of lesson 05 are as its text says."""

from statistics import mean

from lab.classroom.strange_day import PLANTS, outlier_times, strange_day
from lab.simulation import KINDS, PLANTED_FAULTS, SAMPLE_DAY, simulate_readings


def test_the_status_of_each_outlier_is_ok():
    """So that only a look at the values around it finds it."""
    outliers = strange_day().query("ts in @times", local_dict={"times": list(outlier_times())})
    assert len(outliers) == len(PLANTS)
    assert set(outliers["status"]) == {"OK"}


def test_the_drift_that_is_found_is_the_mean_of_the_last_hour_less_the_wave():
    drift = next(plant for plant in PLANTED_FAULTS if plant.fault == "drift")
    day = [batch[0].ts for batch, _ in zip(simulate_readings(1, start=SAMPLE_DAY), range(1440))]
    pressure = next(kind for kind in KINDS if kind.name == "pressure")
    last, first = (mean(map(pressure.value_at, hour)) for hour in (day[-60:], day[:60]))
    assert round(mean(map(drift.shift, range(1380, 1440))), 1) == 11.4
    assert round(last - first, 1) == -0.4
