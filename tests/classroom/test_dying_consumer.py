"""The kit's consumer dies inside its transaction, as lesson 06 shows: nothing of that is there then."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import lab


def test_it_dies_with_rows_and_offset_written_and_nothing_of_it_is_there(kafka, tmp_path):
    topic, database = lab.fresh_name("dying"), tmp_path / "kit.db"
    lab.create_topic(topic, **kafka)
    lab.produce(topic, lab.simulate_readings(10), interval=0, max_batches=200, **kafka)
    command = [
        sys.executable,
        "-m",
        "lab.classroom.dying_consumer",
        kafka["bootstrap_servers"],
        topic,
        database,
    ]
    found = []
    for transaction in ("3", "3", "never"):
        code = subprocess.run([*command, transaction], timeout=60).returncode
        with closing(sqlite3.connect(database)) as db:
            rows = "SELECT count(*), count(DISTINCT sensor_id || ts) FROM sensor_logs"
            (offset,) = db.execute("SELECT next_offset FROM offsets").fetchone()
            found.append((code, *db.execute(rows).fetchone(), offset))
    (one, *first), (two, *second), last = found
    assert (one, two, last) == (1, 1, (0, 2000, 2000, 2000))
    # It died in its third transaction, twice. None has more than a hundred: so two of them are there at most.
    # There are as many rows as the offset says, and no two alike.
    assert all(len(set(counts)) == 1 for counts in (first, second))
    assert 0 < first[0] <= 200
    assert first[0] < second[0] <= first[0] + 200
