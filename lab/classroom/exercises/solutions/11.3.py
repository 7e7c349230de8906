def send_alarms(topic, alarms, **kafka):
    records = KafkaConsumer(topic, auto_offset_reset="earliest", consumer_timeout_ms=3000, **kafka)
    with records, KafkaProducer(**kafka) as producer:
        for reading in find_alarms(records):
            key = reading.sensor_id.encode()
            producer.send(alarms, encode_reading(reading), key=key).get(timeout=10)
            print("alarm:", reading.sensor_id, reading.ts, flush=True)
