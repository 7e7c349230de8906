by_sensor = {"primary.key.mode": "record_value", "primary.key.fields": "sensor_id"}
place = {"topics": few, "collection.name.format": latest, "insert.mode": "upsert"}
worker.add(latest, sink | place | by_sensor)
