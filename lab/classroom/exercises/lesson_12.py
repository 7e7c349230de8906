"""What is looked at in the exercises of lesson 12, PostgreSQL?"""

from typing import Any

from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.lesson_04 import catch_up

exercise("12.1")(catch_up)


@exercise("12.2")
def highest(warehouse: Any) -> Exercise:
    """The view `highest` has the highest value of each sensor, in the columns `sensor_id` and `val`."""

    def rows() -> list[tuple]:
        return sorted(map(tuple, warehouse.query("SELECT sensor_id, val FROM highest")))

    def right() -> list[tuple]:
        return sorted(warehouse.query("SELECT sensor_id, max(val) FROM sensor_logs GROUP BY sensor_id"))

    return Exercise(
        lambda: bool(warehouse.query("SELECT count(*) FROM highest")),
        "The database has no view highest yet.",
        (
            Step(
                "it has the columns sensor_id and val",
                lambda: warehouse.query("SELECT sensor_id, val FROM highest LIMIT 1") is not None,
                (
                    "SELECT sensor_id, ... AS val names the second column.",
                    "A view keeps the names of its columns: run the whole cell again: line 1 removes it.",
                ),
            ),
            Step(
                "it has one row for each sensor",
                lambda: [name for name, _ in rows()] == [name for name, _ in right()],
                ("GROUP BY sensor_id makes one row of all readings of a sensor.",),
                found=lambda: f"{len(rows())} rows for {len(right())} sensors",
            ),
            Step("each row has the highest value", lambda: rows() == right(), ("max(val) is that.",)),
        ),
    )
