"""What is looked at in the exercises of lesson 06, delivery?"""

from pathlib import Path
from typing import Any

from lab.classroom.exercises.answers import number_of
from lab.classroom.exercises.exercise import Exercise, Step, exercise
from lab.classroom.exercises.queries import about_number, ask


@exercise("06.1")
def doubles(database: str | Path, doubles: Any) -> Exercise:
    """`doubles` is the number of readings that have more than one row in `sensor_logs`."""

    def counts() -> tuple[int, int]:
        return ask(database, "SELECT count(*), count(DISTINCT sensor_id || ts) FROM sensor_logs")[0]

    def readings() -> int:
        one_each = "SELECT 1 FROM sensor_logs GROUP BY sensor_id, ts HAVING count(*) > 1"
        return ask(database, f"SELECT count(*) FROM ({one_each})")[0][0]

    return about_number(
        "doubles",
        doubles,
        Step(
            "it does not count all rows, or all readings",
            lambda: number_of(doubles) not in counts(),
            ("HAVING count(*) > 1 keeps only the readings with more than one row.",),
            found=lambda: int(number_of(doubles)),
        ),
        Step(
            "so many readings have more than one row",
            lambda: number_of(doubles) == readings(),
            (
                "GROUP BY sensor_id, ts makes one group for each reading.",
                "Count the groups with more than one row, for example with len(db.execute(...).fetchall()).",
            ),
            found=lambda: int(number_of(doubles)),
        ),
    )


FIRST_TRY = "An existing table keeps its columns: DROP TABLE readings removes a first try."
READINGS = "SELECT sensor_id, val, unit, status, ts FROM readings"
LOGS = "SELECT sensor_id, val, unit, status, ts FROM sensor_logs"


@exercise("06.2")
def each_once(database: str | Path) -> Exercise:
    """The table `readings` has every reading of `sensor_logs`, each in one row."""

    def missing() -> int:
        return len(set(ask(database, LOGS)) - set(ask(database, READINGS)))

    def twice() -> int:
        return ask(database, "SELECT count(*) - count(DISTINCT sensor_id || ts) FROM readings")[0][0]

    return Exercise(
        lambda: _kind(database) != "",
        "The database has no table readings yet.",
        (
            _is_a_table(database),
            Step(
                "it has the columns of sensor_logs",
                lambda: ask(database, f"{READINGS} LIMIT 1") is not None,
                ("CREATE TABLE readings (sensor_id, val, unit, status, ts, ...) names them.", FIRST_TRY),
            ),
            Step(
                "no reading is missing in it",
                lambda: missing() == 0,
                (
                    "INSERT OR IGNORE INTO readings SELECT ... FROM sensor_logs copies them all.",
                    "A connection that is not in autocommit mode needs db.commit().",
                ),
                found=lambda: f"{missing()} missing",
            ),
            Step(
                "no reading is in it twice",
                lambda: twice() == 0,
                (
                    "UNIQUE (sensor_id, ts) in CREATE TABLE refuses a second row of one reading.",
                    FIRST_TRY,
                ),
                found=lambda: f"{twice()} rows too many",
            ),
        ),
    )


def _is_a_table(database: str | Path) -> Step:
    """A view is none: the `DROP TABLE` of a next try would fail."""
    return Step(
        "it is a table",
        lambda: _kind(database) == "table",
        ("db.execute('CREATE TABLE readings (...)') makes it. DROP VIEW readings removes a view.",),
        found=lambda: f"a {_kind(database)}",
    )


def _kind(database: str | Path) -> str:
    """What `readings` is: a table, a view, or nothing."""
    found = ask(database, "SELECT type FROM sqlite_schema WHERE lower(name) = 'readings'")
    return found[0][0] if found else ""
