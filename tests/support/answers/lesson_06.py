"""What learners answer in lesson 06."""

from tests.support.answers import Answers

GROUPS = "SELECT count(*) FROM (SELECT 1 FROM sensor_logs GROUP BY sensor_id, ts HAVING count(*) {0})"
ASK = "import pandas\nbase = sqlite3.connect(files['write first'])\ndoubles = {0}"
CLEAR = "db.execute('DROP TABLE IF EXISTS readings')\n"
TABLE = "db.execute('CREATE TABLE readings (sensor_id, val, unit, status, ts, UNIQUE (sensor_id, ts))')\n"

ANSWERS = {
    "06.1": Answers(
        wrong={
            ASK.format(
                "base.execute('SELECT count(*) FROM sensor_logs').fetchone()[0]"
            ): "it does not count all",
            "doubles = 0": "so many readings have more than one row (found: 0)",
            "doubles = 'two hundred'": "your answer is a number",
        },
        right=[
            ASK.format(f"base.execute('{GROUPS.format('> 1')}').fetchone()"),
            ASK.format(f"base.execute('{GROUPS.format('= 2')}').fetchall()"),
            ASK.format(
                "pandas.read_sql('SELECT * FROM sensor_logs', base)[['sensor_id', 'ts']].duplicated().sum()"
            ),
            "doubles = 200.0",
        ],
    ),
    "06.2": Answers(
        wrong={
            CLEAR
            + "db.execute('CREATE TABLE readings (sensor_id, val)')": "it has the columns of sensor_logs",
            CLEAR + TABLE: "no reading is missing in it (found: 2000 missing)",
            CLEAR
            + "db.execute('CREATE TABLE readings AS SELECT * FROM sensor_logs')": "no reading is in it twice",
        },
        right=[
            CLEAR + "db.execute('CREATE TABLE readings AS SELECT DISTINCT * FROM sensor_logs')",
            CLEAR + "db.execute('CREATE TABLE readings AS SELECT * FROM sensor_logs GROUP BY ts, sensor_id')",
        ],
    ),
}
