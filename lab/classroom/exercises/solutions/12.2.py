sql = "SELECT sensor_id, max(val) AS val FROM sensor_logs GROUP BY sensor_id"
warehouse.execute(f"CREATE OR REPLACE VIEW highest AS {sql}")
