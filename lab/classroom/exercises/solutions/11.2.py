def find_alarms(records):
    critical = set()
    for record in records:
        try:
            reading = decode_reading(record.value)
        except InvalidReading:
            continue
        if reading.status == "CRITICAL" and reading.sensor_id not in critical:
            critical.add(reading.sensor_id)
            yield reading
        elif reading.status != "CRITICAL":
            critical.discard(reading.sensor_id)
