"""Is the exercise done? Lesson 06, delivery."""

from pathlib import Path
from typing import Any

from lab.classroom.checks.queries import ask
from lab.classroom.checks.steps import Report, Step, check


def check_doubles(database: str | Path, answer: int | None) -> Report:
    """Lesson 06: `answer` is the number of readings that have more than one row in `sensor_logs`."""
    sql = "SELECT count(*), count(DISTINCT sensor_id || ts) FROM sensor_logs"

    def rows() -> Any:
        return ask(database, sql)[0]

    return check(
        Step("your answer is a number", lambda: isinstance(answer, int), "Set doubles to a number."),
        Step(
            "it is not the number of rows",
            lambda: isinstance(answer, int) and answer not in rows(),
            "HAVING count(*) > 1 keeps only the readings with more than one row.",
        ),
        Step(
            "this many readings have more than one row",
            lambda: answer == rows()[0] - rows()[1],
            "GROUP BY sensor_id, ts makes one group per reading; count the groups with more than one row.",
        ),
    )


def check_each_once(database: str | Path, table: str) -> Report:
    """The table has every reading of `sensor_logs`, each in one row."""
    name = '"' + table.replace('"', "") + '"'
    readings = f"SELECT sensor_id, val, unit, status, ts FROM {name}"
    logs = "SELECT sensor_id, val, unit, status, ts FROM sensor_logs"
    return check(
        Step(
            f"there is a table {table} with the columns of sensor_logs",
            lambda: ask(database, f"{readings} LIMIT 1") is not None,
            "CREATE TABLE makes it: sensor_id, val, unit, status, ts, and UNIQUE (sensor_id, ts).",
        ),
        Step(
            "no reading is missing in it",
            lambda: set(ask(database, readings)) == set(ask(database, logs)),
            "INSERT OR IGNORE INTO ... SELECT ... FROM sensor_logs copies them all.",
        ),
        Step(
            "no reading is in it twice",
            lambda: ask(database, f"SELECT count(*) = count(DISTINCT sensor_id || ts) FROM {name}") == [(1,)],
            f"The UNIQUE belongs in CREATE TABLE, not later. DROP TABLE {table} removes a first try.",
        ),
    )
