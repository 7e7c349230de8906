"""The simulated sensors: the same seed gives the same day, and every planted fault is in its place."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from lab.readings import Reading
from lab.simulation import (
    KINDS,
    PLANTED_FAULTS,
    SAMPLE_DAY,
    PlantedFault,
    count_readings,
    sensor_ids,
    simulate_readings,
)

A_DAY = 1440  # batches, one a minute


def day(**options) -> list[list[Reading]]:
    return list(islice(simulate_readings(start=SAMPLE_DAY, **options), A_DAY))


def deviations(sensor_id: str) -> dict[int, float]:
    """{batch: what the value has more than its mean and daily wave} in a planted day."""
    kind = next(kind for kind in KINDS if sensor_id.startswith(kind.name))
    return {
        n: reading.val - kind.value_at(reading.ts)
        for n, batch in enumerate(day(seed=7, plants=PLANTED_FAULTS))
        for reading in batch
        if reading.sensor_id == sensor_id
    }


def planted(fault: str) -> list[PlantedFault]:
    return [plant for plant in PLANTED_FAULTS if plant.fault == fault]


def test_the_same_seed_gives_the_same_readings():
    assert day(seed=7, plants=PLANTED_FAULTS) == day(seed=7, plants=PLANTED_FAULTS)


def test_another_seed_or_none_gives_others():
    days = [day(seed=7), day(seed=8), day(), day()]
    assert all(one != other for n, one in enumerate(days) for other in days[:n])


def test_a_batch_has_a_reading_of_each_sensor_in_a_fixed_order():
    names = ["temperature-1", "humidity-1", "pressure-1", "temperature-2"]
    assert sensor_ids(4) == names
    batches = list(islice(simulate_readings(4, seed=7), 5))
    assert [[reading.sensor_id for reading in batch] for batch in batches] == [names] * 5


def test_batches_are_a_step_apart():
    times = {reading.ts for batch in day(seed=7) for reading in batch}
    assert sorted(times) == [SAMPLE_DAY + timedelta(minutes=n) for n in range(A_DAY)]


def test_without_a_start_a_batch_carries_the_time_at_which_it_is_asked_for():
    batches = simulate_readings(seed=7)
    before = datetime.now(UTC)
    first, second = next(batches), next(batches)
    times = [before, first[0].ts, second[0].ts, datetime.now(UTC)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (
            KINDS[0],
            {9.99: "CRITICAL", 10: "WARNING", 14.99: "WARNING", 15: "OK", 25.5: "OK", 25.51: "WARNING"},
        ),
        (KINDS[1], {24.9: "CRITICAL", 25: "WARNING", 35: "OK", 65: "OK", 75: "WARNING", 75.1: "CRITICAL"}),
        (KINDS[2], {994: "CRITICAL", 995: "WARNING", 1005: "OK", 1018: "OK", 1028: "WARNING"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_limits_belong_to_the_better_status(kind, statuses):
    assert {val: kind.status_of(val) for val in statuses} == statuses


def test_every_status_and_unit_follows_from_the_value_and_the_kind():
    kinds = {kind.name: kind for kind in KINDS}
    readings = [reading for batch in day(seed=7, plants=PLANTED_FAULTS) for reading in batch]
    for reading in readings:
        kind = kinds[reading.sensor_id.partition("-")[0]]
        assert (reading.unit, reading.status) == (kind.unit, kind.status_of(reading.val))
    assert {reading.status for reading in readings} == {"OK", "WARNING", "CRITICAL"}


def test_outliers_are_where_plants_says_and_nowhere_else():
    found = {n: off for n, off in deviations("temperature-1").items() if abs(off) > 5}
    expected = {plant.first: pytest.approx(plant.size, abs=2) for plant in planted("outlier")}
    assert found == expected


def test_the_gap_is_where_plants_says_and_nowhere_else():
    (gap,) = planted("gap")
    silent = set(range(A_DAY)) - deviations(gap.sensor_id).keys()
    assert silent == set(range(gap.first, gap.last + 1))


def test_the_drift_grows_from_nothing_to_its_size():
    (drift,) = planted("drift")
    found = deviations(drift.sensor_id)
    noise = 5 * KINDS[2].noise
    for n in range(A_DAY):
        grown = max(0, drift.size * (n - drift.first) / (drift.last - drift.first))
        assert found[n] == pytest.approx(grown, abs=noise)


def test_without_plants_no_value_is_far_off():
    for batch in day(seed=7):
        for kind, reading in zip(KINDS, batch, strict=True):
            assert reading.val == pytest.approx(kind.value_at(reading.ts), abs=6 * kind.noise)


@pytest.mark.parametrize("batches", [0, 1, 480, 481, 600, 601, 1440])
@pytest.mark.parametrize("sensors", [1, 3, 5])
def test_the_readings_are_counted_before_they_are_made(batches, sensors):
    made = simulate_readings(sensors, seed=1, start=SAMPLE_DAY, plants=PLANTED_FAULTS)
    expected = sum(len(batch) for batch in islice(made, batches))
    assert count_readings(batches, sensors, PLANTED_FAULTS) == expected
