"""What learners do about readings that come twice, because answers are lost."""

import sqlite3
from contextlib import closing

from lab.classroom.incidents.system import System
from tests.support.mends import change, edit, restart

INSERT = "INSERT INTO sensor_logs"


def around_the_line(system: System) -> None:
    change("sender", kafka=system.kafka)(system)


def each_row_once(system: System) -> None:
    """The program that stores steps over what is in the table."""
    edit(system, "storer.py", INSERT, INSERT.replace("INSERT", "INSERT OR IGNORE"))
    system.end("storer")
    with closing(sqlite3.connect(system.folder / "charts.db", timeout=30)) as db:
        db.execute(
            "DELETE FROM sensor_logs WHERE id NOT IN (SELECT min(id) FROM sensor_logs GROUP BY sensor_id, ts)"
        )
        db.execute("CREATE UNIQUE INDEX one_row ON sensor_logs (sensor_id, ts)")
        db.commit()
    system.restart("storer")


WRONG = {
    "restart the programs": restart("line", "sender", "storer"),
    "ask for no confirmation": change("sender", kafka={"acks": 0}),
    "no retries": change("sender", kafka={"acks": "all", "retries": 0}),
    "acks=1, and more patience": change("sender", kafka={"acks": 1, "request_timeout_ms": 60_000}),
}
RIGHT = {
    "idempotence": change("sender", kafka={"acks": "all", "retries": 10, "enable_idempotence": True}),
    "around the line": around_the_line,
    "a line that loses nothing": change("line", loses_one_answer_of=10**9),
    "each row once": each_row_once,
}
