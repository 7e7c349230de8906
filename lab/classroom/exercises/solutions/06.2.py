db.execute("DROP TABLE IF EXISTS readings")
db.execute("CREATE TABLE readings (sensor_id, val, unit, status, ts, UNIQUE (sensor_id, ts))")
added = db.execute("INSERT OR IGNORE INTO readings SELECT * FROM sensor_logs")
