cellar = encode_reading(Reading("cellar", 12.5, "°C", "OK", SAMPLE_DAY))
with KafkaProducer(**settings.kafka) as producer:
    producer.send(mine, fix_value(cellar, {"battery": 80}), key=b"cellar")
consume(mine, warehouse, group_id=mine, idle_timeout=2, **settings.kafka)
