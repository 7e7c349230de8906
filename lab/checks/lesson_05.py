"""Is the exercise done? Lesson 05, sensor logs."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.checks.steps import Report, Step, check
from lab.simulation import DAY, PLANTS


def check_outliers(answer: Iterable | None) -> Report:
    """Lesson 05: `answer` has the times of the planted outliers, and no others."""
    planted = {planted_at(plant.first) for plant in PLANTS if plant.fault == "outlier"}

    def given() -> Any:
        return {pd_time(time) for time in (() if answer is None else answer)}

    return check(
        Step(
            "you found some", lambda: bool(given()), "Set outliers to the times (the column ts) of some rows."
        ),
        Step(
            "all of them were planted",
            lambda: bool(given()) and given() <= planted,
            "Some are ordinary values. An outlier is far from the readings around it, not only warm.",
        ),
        Step(
            "none is missing", lambda: given() >= planted, "One can be far too low as well as far too high."
        ),
    )


def check_gap(answer: Any) -> Report:
    """Lesson 05: `answer` is the length of the planted gap, within two minutes."""
    gap = next(plant for plant in PLANTS if plant.fault == "gap")
    minutes = gap.last - gap.first + 1

    def given() -> Any:
        return answer.total_seconds() / 60 if hasattr(answer, "total_seconds") else float(answer)

    return check(
        Step(
            "your answer is a length of time",
            lambda: given() > 0,
            "Subtract start from end, or give minutes.",
        ),
        Step(
            "it is as long as the sensor was silent",
            lambda: abs(given() - minutes) <= 2,
            "find_gaps gives start and end of each silence; take the sensor that has one.",
        ),
    )


def planted_at(batch: int) -> datetime:
    """The time of a batch in the simulated day."""
    return DAY + timedelta(minutes=batch)


def pd_time(time: Any) -> datetime:
    """A time of pandas, or a text, as a datetime in UTC."""
    time = datetime.fromisoformat(str(time))
    return time if time.tzinfo else time.replace(tzinfo=UTC)
