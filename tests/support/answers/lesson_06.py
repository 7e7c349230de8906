"""What learners answer in lesson 06."""

from tests.support.answers import Answers

SKIPPED = {"## On the way in": "### Exercise 1: how many"}

GROUPS = "SELECT count(*) FROM (SELECT 1 FROM sensor_logs GROUP BY sensor_id, ts HAVING count(*) {0})"
ASK = "import pandas\nbase = sqlite3.connect(files['write first'])\ndoubles = {0}"
CLEAR = "db.execute('DROP TABLE IF EXISTS readings')\n"
TABLE = "db.execute('CREATE TABLE readings (sensor_id, val, unit, status, ts, UNIQUE (sensor_id, ts))')\n"
COPY = "SELECT sensor_id, val, unit, status, ts FROM sensor_logs"
EACH = f"db.execute('INSERT OR IGNORE INTO readings {COPY}')"

ANSWERS = {
    "06.1": Answers(
        wrong={
            ASK.format(
                "base.execute('SELECT count(*) FROM sensor_logs').fetchone()[0]"
            ): "it does not count all",
            "doubles = 0": "so many readings have more than one row (found: 0)",
            ASK.format(
                "base.execute('SELECT count(DISTINCT sensor_id || ts) FROM sensor_logs').fetchone()[0]"
            ): "it does not count all rows, or all readings (found: 2000)",
            ASK.format(
                "sum(n for n, in base.execute('SELECT count(*) FROM sensor_logs GROUP BY sensor_id, ts') if n > 1)"
            ): "so many readings have more than one row (found: 400)",
            ASK.format(
                "len(base.execute('SELECT 1 FROM sensor_logs GROUP BY sensor_id HAVING count(*) > 1').fetchall())"
            ): "so many readings have more than one row (found: 10)",
            "doubles = 'two hundred'": "your answer is a number",
            "doubles = [100, 100]": "your answer is a number",
        },
        right=[
            ASK.format(f"base.execute('{GROUPS.format('> 1')}').fetchone()"),
            ASK.format(f"base.execute('{GROUPS.format('= 2')}').fetchall()"),
            ASK.format(
                "pandas.read_sql('SELECT * FROM sensor_logs', base)[['sensor_id', 'ts']].duplicated().sum()"
            ),
            ASK.format(
                "(pandas.read_sql('SELECT * FROM sensor_logs', base).groupby(['sensor_id', 'ts']).size() > 1).sum()"
            ),
            ASK.format("(lambda rows, different: rows - different)(*base.execute(count).fetchone())"),
            ASK.format(
                "[*__import__('collections').Counter(base.execute('SELECT sensor_id, ts FROM sensor_logs')).values()].count(2)"
            ),
            "doubles = 200.0",
        ],
    ),
    "06.2": Answers(
        wrong={
            CLEAR
            + "db.execute('CREATE TABLE readings (sensor_id, val)')": "it has the columns of sensor_logs",
            CLEAR
            + "db.execute('CREATE VIEW readings AS SELECT DISTINCT * FROM sensor_logs')": "it is a table (found: a view)",
            "db.execute('DROP VIEW readings')\n" + TABLE: "no reading is missing in it (found: 2000 missing)",
            CLEAR
            + "db.execute('CREATE TABLE readings AS SELECT * FROM sensor_logs')": "no reading is in it twice (found: 200",
            CLEAR
            + f"db.execute('CREATE TABLE readings AS {COPY} GROUP BY ts')": "no reading is missing in it (found: 1800",
            CLEAR + TABLE + "db.execute('BEGIN')\n" + EACH + "\ndb.rollback()": "no reading is missing in it",
            f"{CLEAR}{TABLE}other = sqlite3.connect(files['write first'])\n"
            f"{EACH.replace('db.', 'other.')}\nother.close()": "no reading is missing in it (found: 2000",
        },
        right=[
            CLEAR + "db.execute('CREATE TABLE readings AS SELECT DISTINCT * FROM sensor_logs')",
            CLEAR + "db.execute('CREATE TABLE readings AS SELECT * FROM sensor_logs GROUP BY ts, sensor_id')",
            CLEAR + TABLE.replace("UNIQUE", "PRIMARY KEY") + EACH,
            f"{CLEAR}{TABLE}rows = db.execute('{COPY}').fetchall()\ndb.execute('BEGIN')\n"
            "db.executemany('INSERT OR IGNORE INTO readings VALUES (?, ?, ?, ?, ?)', rows)\ndb.commit()",
            f"{CLEAR}db.execute('CREATE TABLE readings AS {COPY}')\ndb.execute('DELETE FROM readings WHERE rowid"
            " NOT IN (SELECT min(rowid) FROM readings GROUP BY sensor_id, ts)')",
            f"import pandas\n{CLEAR}each = pandas.read_sql('{COPY}', db).drop_duplicates()\n"
            "each.to_sql('readings', db, index=False)",
        ],
    ),
}
