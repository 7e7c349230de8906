with KafkaProducer(**settings.kafka) as own:
    value = encode_reading(Reading("my-sensor", 21.5, "°C", "OK", SAMPLE_DAY))
    own.send(mine, value, key=b"my-sensor").get(timeout=10)
