sql = "SELECT sensor_id FROM sensor_logs GROUP BY sensor_id, ts HAVING count(*) > 1"
with sqlite3.connect(files["write first"]) as db:
    doubles = len(db.execute(sql).fetchall())
