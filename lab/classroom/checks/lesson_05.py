"""Is the exercise done? Lesson 05, sensor logs."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from lab.classroom.checks.steps import Report, Step, check
from lab.databases.queries import Selection, sensor_logs
from lab.simulation import PLANTED_FAULTS, SAMPLE_DAY
from lab.warehouse import Warehouse


def check_outliers(answer: Iterable | None) -> Report:
    """Lesson 05: `answer` has the times of all planted outliers, and no others."""
    planted = {planted_at(plant.first) for plant in PLANTED_FAULTS if plant.fault == "outlier"}

    def given() -> Any:
        return {pd_time(time) for time in (() if answer is None else answer)}

    return check(
        Step(
            "you found some", lambda: bool(given()), "Set outliers to the times (the column ts) of some rows."
        ),
        Step(
            "all of them were planted",
            lambda: bool(given()) and given() <= planted,
            "An outlier is far from its neighbours. A high value alone is not an outlier.",
        ),
        Step(
            "none is missing", lambda: given() >= planted, "One can be far too low as well as far too high."
        ),
    )


def check_window_mean(warehouse: str, sensor_id: str, start: datetime, answer: Any) -> Report:
    """Lesson 05: `answer` is the mean of the sensor's values in the hour that begins at `start`."""

    def values() -> list[float]:
        with Warehouse(warehouse, create=False) as db:
            rows = sensor_logs(db, Selection([sensor_id]))
        until = start + timedelta(hours=1)
        return [val for _, _, val, _, _, ts in rows if start <= pd_time(ts) < until]

    return check(
        Step(
            "your answer is a number",
            lambda: math.isfinite(answer),
            "Set mean. It is nan without readings: `later` includes the late ones, `logs` does not.",
        ),
        Step(
            f"it is one of {sensor_id} at that time",
            lambda: min(values()) <= answer <= max(values()),
            "Take only the rows of that sensor, and by their ts only those of that hour.",
        ),
        Step(
            "it is the mean of the whole window, and of nothing else",
            lambda: abs(answer - fmean(values())) < 0.01,
            "From the start (>=) and before the end (<): the reading at the end belongs to the next window.",
        ),
    )


def planted_at(batch: int) -> datetime:
    """The time of a batch in the simulated day."""
    return SAMPLE_DAY + timedelta(minutes=batch)


def pd_time(time: Any) -> datetime:
    """A pandas time, or a text, as a datetime in UTC."""
    time = datetime.fromisoformat(str(time))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
