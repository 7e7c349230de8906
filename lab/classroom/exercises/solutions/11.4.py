def send_alarms(topic, alarms, **kafka):
    sent = {record.value for record in read_records(alarms, **kafka)}
    records = KafkaConsumer(topic, auto_offset_reset="earliest", consumer_timeout_ms=3000, **kafka)
    with records, KafkaProducer(**kafka) as producer:
        for reading in find_alarms(records):
            key, value = reading.sensor_id.encode(), encode_reading(reading)
            if value not in sent:
                producer.send(alarms, value, key=key).get(timeout=10)
                print("alarm:", reading.sensor_id, reading.ts, flush=True)
