"""Is the exercise done? Lesson 12, PostgreSQL."""

from typing import Any

from lab.classroom.checks.steps import Report, Step, check


def check_highest(warehouse: Any) -> Report:
    """The view `highest` has the highest value of each sensor, in the columns `sensor_id` and `val`."""
    highest = "SELECT sensor_id, max(val) FROM sensor_logs GROUP BY sensor_id"

    def rows() -> Any:
        return warehouse.query("SELECT sensor_id, val FROM highest")

    return check(
        Step(
            "there is a view highest with the columns sensor_id and val",
            lambda: rows() is not None,
            "CREATE OR REPLACE VIEW highest AS SELECT sensor_id, ... AS val FROM sensor_logs ...",
        ),
        Step(
            "it has one row for each sensor",
            lambda: (
                sorted(sensor_id for sensor_id, _ in rows())
                == sorted(sensor_id for sensor_id, _ in warehouse.query(highest))
            ),
            "GROUP BY sensor_id makes one row of all readings of a sensor.",
        ),
        Step(
            "each row has the highest value",
            lambda: len(rows()) > 0 and sorted(rows()) == sorted(warehouse.query(highest)),
            "max(val) is the highest value.",
        ),
    )
