"""What is looked at in the exercises of lesson 05, sensor logs?"""

import math
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

import pandas as pd

from lab.classroom.exercises.answers import is_given, number_of, times_of, values_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_number
from lab.classroom.strange_day import outlier_times
from lab.databases.queries import Selection, sensor_logs
from lab.warehouse import Warehouse


@exercise("05.1")
def find_outliers(outliers: Any) -> Exercise:
    """`outliers` has the times of all outliers of the strange day, and no others."""
    planted = outlier_times()

    def given() -> set[pd.Timestamp]:
        return times_of(outliers)

    return Exercise(
        lambda: is_given(outliers),
        "outliers has no value yet.",
        (
            Step(
                "it has times",
                lambda: len(given()) > 0,
                ("Take the column ts of the rows that you found: strange.loc[..., 'ts'].",),
                found=lambda: type(outliers).__name__ if values_of(outliers) else "no rows",
            ),
            Step(
                "each of them is an outlier",
                lambda: given() <= planted,
                (
                    "An outlier is far from its neighbours. A high or low value alone is none.",
                    "Subtract the rolling median, and keep what is more than 3 degrees away, up or down.",
                ),
                found=lambda: f"{len(given() - planted)} that are none",
            ),
            Step(
                "none is missing",
                lambda: given() >= planted,
                ("An outlier can be far too low as well as far too high: .abs() takes both.",),
                found=lambda: f"{len(planted - given())} missing",
            ),
        ),
    )


@exercise("05.2")
def window_mean(warehouse: str, start: datetime, mean: Any) -> Exercise:
    """`mean` is the mean of humidity-1 in the hour that begins at `start`, late readings included."""

    def values(sensor_id: str = "humidity-1", until: float = 3600) -> list[float]:
        with Warehouse(warehouse, create=False) as db:
            rows = sensor_logs(db, Selection([sensor_id]))
        end = start + timedelta(seconds=until)
        return [val for _, _, val, _, _, ts in rows if start <= datetime.fromisoformat(str(ts)) < end]

    def given() -> float:
        return number_of(mean)

    return about_number(
        "mean",
        mean,
        Step(
            "it is the mean of some readings",
            lambda: not math.isnan(given()),
            ("It is nan where there are no readings: `later` includes the late ones, `logs` does not.",),
            found=given,
        ),
        Step(
            "it is one of humidity-1 at that time",
            lambda: min(values()) <= given() <= max(values()),
            ("Take only the rows of that sensor, and by their ts only those of that hour.",),
            found=given,
        ),
        Step(
            "it is the mean of the whole window, and of nothing else",
            lambda: abs(given() - fmean(values())) < 0.01,
            (
                "The window begins at 09:00 (>=) and ends before 10:00 (<).",
                "The reading at 10:00 belongs to the next window. `later` includes the late readings.",
            ),
            found=given,
        ),
    )
