"""What learners do about a program that commits and does not write."""

import sqlite3
from contextlib import closing

from lab.classroom.incidents.system import System
from tests.support.mends import edit, more_partitions, restart, rewind


def mend_the_program(system: System) -> None:
    edit(system, "storer.py", '"value"', '"val"')
    system.restart("storer")


def read_all_again(system: System) -> None:
    system.end("storer")
    rewind(system)
    system.restart("storer")


def empty_and_read_all_again(system: System) -> None:
    mend_the_program(system)
    system.end("storer")
    with closing(sqlite3.connect(system.folder / "charts.db", timeout=30)) as db:
        db.execute("DELETE FROM sensor_logs")
        db.commit()
    rewind(system)
    system.restart("storer")


WRONG = {
    "restart the program": restart("storer"),
    "restart the sender": restart("sender"),
    "more partitions": more_partitions,
    "read all again, and mend nothing": read_all_again,
}
RIGHT = {"empty the table, and read all again": empty_and_read_all_again}
