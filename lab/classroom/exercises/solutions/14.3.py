earlier = {}
for record in list(read_records(changes, **settings.kafka))[:7]:
    sensor, change = json.loads(record.key)["sensor_id"], json.loads(record.value or "{}")
    if change.get("after"):
        earlier[sensor] = change["after"]["place"]
    else:
        earlier.pop(sensor, None)
